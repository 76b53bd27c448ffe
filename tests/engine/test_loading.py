"""A load that fails or is interrupted leaves nothing behind."""

import random
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cyllama_jupyter import LLM, GenerationConfig, LlamaContext, LoadError
from cyllama_jupyter.engine import loading
from cyllama_jupyter.engine.worker import _ENGINES


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    """Return a model file that no other test has loaded."""
    path = tmp_path / "own.gguf"
    path.write_bytes(tiny_model.read_bytes())
    return path


def mappings(path: Path) -> int:
    return sum(mapped.path == str(path) for mapped in psutil.Process().memory_maps())


def engines(path: Path) -> int:
    return sum(engine.alive for engine in list(_ENGINES) if engine._path == str(path))


@pytest.fixture
def _alarm_interrupts() -> Iterator[None]:
    """Let SIGALRM do what Ctrl-C does."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_what_an_on_progress_raises_leaves_no_engine(model: Path) -> None:
    def fail(_: float) -> None:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        LLM(model, on_progress=fail)
    assert (engines(model), mappings(model)) == (0, 0)


def test_failed_loads_leave_no_model_in_memory(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> LlamaContext:
        raise LoadError("no context today")

    monkeypatch.setattr(loading, "_context", fail)
    kept = []
    for _ in range(5):
        with pytest.raises(LoadError) as failed:
            LLM(model)
        kept.append(failed.value)  # as a shell keeps the last error, and its traceback
    assert (engines(model), mappings(model)) == (0, 0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a file between open() and `with`
@pytest.mark.usefixtures("_alarm_interrupts")
def test_ctrl_c_at_any_moment_of_a_load_leaves_no_engine(model: Path) -> None:
    moment = random.Random(7)
    interrupted = 0
    for _ in range(200):
        llm = None
        try:
            signal.setitimer(signal.ITIMER_REAL, moment.uniform(1e-5, 0.01))
            llm = LLM(model)
            signal.setitimer(signal.ITIMER_REAL, 0)
        except KeyboardInterrupt:
            interrupted += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        if llm is not None:
            llm.close()
    assert interrupted > 0
    for engine in list(_ENGINES):
        if engine._path == str(model):
            engine.join(10)
    assert (engines(model), mappings(model)) == (0, 0)
    assert LLM(model)("word", GenerationConfig(max_tokens=1)).finish_reason == "length"
