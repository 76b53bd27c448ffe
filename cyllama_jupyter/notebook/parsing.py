"""The line of a magic: words in, values or one line of complaint out."""

import argparse
import keyword
import re
import shlex
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import NoReturn, TypeVar

from IPython.core.error import UsageError

__all__ = ["Choice", "LineParser", "name", "nearest", "number", "out_of_range", "split", "text", "unescaped"]

_ESCAPES = {r"\n": "\n", r"\t": "\t", r"\\": "\\"}
_FIELD = re.compile(r"(?:^|(?<=; ))\w+(?= must be )")  # in what GenerationConfig says
_OPTIONS = {"stop_sequences": "stop"}  # where the word is another
_ALIKE = 0.85  # of difflib: what a word without dashes may differ from an option; "Hello" is none
_Number = TypeVar("_Number", int, float)


def nearest(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean …?" with the known word that is nearest, or nothing when none is near.

    Args:
        word: What was typed, with dashes or without.
        known: What could have been meant.
    """
    names = {name.lstrip("-"): name for name in known}
    typed = word.lstrip("-").lower()
    begun = [name for name in names if typed and name.startswith(typed)]
    matches = begun or get_close_matches(typed, names, n=1)
    return f"; did you mean {names[matches[0]]}?" if matches else ""


def number(convert: Callable[[str], _Number], kind: str) -> Callable[[str], _Number]:
    """Return what reads a number, for ``add_argument(type=...)``.

    Args:
        convert: ``int`` or ``float``.
        kind: What it is called in a complaint.
    """

    def read(word: str) -> _Number:
        try:
            return convert(word)
        except ValueError:
            raise argparse.ArgumentTypeError(f"needs {kind}, not {word!r}") from None

    return read


class Choice:
    """Reads one of some words, for ``add_argument(type=...)``.

    Args:
        words: Those words.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self.words = tuple(words)

    def __call__(self, word: str) -> str:
        """Return a word that is one of them."""
        if word not in self.words:
            hint = nearest(word, self.words)
            raise argparse.ArgumentTypeError(f"needs one of {', '.join(self.words)}, not {word!r}{hint}")
        return word


def text(word: str) -> str:
    """Return a text that is not empty, for ``add_argument(type=...)``."""
    if not word.strip():
        raise argparse.ArgumentTypeError("needs a value, not an empty one")
    return word


def name(word: str) -> str:
    """Return the name of a variable, for ``add_argument(type=...)``."""
    if not word.isidentifier() or keyword.iskeyword(word):
        raise argparse.ArgumentTypeError(f"needs the name of a variable, not {word!r}")
    return word


def out_of_range(error: ValueError) -> UsageError:
    """Return what ``GenerationConfig`` says of wrong values in the words of a line: ``--max-tokens``.

    Args:
        error: It names all of them.
    """
    message = " ".join(str(error).split()).removeprefix("Invalid GenerationConfig: ")
    return UsageError(_FIELD.sub(lambda field: _flag(field[0]), message).replace(", or None, got", ", got"))


def _flag(field: str) -> str:
    return f"--{_OPTIONS.get(field, field).replace('_', '-')}"


def unescaped(word: str) -> str:
    r"""Read ``\n``, ``\t`` and ``\\``, because a line cannot hold a line break."""
    pieces = iter(word)
    read = ""
    for character in pieces:
        pair = character + next(pieces, "") if character == "\\" else character
        read += _ESCAPES.get(pair, pair)
    return read


def split(line: str) -> list[str]:
    r"""Split a line as a shell does, but for the backslash: it is an ordinary character, so ``--stop \n`` keeps it.

    Raises:
        UsageError: A quote is not closed, or a backslash was meant to quote one.
    """
    if '\\"' in line or "\\'" in line:
        raise UsageError("a backslash does not quote a quote here; put the text in the other kind of quotes")
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", ""
    try:
        return list(lexer)
    except ValueError:
        raise UsageError("a quote is not closed; a text with an apostrophe goes in double quotes") from None


class LineParser(argparse.ArgumentParser):
    """Reads the line of a magic, and complains in one line.

    Args:
        prog: The magic, as ``%%llm`` or ``%llm load``.
        usage: How it is used, with ``%`` doubled.
        description: What it does.
        epilog: What follows the list of options.
        beyond: What is said of a word that is no option.
    """

    def __init__(
        self, prog: str, usage: str | None = None, description: str = "", epilog: str = "", beyond: str = ""
    ) -> None:
        super().__init__(
            prog=prog,
            usage=usage,
            description=description,
            epilog=epilog,
            formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, max_help_position=26, width=100),
            add_help=False,
            allow_abbrev=False,
            exit_on_error=False,
        )
        self._beyond = beyond or f"; {prog} --help says what it takes"

    @property
    def flags(self) -> tuple[str, ...]:
        """The options that it knows, as they are typed."""
        return tuple(self._option_string_actions)

    @property
    def positionals(self) -> tuple[argparse.Action, ...]:
        """What may stand in a line beside options."""
        return tuple(self._get_positional_actions())

    def option(self, flag: str) -> argparse.Action | None:
        """Return the option that a flag stands for, or None.

        Args:
            flag: With its dashes.
        """
        return self._option_string_actions.get(flag)

    def read(self, line: str) -> argparse.Namespace:
        """Read a line.

        Args:
            line: What stands after the magic.

        Raises:
            UsageError: An option is wrong, its value is missing or not of its kind; one line.
        """
        try:
            given, unknown = self.parse_known_args(split(line))
        except argparse.ArgumentError as error:
            self._complain(error)
        if unknown:
            self._refuse(unknown[0])
        return given

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would print before it ends the process."""
        needs = message.replace("the following arguments are required: ", "needs ")
        raise UsageError(f"{self.prog} {needs}; {self.prog} --help says what it takes")

    def _complain(self, error: argparse.ArgumentError) -> NoReturn:
        message = error.message
        if message == "expected one argument":
            message = f"needs a value (one that begins with a dash is written {error.argument_name}=VALUE)"
        elif message.startswith("ignored explicit argument"):
            message = "takes no value"
        raise UsageError(f"{error.argument_name} {message}") from None

    def _refuse(self, word: str) -> NoReturn:
        flag = word.partition("=")[0]
        if flag.startswith("-"):
            shown = flag if flag.isprintable() else repr(flag)
            raise UsageError(
                f"there is no option {shown}{nearest(flag, self.flags) or f'; {self.prog} --help lists them'}"
            )
        meant = get_close_matches(f"--{word}", self.flags, n=1, cutoff=_ALIKE)
        hint = f"; did you mean {meant[0]}?" if meant else self._beyond
        raise UsageError(f"{self.prog} does not take {word!r}{hint}")
