"""Tab completion of the magics' lines, through IPython's own completer."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

from cyllama_jupyter.errors import AliasError
from cyllama_jupyter.notebook import commands, options
from cyllama_jupyter.notebook.completion import Completer
from cyllama_jupyter.notebook.session import Session


@pytest.fixture
def session() -> SimpleNamespace:
    return SimpleNamespace(
        namespace={"df": 1, "data": {"type": "object"}, "Dog": type("Dog", (), {}), "dogs": list[int], "_hidden": 3},
        alias_names=["small", "large"],
        shelf=[SimpleNamespace(model_path="/models/loaded.gguf")],
        chat_names=["physics", "my chat"],
    )


@pytest.fixture
def completer(shell: InteractiveShell, session: SimpleNamespace) -> Iterator[Completer]:
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
            ("%%llm --attach d", ["data", "df", "dogs"]),
            ("%%llm --schema ", ["Dog", "data", "dogs"]),
            ("%%llm --attach _", ["_hidden"]),
            ("%%llm --chat ", ["'my chat'", "physics"]),
            ("%%llm --model l", ["large"]),
            ("%llm sto", ["stop"]),
            ("%llm chats sh", ["show"]),
            ("%llm chats ", ["--help", "delete", "fork", "load", "reset", "save", "show", "undo"]),
            ("%llm chats show p", ["physics"]),
            ("%llm chats delete p", ["physics"]),
            ("%llm load sm", ["small"]),
            ("%llm load /models/lo", ["/models/loaded.gguf"]),
            ("%llm load --flash-attn ", ["off", "on"]),
            ("%llm load small --type-k q8", ["q8_0"]),
            ("%llm load --n-threads ", ["auto"]),
            ("%llm load --type-k=q4_", ["--type-k=q4_0", "--type-k=q4_1"]),
            ("%llm alias --remove s", ["small"]),
            ("%llm alias new l", ["large"]),
            ("%llm load --n-ctx 512 sm", ["small"]),
            ("%llm load small sm", ["sm"]),
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

    @pytest.mark.parametrize(
        "text",
        ["%%llm --max-tokens ", "%%llm --stop a", "%%llm --timeout 1", "%%llm --zzz", "%llm alias a", "%llm nothing a"],
    )
    def test_where_anything_may_stand_pythons_names_are_not_offered(self, shell: InteractiveShell, text: str) -> None:
        shell.user_ns["a_name"] = 1
        assert offered(shell, text) == [text.rpartition(" ")[2]]  # it stays as it is

    def test_an_expression_in_the_line_is_pythons(self, shell: InteractiveShell) -> None:
        shell.user_ns["some_data_frame"] = 1
        assert "{some_data_frame" in offered(shell, "%%llm --stop {some_data_fr")

    def test_a_damaged_file_of_aliases_costs_its_names_alone(
        self, shell: InteractiveShell, session: SimpleNamespace, capsys: pytest.CaptureFixture[str]
    ) -> None:
        class Damaged(SimpleNamespace):
            @property
            def alias_names(self) -> list[str]:
                raise AliasError("the aliases cannot be read")

        completer = Completer(cast("Session", Damaged(**{**vars(session), "alias_names": None})), ("damaged",))
        completer.install(shell)
        assert offered(shell, "%%damaged --model /models/l") == ["/models/loaded.gguf"]
        completer.uninstall(shell)
        assert capsys.readouterr() == ("", "")

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
