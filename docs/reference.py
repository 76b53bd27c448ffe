"""Writes docs/magics.md from the parsers of the magics: `make format` runs it, and a test compares."""

from argparse import SUPPRESS, Action, ArgumentParser
from collections.abc import Iterable, Iterator
from pathlib import Path
from textwrap import dedent

from cyllama_jupyter.notebook import options
from cyllama_jupyter.notebook.commands import COMMANDS, Command

__all__ = ["PAGE", "rows_of", "text"]

PAGE = Path(__file__).with_name("magics.md")

_BEGINNING = """# The magics

<!-- Written by docs/reference.py from the parsers: change those, then run `make format`. -->

`%load_ext cyllama_jupyter` registers them. What `%%llm` and `%llm` do, `%%cyllama` and `%cyllama` do too: should
another extension own the shorter name, it stays that extension's.

## `%%llm`

Answers the text of the cell with a local language model. Options stand on the first line, the prompt on those below. A
value with spaces goes in quotes, one that begins with a dash behind an equals sign (`--stop=-`).
[The tutorial](tutorial.md#settings) shows the first ones at work. Where two options exclude each other, an error says
so before anything runs."""

_COMMANDS = """## `%llm`

Looks after what the cells use. Each command prints its arguments with `--help`."""


def text() -> str:
    """Return the page."""
    commands = COMMANDS.values()
    parts = [
        _BEGINNING,
        _table("option", rows_of(options.PARSER)),
        _examples(options.PARSER),
        _COMMANDS,
        _table("command", ((_code(command.usage), _escaped(command.summary)) for command in commands)),
        *(_section(command) for command in commands if list(rows_of(command.parser))),
    ]
    return "\n\n".join(parts) + "\n"


def rows_of(parser: ArgumentParser) -> Iterator[tuple[str, str]]:
    """Yield each argument of a parser as it is typed, and what it does.

    Args:
        parser: Any parser; ``--help`` and what it hides are left out.
    """
    for action in parser._actions:  # noqa: SLF001 - argparse has no public list of them
        if action.dest != "help" and action.help != SUPPRESS:
            help_text = (action.help or "") % {**vars(action), "prog": parser.prog}
            yield ", ".join(map(_code, _typed(action))), _escaped(help_text)


def _typed(action: Action) -> list[str]:
    value = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    if not action.option_strings:
        return [value]
    takes_value = action.nargs != 0
    return [f"{option} {value}" if takes_value else option for option in action.option_strings]


def _examples(parser: ArgumentParser) -> str:
    return f"```text\n{dedent((parser.epilog or '').removeprefix('examples:')).strip()}\n```"


def _section(command: Command) -> str:
    title = f"### {_code(f'%llm {command.name}')}"
    summary = _escaped(f"{command.summary[:1].upper()}{command.summary[1:]}.")
    return "\n\n".join([title, summary, _table("argument", rows_of(command.parser))])


def _table(head: str, rows: Iterable[tuple[str, str]]) -> str:
    return "\n".join([f"| {head} | |", "|---|---|", *(f"| {left} | {right} |" for left, right in rows)])


def _code(words: str) -> str:
    return f"`{words}`".replace("|", r"\|")


def _escaped(words: str) -> str:
    r"""Keep backslashes, as in ``\n``, and what Markdown would read: tables, emphasis, tags."""
    for special in ("\\", "|", "*", "_", "<", "`"):
        words = words.replace(special, f"\\{special}")
    return words


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
