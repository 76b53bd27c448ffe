"""``%%llm --bg`` and its jobs through a real IPython shell; the model is a fake."""

import signal
import threading
from collections.abc import Callable

import pytest
from IPython.core.interactiveshell import InteractiveShell

from cyllama_jupyter import LLM, DecodeError, LoadCancelled
from cyllama_jupyter.notebook import shelf
from cyllama_jupyter.notebook.frontend import FrontEnds
from cyllama_jupyter.testing import FakeLLM
from tests.notebook.fakes import RunCell, Use

SLOW = 0.1  # tokens a second
AGES = 600.0  # seconds


def stop_and_wait(cell: RunCell) -> None:
    """Leave no job behind that would write into the next test."""
    assert cell("%llm stop").success
    assert cell("%llm wait").success


@pytest.mark.usefixtures("llm")
class TestBackground:
    def test_the_cell_returns_and_the_answer_comes(
        self, cell: RunCell, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert cell("%%llm --bg --out answer\nHi\n  there").success
        assert cell("%llm wait").success
        assert shell.user_ns["answer"] == shell.user_ns["_llm"] == "Hello"
        capsys.readouterr()
        cell("%llm jobs")
        assert capsys.readouterr().out.split(maxsplit=2) == ["1", "stop", "Hi there\n"]

    def test_stop(self, cell: RunCell, shell: InteractiveShell, use: Use, capsys: pytest.CaptureFixture[str]) -> None:
        with FakeLLM("Hello", rate=SLOW) as slow:
            use(slow)
            for name in ("a", "b"):
                assert cell(f"%%llm --bg --out {name}\nHi").success
            cell("%llm jobs")
            assert capsys.readouterr().out.split() == ["1", "running", "Hi", "2", "running", "Hi"]
            cell("%llm stop 2")
            cell("%llm wait 2")
            assert shell.user_ns["b"].finish_reason == "cancelled"
            assert "a" not in shell.user_ns
            stop_and_wait(cell)
            assert shell.user_ns["a"].finish_reason == "cancelled"

    def test_an_interrupt_of_the_wait_leaves_the_jobs_alone(
        self, cell: RunCell, use: Use, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with FakeLLM("Hello", rate=SLOW) as slow:
            use(slow)
            cell("%%llm --bg\nHi")
            monkeypatch.setattr(FrontEnds, "pump", lambda _: lambda: signal.raise_signal(signal.SIGINT))
            result = cell("%llm wait")
            assert isinstance(result.error_in_exec, KeyboardInterrupt)
            assert "KeyboardInterrupt: stopped waiting; the jobs go on (%llm stop ends them)" in capsys.readouterr().out
            cell("%llm jobs")
            assert "running" in capsys.readouterr().out
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
            monkeypatch.undo()
            stop_and_wait(cell)

    def test_an_interrupt_of_another_cell_leaves_the_jobs_alone(
        self, cell: RunCell, use: Use, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with FakeLLM("Hello", rate=SLOW) as slow:
            use(slow)
            cell("%%llm --bg\nHi")
            assert isinstance(cell("raise KeyboardInterrupt").error_in_exec, KeyboardInterrupt)
            capsys.readouterr()
            cell("%llm jobs")
            assert "running" in capsys.readouterr().out
            stop_and_wait(cell)

    def test_an_error_is_told_in_the_output_below_the_text(
        self, cell: RunCell, use: Use, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with FakeLLM("Hello", fail_with=DecodeError("llama_decode returned -3")) as failing:
            use(failing)
            assert cell("%%llm --bg\nHi").success
            assert cell("%llm wait").success
        out, err = capsys.readouterr()
        assert out == "Hello\n"
        assert err.count("failed: DecodeError: llama_decode returned -3") == err.count("failed") == 1
        cell("%llm jobs")
        assert "failed" in capsys.readouterr().out

    def test_where_nobody_looks_on_the_cell_waits_for_its_answer(
        self,
        cell: RunCell,
        shell: InteractiveShell,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setattr(FrontEnds, "watched", False)
        cell("%%llm --bg\nHi")
        assert shell.user_ns["_llm"] == "Hello"
        capsys.readouterr()
        cell("%llm jobs")
        assert "there are no jobs" in capsys.readouterr().out

    @pytest.mark.usefixtures("llm")
    def test_unload_stops_one_that_is_still_loading(
        self, cell: RunCell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        begun = threading.Event()

        def load_for_ever(*_: object, on_progress: Callable[[float], bool]) -> LLM:
            begun.set()
            while on_progress(0.5):
                pass
            raise LoadCancelled("on_progress returned False")

        monkeypatch.setattr(shelf, "LLM", load_for_ever)
        cell("%%llm --bg --model endless.gguf\nHi")
        assert begun.wait(AGES)
        assert cell("%llm unload").success
        assert cell("%llm wait").success
        out, err = capsys.readouterr()
        assert out == "stopped loading endless.gguf\n"
        assert err.count("stopped while loading endless.gguf; it is not in memory") == 1
        cell("%llm jobs")
        assert "cancelled" in capsys.readouterr().out

    def test_unload_ends_them(self, cell: RunCell, use: Use, capsys: pytest.CaptureFixture[str]) -> None:
        slow = FakeLLM("Hello", rate=SLOW)
        use(slow)
        cell("%llm load fake.gguf")
        cell("%%llm --bg\nHi")
        cell("%llm unload")
        cell("%llm wait")
        assert slow.closed
        capsys.readouterr()
        cell("%llm jobs")
        assert "running" not in capsys.readouterr().out
