"""Models and loaded engines that the tests share."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import platformdirs
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from cyllama_jupyter import LLM, Generation
from cyllama_jupyter.models import prefer, resolve_model
from tests.tiny_models import write_llama, write_slow


@pytest.fixture(autouse=True, scope="session")
def _sigint_is_heard() -> None:
    """What runs in the background (``make test &``, nohup) inherits an ignored SIGINT, and so do its children."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _no_model_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whoever runs the tests may have a model of their own, aliases and settings."""
    for variable in [name for name in os.environ if name.startswith("CYLLAMA_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setattr(platformdirs, "user_config_path", lambda *_, **__: tmp_path_factory.mktemp("config"))
    prefer(None)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights, 0.3 MB: for everything that does not depend on what the text means."""
    return write_llama(tmp_path_factory.mktemp("models") / "tiny.gguf")


@pytest.fixture(scope="session")
def slow_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights with a prefill of many seconds: 4,000 tokens take 8 s or more on two cores."""
    return write_slow(tmp_path_factory.mktemp("models") / "slow.gguf")


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """Return the real model of ``cyllama-jupyter[demo]``."""
    return resolve_model(None)


@pytest.fixture(scope="session")
def _tiny_llm(tiny_model: Path) -> Iterator[LLM]:
    with LLM(tiny_model) as llm:
        yield llm


@pytest.fixture
def tiny_llm(_tiny_llm: LLM) -> Iterator[LLM]:
    """Return a loaded tiny model; whatever a test leaves running is cancelled."""
    yield _tiny_llm
    _tiny_llm.cancel()


@pytest.fixture(scope="session")
def _slow_llm(slow_model: Path) -> Iterator[LLM]:
    with LLM(slow_model) as llm:
        yield llm


@pytest.fixture
def slow_llm(_slow_llm: LLM) -> Iterator[LLM]:
    """Return a loaded slow model; whatever a test leaves running is cancelled."""
    yield _slow_llm
    _slow_llm.cancel()


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[Generation]:
    """Return the generations that a test begins, by whatever call, in their order."""
    generations: list[Generation] = []
    submit = LLM._submit

    def recorded(self: LLM, *args: Any, **kwargs: Any) -> list[Generation]:  # noqa: ANN401 - those of any call
        new = submit(self, *args, **kwargs)
        generations.extend(new)
        return new

    monkeypatch.setattr(LLM, "_submit", recorded)
    return generations


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let ``make matrix`` name the versions of ipykernel that the browser tests run on."""
    parser.addoption("--ipykernels", default="6.29.5,installed", help="versions of ipykernel, with commas between them")


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    """Return a plain IPython shell without a kernel and without a history file."""
    config = Config()
    config.HistoryManager.enabled = False
    InteractiveShell.clear_instance()
    yield InteractiveShell.instance(config=config)
    InteractiveShell.clear_instance()
