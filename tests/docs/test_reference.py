"""docs/magics.md is what the parsers say."""

from argparse import SUPPRESS, ArgumentParser

import pytest

from cyllama_jupyter.notebook import options
from cyllama_jupyter.notebook.commands import COMMANDS
from docs import reference


def test_the_page_is_what_the_parsers_say() -> None:
    assert reference.PAGE.read_text(encoding="utf-8") == reference.text(), (
        "run `make format`, which writes docs/magics.md"
    )


def test_every_option_and_command_is_in_it() -> None:
    page = reference.text()
    assert [flag for flag in options.PARSER.flags if f"`{flag}" not in page and flag != "--help"] == []
    assert [name for name in COMMANDS if f"`%llm {name}" not in page] == []


def test_what_a_parser_hides_stays_hidden() -> None:
    parser = ArgumentParser()
    parser.add_argument("--secret", help=SUPPRESS)
    assert list(reference.rows_of(parser)) == []


@pytest.mark.parametrize(
    ("typed", "settings", "row"),
    [
        (["-f", "--file"], {"metavar": "FILE", "help": "a|b"}, ("`-f FILE`, `--file FILE`", r"a\|b")),
        (["--raw"], {"action": "store_true", "help": "100 %% *raw*"}, ("`--raw`", r"100 % \*raw\*")),
        (["--n"], {"default": 3, "help": "%(default)s of them"}, ("`--n N`", "3 of them")),
        (["job"], {"nargs": "?", "metavar": "JOB"}, ("`JOB`", "")),
    ],
)
def test_a_row(typed: list[str], settings: dict[str, str], row: tuple[str, str]) -> None:
    parser = ArgumentParser()
    parser.add_argument(*typed, **settings)  # type: ignore[arg-type]
    assert list(reference.rows_of(parser)) == [row]
