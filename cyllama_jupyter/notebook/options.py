"""The line of a ``%%llm`` cell: words in, a frozen ``CellOptions`` or one line of complaint out."""

import argparse
import keyword
import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import NoReturn, TypeVar

from IPython.core.error import UsageError

from cyllama_jupyter.config import GenerationConfig

__all__ = ["CellOptions", "help_text", "nearest", "parse"]

_EXAMPLES = """examples:
  %%llm --max-tokens 200 --temperature 0.2 --out answer
  Why is the sky blue?

  %%llm --system "You are terse." --stop "\\n\\n" --seed 7
  Name three rivers.
"""
_ESCAPES = {r"\n": "\n", r"\t": "\t", r"\\": "\\"}
_Number = TypeVar("_Number", int, float)


@dataclass(frozen=True)
class CellOptions:
    """What the line of a cell asks for; None and () stand for "not given".

    Args:
        max_tokens: The most tokens to generate.
        temperature: Randomness of the choice.
        top_p: Choose among the likeliest tokens that make up this much probability.
        seed: Seed of the choice.
        stop: Texts that end the answer.
        system: The system message of the chat.
        raw: Send the cell as it is, without the chat template.
        out: Name of a variable for the answer.
        model: Path of the model for this cell alone.
        bg: Run in the background.
        timeout: Seconds after which the answer ends.
        help: Print the options and run nothing.
    """

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    system: str | None = None
    raw: bool = False
    out: str | None = None
    model: str | None = None
    bg: bool = False
    timeout: float | None = None
    help: bool = False

    def over(self, base: GenerationConfig) -> GenerationConfig:
        """Return a model's settings with what the cell gives in their place.

        Args:
            base: The settings that the model was loaded with.

        Raises:
            UsageError: A value is out of range; one line that names all of them.
        """
        given = {
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "seed": self.seed,
            "stop_sequences": self.stop or None,
        }
        try:
            return replace(base, **{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
        except ValueError as error:
            raise UsageError(" ".join(str(error).split())) from None


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


def _number(convert: Callable[[str], _Number], kind: str) -> Callable[[str], _Number]:
    def read(word: str) -> _Number:
        try:
            return convert(word)
        except ValueError:
            raise argparse.ArgumentTypeError(f"needs {kind}, not {word!r}") from None

    return read


def _name(word: str) -> str:
    if not word.isidentifier() or keyword.iskeyword(word):
        raise argparse.ArgumentTypeError(f"needs the name of a variable, not {word!r}")
    return word


def _unescaped(word: str) -> str:
    """Read the two escapes that a stop text needs, because a line cannot hold a line break."""
    pieces = iter(word)
    read = ""
    for character in pieces:
        pair = character + next(pieces, "") if character == "\\" else character
        read += _ESCAPES.get(pair, pair)
    return read


def _parser() -> argparse.ArgumentParser:
    default = GenerationConfig()
    parser = argparse.ArgumentParser(
        prog="%%llm",
        usage="%%%%llm [options]\n       the prompt, on the lines below",
        epilog=_EXAMPLES,
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, max_help_position=26, width=100),
        add_help=False,
        allow_abbrev=False,
        exit_on_error=False,
    )
    whole, real = _number(int, "a whole number"), _number(float, "a number")
    add = parser.add_argument
    add("--max-tokens", type=whole, metavar="N", help=f"stop after this many tokens ({default.max_tokens})")
    add("--temperature", type=real, metavar="T", help=f"randomness; 0 is greedy ({default.temperature})")
    add("--top-p", type=real, metavar="P", help=f"choose among the likeliest tokens up to this sum ({default.top_p})")
    add("--seed", type=whole, metavar="N", help="the same seed gives the same answer (-1: random)")
    add("--system", metavar="TEXT", help="the system message")
    add("--raw", action="store_true", help="send the cell as it is, without the model's chat template")
    add("--stop", type=_unescaped, metavar="TEXT", action="append", help=r"end before this text; reads \n, \t, \\")
    add("--out", type=_name, metavar="NAME", help="put the answer into this variable too (it is always in _llm)")
    add("--model", metavar="PATH", help="use this model for this cell; it stays loaded")
    add("--bg", action="store_true", help="return at once and go on in the background (see %%llm jobs)")
    add("--timeout", type=real, metavar="SECONDS", help="end the answer after this time, and keep what there is")
    add("--help", action="store_true", help="print this")
    return parser


_PARSER = _parser()
_FLAGS = tuple(_PARSER._option_string_actions)  # noqa: SLF001 - argparse has no public list of them


def help_text() -> str:
    """Return the options of ``%%llm`` with their defaults and two examples."""
    return _PARSER.format_help().rstrip()


def _split(line: str) -> list[str]:
    r"""Split a line as a shell does, but for the backslash: it is an ordinary character, so ``--stop \n`` keeps it."""
    if '\\"' in line or "\\'" in line:
        raise UsageError("a backslash does not quote a quote here; put the text in the other kind of quotes")
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", ""
    try:
        return list(lexer)
    except ValueError:
        raise UsageError("a quote is not closed; a text with an apostrophe goes in double quotes") from None


def _complain(error: argparse.ArgumentError) -> NoReturn:
    message = error.message
    if message == "expected one argument":
        message = f"needs a value (one that begins with a dash is written {error.argument_name}=VALUE)"
    elif message.startswith("ignored explicit argument"):
        message = "takes no value"
    raise UsageError(f"{error.argument_name} {message}") from None


def _refuse(word: str) -> NoReturn:
    flag = word.partition("=")[0]
    if flag.startswith("-"):
        raise UsageError(f"there is no option {flag}{nearest(flag, _FLAGS) or '; %%llm --help lists them'}")
    hint = nearest(word, _FLAGS) or "; the prompt goes on the lines below, a text with spaces in quotes"
    raise UsageError(f"{word!r} is not an option{hint}")


def parse(line: str) -> CellOptions:
    """Read the line of a ``%%llm`` cell.

    Args:
        line: What stands after ``%%llm``.

    Raises:
        UsageError: An option is wrong, its value is missing or not of its kind, or out of range; one line.
    """
    try:
        given, unknown = _PARSER.parse_known_args(_split(line))
    except argparse.ArgumentError as error:
        _complain(error)
    if unknown:
        _refuse(unknown[0])
    options = CellOptions(**{**vars(given), "stop": tuple(given.stop or ())})
    if options.raw and options.system is not None:
        raise UsageError("--system has no place in a --raw prompt; write it into the cell")
    if options.timeout is not None and not options.timeout > 0:
        raise UsageError(f"--timeout needs a number of seconds above 0, not {options.timeout:g}")
    options.over(GenerationConfig())  # a bad value is told before a model is loaded for it
    return options
