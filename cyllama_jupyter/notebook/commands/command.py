"""What a command of ``%llm`` is."""

import argparse
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, field

from cyllama_jupyter.notebook.parsing import LineParser
from cyllama_jupyter.notebook.session import Session

__all__ = ["Command"]


def _nothing(_: LineParser) -> None:
    """Add no argument."""


@dataclass(frozen=True)
class Command:
    """One command of ``%llm``.

    Args:
        name: What it is called, one word or two.
        summary: What it does, in a line.
        run: Does it.
        arguments: Adds its arguments to its parser.
    """

    name: str
    summary: str
    run: Callable[[Session, Namespace], None]
    arguments: Callable[[LineParser], None] = _nothing
    parser: LineParser = field(init=False)

    def __post_init__(self) -> None:
        """Make the parser."""
        parser = LineParser(prog=f"%llm {self.name}", description=self.summary)
        self.arguments(parser)
        parser.add_argument("--help", action="store_true", help="print this")
        object.__setattr__(self, "parser", parser)

    @property
    def usage(self) -> str:
        """How it is typed, in a line."""
        words = self.parser.format_usage().removeprefix("usage: ").split()
        return " ".join(words).replace(" [--help]", "")

    @property
    def synopsis(self) -> str:
        """How it is typed, in a short line: its options are left to its own help."""
        shown = [each for each in self.parser.positionals if each.help != argparse.SUPPRESS]
        words = [str(each.metavar) if each.nargs is None else f"[{each.metavar}]" for each in shown]
        options = ["[options]"] if set(self.parser.flags) - {"--help"} else []
        return " ".join([f"%llm {self.name}", *words, *options])

    def __call__(self, session: Session, line: str) -> None:
        """Read the rest of its line, and run it.

        Args:
            session: The notebook's.
            line: What stands after its name.

        Raises:
            UsageError: An argument is wrong.
        """
        asks = "--help" in line.split()
        if asks:
            session.say(self.parser.format_help().rstrip())
        else:
            self.run(session, self.parser.read(line))
