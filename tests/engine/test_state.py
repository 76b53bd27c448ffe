"""What was computed survives the process that computed it, and a bad file is an error and nothing else."""

import errno
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cyllama_jupyter import (
    LLM,
    ClosedError,
    CyllamaError,
    GenerationConfig,
    StateError,
    StateNotFoundError,
)
from cyllama_jupyter.engine import state
from cyllama_jupyter.testing import FakeLLM
from tests.tiny_models import write_gemma3, write_jamba, write_llama, write_mamba

GREEDY = GenerationConfig(max_tokens=40, temperature=0.0)
READ_ONLY = GenerationConfig(max_tokens=0)
ENDLESS = GenerationConfig(max_tokens=1_000_000)
BEGINNING = "Hello you and me," * 30  # more than the shortest context of llama.cpp, 256 tokens
PROMPT = BEGINNING + " what is it"

# Two lives of one kernel: what the first has read, the second does not read again.
FIRST_LIFE = """
import sys
from cyllama_jupyter import LLM, GenerationConfig
path, saved, beginning = sys.argv[1:]
llm = LLM(path)
llm(beginning, GenerationConfig(max_tokens=0))
print(llm.save_state(saved))
"""
SECOND_LIFE = """
import sys
from cyllama_jupyter import LLM, GenerationConfig
path, saved, prompt = sys.argv[1:]
llm = LLM(path)
print(llm.load_state(saved))
response = llm(prompt, GenerationConfig(max_tokens=40, temperature=0.0))
print(response.stats.reused_tokens)
print(repr(str(response)))
"""


