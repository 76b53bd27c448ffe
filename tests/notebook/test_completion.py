"""Tab completion of the magics' lines, through IPython's own completer."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

from cyllama_jupyter.notebook import commands, options
from cyllama_jupyter.notebook.completion import Completer
from cyllama_jupyter.notebook.session import Session


@pytest.fixture
def completer(shell: InteractiveShell) -> Iterator[Completer]:
    session = SimpleNamespace(
        namespace={"df": 1, "data": 2, "_hidden": 3},
        model_names=["small", "large"],
        chat_names=["physics", "my chat"],
    )
    completer = Completer(cast("Session", session), ("llm", "cyllama"))
    completer.install(shell)
    yield completer
    completer.uninstall(shell)


def offered(shell: InteractiveShell, text: str) -> list[str]:
    """Return the whole words that may stand at the end of a text."""
    with provisionalcompleter():
        found = shell.Completer.completions(text, len(text))
        return [text[text.rfind(" ") + 1 : each.start] + each.text for each in found]


@pytest.mark.usefixtures("completer")
class TestLines:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("%%llm --ma", ["--max-tokens"]),
            ("%%cyllama --ma", ["--max-tokens"]),
            ("%%llm --seed 1 --tem", ["--temperature"]),
            ("%%llm --as ta", ["table"]),
            ("%%llm --as=j", ["--as=json"]),
            ("%%llm --as ", sorted(options.FORMS)),
            ("%%llm --attach d", ["data", "df"]),
            ("%%llm --schema d", ["data", "df"]),
            ("%%llm --attach _", ["_hidden"]),
            ("%%llm --chat ", ["'my chat'", "physics"]),
            ("%%llm --model l", ["large"]),
            ("%llm sto", ["stop"]),
            ("%llm chats sh", ["show"]),
            ("%llm chats ", ["--help", "fork", "load", "reset", "save", "show", "undo"]),
            ("%llm chats show p", ["physics"]),
            ("%llm load sm", ["small"]),
            ("%llm jobs --", ["--help"]),
        ],
    )
    def test_what_is_offered(self, shell: InteractiveShell, text: str, words: list[str]) -> None:
        assert offered(shell, text) == words

    def test_every_command(self, shell: InteractiveShell) -> None:
        assert set(offered(shell, "%llm ")) == {name.split()[0] for name in commands.COMMANDS}

    def test_every_option(self, shell: InteractiveShell) -> None:
        assert set(offered(shell, "%%llm --")) == {flag for flag in options.PARSER.flags if flag.startswith("--")}

    def test_files(self, shell: InteractiveShell, tmp_path: Path) -> None:
        (tmp_path / "model.gguf").touch()
        (tmp_path / "notes.txt").touch()
        (tmp_path / "folder").mkdir()
        assert offered(shell, f"%%llm --file {tmp_path}/n") == [f"{tmp_path}/notes.txt"]
        assert offered(shell, f"%llm load {tmp_path}/") == [f"{tmp_path}/folder/", f"{tmp_path}/model.gguf"]

    def test_the_cell_below_is_pythons(self, shell: InteractiveShell) -> None:
        shell.user_ns["some_data_frame"] = 1
        assert "some_data_frame" in offered(shell, "%%llm --as table\nThe sum of {{ some_data_fr")

    def test_other_lines_are_others(self, shell: InteractiveShell) -> None:
        assert "%%llm" not in "".join(offered(shell, "impor"))
        assert offered(shell, "impor") == ["import"]


def test_an_uninstalled_one_is_not_asked(shell: InteractiveShell) -> None:
    before = list(shell.Completer.custom_matchers)
    completer = Completer(cast("Session", SimpleNamespace()), ("llm",))
    completer.install(shell)
    completer.uninstall(shell)
    assert list(shell.Completer.custom_matchers) == before
