"""``%%llm`` and ``%llm`` through a real IPython shell; the model is a fake, but for the last tests."""

from pathlib import Path

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from cyllama_jupyter import Response, load_ipython_extension, unload_ipython_extension
from cyllama_jupyter.models import ENVIRONMENT_VARIABLE
from cyllama_jupyter.notebook import magics, shelf
from cyllama_jupyter.notebook.commands import COMMANDS
from cyllama_jupyter.notebook.sinks import TerminalSink
from cyllama_jupyter.testing import FakeLLM
from tests.notebook.fakes import RunCell, ScriptedGeneration, ScriptedLLM, Use, interrupt_at

AGES = 600.0  # seconds


def registered(shell: InteractiveShell, kind: str, name: str) -> object:
    return shell.magics_manager.magics[kind].get(name)


@pytest.mark.usefixtures("llm")
class TestCellMagic:
    def test_answers(self, cell: RunCell, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
        result = cell("%%llm --out answer\nHi")
        assert result.success
        assert result.result is None
        assert isinstance(shell.user_ns["_llm"], Response)
        assert shell.user_ns["answer"] is shell.user_ns["_llm"]
        assert capsys.readouterr().out == "Hello\n"

    def test_a_raw_prompt_is_the_cell_without_its_last_line_break(self, cell: RunCell, llm: FakeLLM) -> None:
        cell("%%llm --raw\n  two\n\nlines  ")
        assert llm.asked == ["  two\n\nlines  "]

    def test_a_message_is_the_cell_without_what_surrounds_it(self, cell: RunCell, llm: FakeLLM) -> None:
        cell("%%llm\n\n  two\n\nlines\n\n")
        assert llm.asked == [[{"role": "user", "content": "two\n\nlines"}]]

    def test_the_line_takes_variables(self, cell: RunCell, shell: InteractiveShell, llm: FakeLLM) -> None:
        shell.user_ns["role"] = "a pirate"
        cell("%%llm --system 'You are {role}.'\nHi")
        assert {"role": "system", "content": "You are a pirate."} in llm.asked[0]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("%%llm", "empty"),
            ("%%llm\n", "empty"),
            ("%%llm\n \t\n", "the cell is empty"),
            ("%%llm --sed 1\nHi", "did you mean --seed?"),
            ("%%llm --top-p 3\nHi", "--top-p must be a number from 0.0 to 1.0, got 3.0"),
            ("%%llm Hello\nHi", "%%llm does not take 'Hello'; the prompt goes on the lines below"),
        ],
    )
    def test_usage(
        self, cell: RunCell, llm: FakeLLM, capsys: pytest.CaptureFixture[str], text: str, message: str
    ) -> None:
        result = cell(text)
        assert isinstance(result.error_in_exec, UsageError)
        err = capsys.readouterr().err
        assert message in err
        assert len(err.splitlines()) == 1
        assert llm.asked == []

    @pytest.mark.parametrize("text", ["%%llm --help", "%%llm --help\n", "%%llm --help\nHi", "%%cyllama --help"])
    def test_help_needs_no_prompt(self, cell: RunCell, capsys: pytest.CaptureFixture[str], text: str) -> None:
        assert cell(text).success
        assert "--temperature T" in capsys.readouterr().out

    def test_an_error_is_one_line_and_a_failure(
        self, cell: RunCell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.undo()
        result = cell("%%llm --model /nowhere/a.gguf\nHi")
        assert type(result.error_in_exec).__name__ == "ModelNotFoundError"
        assert capsys.readouterr().out.splitlines() == ["ModelNotFoundError: there is no model file '/nowhere/a.gguf'"]

    def test_an_interrupt(
        self, cell: RunCell, shell: InteractiveShell, use: Use, capsys: pytest.CaptureFixture[str]
    ) -> None:
        use(ScriptedLLM(ScriptedGeneration(["a "] * 9, on_wait=interrupt_at(2))).as_llm)
        result = cell("%%llm --out story\nHi")
        assert isinstance(result.error_in_exec, KeyboardInterrupt)
        assert shell.user_ns["story"].finish_reason == "cancelled"
        out, err = capsys.readouterr()
        assert out.splitlines()[0] == "a a a "
        assert "KeyboardInterrupt: stopped after 3 tokens" in out
        assert "stopped after 3 tokens" in err

    def test_stop_in_the_load_is_no_error(
        self, cell: RunCell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(shelf, "LLM", lambda _, on_progress: FakeLLM(load_seconds=AGES, on_progress=on_progress))
        monkeypatch.setattr(TerminalSink, "poll", lambda _: True)
        for text in ("%%llm --model a.gguf\nHi", "%llm load a.gguf"):
            assert cell(text).success
            assert capsys.readouterr() == ("", "stopped while loading a.gguf; it is not in memory\n")


@pytest.mark.usefixtures("llm")
class TestLineMagic:
    def test_load_status_show_unload(self, cell: RunCell, llm: FakeLLM, capsys: pytest.CaptureFixture[str]) -> None:
        cell("%llm load '/models/a b.gguf'")
        assert capsys.readouterr().err == "loaded fake.gguf · context of 2,048 tokens\n"
        cell("%llm status")
        status = capsys.readouterr().out
        assert "fake.gguf (current): context of 2,048 tokens" in status
        assert "seed=random" in status
        assert "uses /models/a b.gguf" in status
        cell("%%llm\nHi")
        capsys.readouterr()
        cell("%llm show")
        out, err = capsys.readouterr()
        assert (out, err.split(" · ")[0]) == ("Hello\n", "1 token")
        cell("%llm unload")
        assert capsys.readouterr().out == "unloaded fake.gguf\n"
        assert llm.closed
        cell("%llm unload")
        assert capsys.readouterr().out == "no model was loaded\n"

    def test_status_without_any_model(
        self, cell: RunCell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.delenv(ENVIRONMENT_VARIABLE)
        monkeypatch.setattr("cyllama_jupyter.models._bundled_model", lambda: None)
        assert cell("%llm status").success
        assert "no model to use" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("%llm", "%llm needs a command: %llm --help lists them"),
            ("%llm lod a.gguf", "there is no %llm lod; did you mean load?"),
            ("%llm xyz", "there is no %llm xyz; %llm --help lists the commands"),
            ("%llm load ''", "REF needs a value, not an empty one"),
            ("%llm status now", "%llm status does not take 'now'; %llm status --help says what it takes"),
            ("%llm jobs --all", "there is no option --all; %llm jobs --help lists them"),
            ("%llm stop 7", "there is no job 7: %llm jobs lists them"),
            ("%llm wait all", "there is no job all: %llm jobs lists them"),
            ("%llm show", "there is no answer to show yet"),
        ],
    )
    def test_usage(self, cell: RunCell, capsys: pytest.CaptureFixture[str], text: str, message: str) -> None:
        assert isinstance(cell(text).error_in_exec, UsageError)
        err = capsys.readouterr().err
        assert message in err
        assert len(err.splitlines()) == 1


class TestRegister:
    def test_both_names_of_both_kinds(self, cell: RunCell, shell: InteractiveShell) -> None:
        del cell
        for kind in ("cell", "line"):
            assert registered(shell, kind, "llm") == registered(shell, kind, "cyllama") is not None

    def test_a_command_tells_what_it_takes(self, cell: RunCell, capsys: pytest.CaptureFixture[str]) -> None:
        assert cell("%llm load --help").success
        assert "REF" in capsys.readouterr().out
        assert cell("%llm --help").success
        out = capsys.readouterr().out
        assert all(f"  %llm {name} " in out for name in COMMANDS)

    def test_unload_takes_all_away(self, shell: InteractiveShell, llm: FakeLLM) -> None:
        before = len(shell.input_transformers_cleanup)
        load_ipython_extension(shell)
        run_cell: RunCell = shell.run_cell
        run_cell("%%llm\nHi")
        unload_ipython_extension(shell)
        assert llm.closed
        assert registered(shell, "cell", "llm") is registered(shell, "line", "cyllama") is None
        assert len(shell.input_transformers_cleanup) == before
        unload_ipython_extension(shell)

    def test_twice_is_once(self, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
        before = len(shell.input_transformers_cleanup)
        magics.register(shell)
        magics.register(shell)
        assert len(shell.input_transformers_cleanup) == before + 1
        magics.unregister(shell)
        assert capsys.readouterr().err == ""

    def test_a_name_that_is_taken(self, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
        def theirs(line: str, cell: str) -> None:
            """Belong to somebody else."""

        shell.magics_manager.register_function(theirs, "cell", "llm")
        magics.register(shell)
        err = capsys.readouterr().err
        assert len(err.splitlines()) == 1
        assert __name__ in err
        assert "%%cyllama" in err
        assert registered(shell, "cell", "llm") is theirs
        assert registered(shell, "cell", "cyllama") is not None
        magics.unregister(shell)
        assert registered(shell, "cell", "llm") is theirs
        assert registered(shell, "cell", "cyllama") is None

    def test_who_took_the_name_later_keeps_it(self, shell: InteractiveShell) -> None:
        def theirs(line: str, cell: str) -> None:
            """Belong to somebody else."""

        magics.register(shell)
        shell.magics_manager.register_function(theirs, "cell", "llm")
        magics.unregister(shell)
        assert registered(shell, "cell", "llm") is theirs


def test_a_real_model(
    cell: RunCell, shell: InteractiveShell, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = cell(f"%%llm --model '{tiny_model}' --max-tokens 8 --seed 1 --out a\nHi")
    assert result.success
    answer = shell.user_ns["a"]
    assert answer.stats.generated_tokens <= 8
    assert answer.model == str(tiny_model.resolve())
    cell(f"%%llm --model '{tiny_model}' --max-tokens 8 --seed 1 --out b\nHi")
    assert shell.user_ns["b"] == answer
    capsys.readouterr()
    assert not cell(f"%%llm --model '{tiny_model}'\n{'word ' * 100_000}").success
    assert capsys.readouterr().out.startswith("ContextOverflow: the prompt has ")