def live(script: str, *arguments: str | Path) -> list[str]:
    """Run a script to its end and return the lines that it printed."""
    command = [sys.executable, "-W", "error", "-c", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def reused(llm: LLM, prompt: str) -> int:
    """Read a prompt, and return how many of its tokens were in memory already."""
    stats = llm(prompt, READ_ONLY).stats
    assert stats is not None
    return stats.reused_tokens


@pytest.fixture(scope="module")
def saved(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the state of the tiny model after ``BEGINNING``."""
    path = tmp_path_factory.mktemp("states") / "tiny.state"
    with LLM(tiny_model) as llm:
        llm(BEGINNING, READ_ONLY)
        assert llm.save_state(path) > 200
    return path


@pytest.mark.parametrize("write", [write_llama, write_mamba, write_jamba, write_gemma3])
def test_a_second_process_goes_on_where_the_first_one_was(write: Callable[[Path], Path], tmp_path: Path) -> None:
    path = write(tmp_path / "model.gguf")
    with LLM(path) as llm:
        uninterrupted = llm(PROMPT, GREEDY)
    (n_saved,) = live(FIRST_LIFE, path, tmp_path / "a.state", BEGINNING)
    n_loaded, n_reused, text = live(SECOND_LIFE, path, tmp_path / "a.state", PROMPT)
    assert int(n_saved) == int(n_loaded) == int(n_reused) > 200
    assert text == repr(str(uninterrupted))


def test_what_was_generated_is_saved_too(tiny_model: Path, tmp_path: Path) -> None:
    with LLM(tiny_model) as llm:
        answer = llm(PROMPT, GREEDY)
        n_saved = llm.save_state(tmp_path / "a.state")
    with LLM(tiny_model) as llm:
        assert llm.load_state(tmp_path / "a.state") == n_saved
        assert reused(llm, PROMPT + answer) > 400


def test_it_is_taken_in_beside_what_is_there(tiny_llm: LLM, saved: Path) -> None:
    other = "Something else altogether, and long enough to stay. " * 10
    tiny_llm(other, READ_ONLY)
    tiny_llm.load_state(saved)
    assert reused(tiny_llm, PROMPT) > 200
    assert reused(tiny_llm, other) > 200


def test_saving_while_others_generate(tiny_model: Path, tmp_path: Path) -> None:
    with LLM(tiny_model) as llm:
        running = [llm.submit(f"{number} {BEGINNING}", ENDLESS) for number in range(3)]
        for generation in running:
            next(generation)
        assert llm.save_state(tmp_path / "a.state") > 600
        assert not any(generation.done() for generation in running)
    with LLM(tiny_model) as llm:
        llm.load_state(tmp_path / "a.state")
        assert reused(llm, f"1 {BEGINNING}, you") > 200


def test_nothing_computed_is_a_state_too(tiny_model: Path, tmp_path: Path) -> None:
    with LLM(tiny_model) as llm:
        assert llm.save_state(tmp_path / "a.state") == 0
        assert llm.load_state(tmp_path / "a.state") == 0


def test_what_a_longer_sequence_continues_is_saved_once(tmp_path: Path) -> None:
    sequences = [([1, 2], b"a"), ([1, 2, 3], b"b"), ([1, 3], b"c")]
    assert state.write(tmp_path / "a", sequences, {}) == 5
    assert [(list(tokens), data) for tokens, data in state.read(tmp_path / "a", {}, 9, 99)] == sequences[1:]


def test_the_oldest_is_left_out_where_memory_is_short(tmp_path: Path) -> None:
    state.write(tmp_path / "a", [([1], b"old"), ([2], b"newer"), ([3], b"newest")], {})
    kept = [[data for _, data in state.read(tmp_path / "a", {}, 9, room)] for room in (99, 19, 10)]
    assert kept == [[b"old", b"newer", b"newest"], [b"newer", b"newest"], [b"newest"]]
    with pytest.raises(StateError, match="needs 7 bytes of memory or more"):
        state.read(tmp_path / "a", {}, 9, 6)


class TestTheFile:
    def test_nobody_else_may_read_it(self, tiny_llm: LLM, tmp_path: Path) -> None:
        tiny_llm.save_state(tmp_path / "a.state")
        assert stat.S_IMODE((tmp_path / "a.state").stat().st_mode) == 0o600

    def test_a_link_stays_one(self, tiny_llm: LLM, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(tmp_path / "a.state")
        tiny_llm.save_state(tmp_path / "link")
        assert (tmp_path / "link").is_symlink()
        assert tiny_llm.load_state(tmp_path / "a.state") >= 0

    def test_the_home_folder(self, tiny_llm: LLM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        tiny_llm.save_state("~/a.state")
        tiny_llm.load_state("~/a.state")
        assert (tmp_path / "a.state").exists()

    @pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
    @pytest.mark.parametrize("step", [(os, "fsync"), (Path, "replace")])
    def test_a_write_that_fails_leaves_the_old_one(
        self,
        step: tuple[Any, str],
        error: BaseException,
        tiny_llm: LLM,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def fail(*_: object) -> None:
            raise error

        path = tmp_path / "a.state"
        path.write_bytes(b"the old one")
        monkeypatch.setattr(*step, fail)
        with pytest.raises(type(error)):
            tiny_llm.save_state(path)
        monkeypatch.undo()
        assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"a.state": b"the old one"}

    def test_where_nothing_can_be_written(self, tiny_llm: LLM, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        for path, error in [
            (tmp_path / "nowhere/a.state", FileNotFoundError),
            (tmp_path / "file/a.state", NotADirectoryError),
            (tmp_path, IsADirectoryError),
        ]:
            with pytest.raises(error):
                tiny_llm.save_state(path)
        assert [file.name for file in tmp_path.iterdir()] == ["file"]
        assert not list(tmp_path.parent.glob(".*.tmp"))


class TestWhereItComesFrom:
    def test_another_model(self, saved: Path, tmp_path: Path) -> None:
        with LLM(write_llama(tmp_path / "other.gguf", seed=1)) as llm:
            with pytest.raises(StateError, match=r"saved with another model .* save it anew"):
                llm.load_state(saved)
            assert reused(llm, PROMPT) == 0

    def test_a_copy_of_the_model(self, saved: Path, tiny_model: Path, tmp_path: Path) -> None:
        copy = tmp_path / "copy.gguf"
        copy.write_bytes(tiny_model.read_bytes())
        with LLM(copy) as llm:
            llm.load_state(saved)
            assert reused(llm, PROMPT) > 200

    def test_another_flash_attention(self, saved: Path, tiny_model: Path) -> None:
        with LLM(tiny_model, flash_attn="on") as llm, pytest.raises(StateError, match=r"another flash_attn \('off'\)"):
            llm.load_state(saved)

    def test_another_llama_cpp(self, saved: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("cyllama_jupyter.engine.fingerprint.LLAMA_CPP_PYTHON_VERSION", "9.9")
        with LLM(tiny_model) as llm, pytest.raises(StateError, match="another llama-cpp-python"):
            llm.load_state(saved)

    @pytest.mark.parametrize("change", [Path.unlink, Path.touch])
    def test_a_model_file_that_has_changed(
        self, change: Callable[[Path], None], tiny_model: Path, tmp_path: Path
    ) -> None:
        path = tmp_path / "model.gguf"
        path.write_bytes(tiny_model.read_bytes())
        os.utime(path, (1, 1))
        with LLM(path) as llm:
            change(path)
            with pytest.raises(StateError, match="has changed since it was loaded: load the model again"):
                llm.save_state(tmp_path / "a.state")
        assert not (tmp_path / "a.state").exists()

    def test_a_context_that_is_too_short_for_it(self, saved: Path, tiny_model: Path) -> None:
        with LLM(tiny_model, n_ctx=256) as llm:
            llm.load_state(saved)
            assert reused(llm, BEGINNING[:200]) == 0  # and it is answered


def test_a_closed_one(tiny_model: Path, saved: Path, tmp_path: Path) -> None:
    llm = LLM(tiny_model)
    llm.close()
    with pytest.raises(ClosedError):
        llm.save_state(tmp_path / "a.state")
    with pytest.raises(ClosedError):
        llm.load_state(saved)
    assert not list(tmp_path.iterdir())


def test_a_close_at_the_same_time_never_writes_half(tiny_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.state"
    for _ in range(20):
        with LLM(tiny_model) as llm:
            llm(BEGINNING, READ_ONLY)
            closing = threading.Thread(target=llm.close)
            closing.start()
            try:
                assert llm.save_state(path) > 200
            except CyllamaError as error:
                assert isinstance(error, ClosedError)  # noqa: PT017 - either may come first
            closing.join()


def test_a_fake_engine_saves_nothing(tmp_path: Path) -> None:
    with FakeLLM() as llm:
        assert llm.save_state(tmp_path / "a.state") == llm.load_state(tmp_path / "a.state") == 0
        with pytest.raises(StateNotFoundError):
            llm.load_state(tmp_path / "nowhere")
