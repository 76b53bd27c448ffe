"""The options of a ``%%llm`` cell."""

from dataclasses import dataclass, replace
from typing import Literal

from IPython.core.error import UsageError

from cyllama_jupyter.config import GenerationConfig
from cyllama_jupyter.notebook.parsing import Choice, LineParser, name, number, out_of_range, text, unescaped

__all__ = ["FORMS", "PARSER", "CellOptions", "help_text", "parse"]

As = Literal["json", "code", "list", "int", "float", "bool", "table"]
FORMS: tuple[As, ...] = ("json", "code", "list", "int", "float", "bool", "table")
_MOST_ANSWERS = 16

_EXAMPLES = """examples:
  %%llm --max-tokens 200 --temperature 0.2 --out answer
  Why is the sky blue?

  %%llm --system "You are terse." --stop "\\n\\n" --seed 7
  Name three rivers.

  %%llm --as table --out towns
  The five largest towns in {{ country }}, with their populations.

  %%llm --chat physics
  And why is it red in the evening?
"""


@dataclass(frozen=True)
class CellOptions:
    """What the line of a cell asks for; None and () stand for "not given".

    Args:
        max_tokens: The most tokens to generate.
        temperature: Randomness of the choice.
        top_p: Choose among the likeliest tokens that make up this much probability.
        seed: Seed of the choice.
        stop: Texts that end the answer.
        system: The system message of the chat, or the name of a variable that holds it.
        file: Text files that go before the prompt.
        attach: Names of variables that go before the prompt.
        prefix: How the answer begins.
        raw: Send the cell as it is, without the chat template.
        chat: Name of the conversation that this is a turn of.
        continue_: Go on with an answer that was cut off.
        as_: The kind of object that the answer is.
        schema: Name of the type or JSON schema that the answer fits.
        grammar: File with the GBNF grammar that the answer fits.
        n: How many answers.
        logprobs: How many alternatives to keep of each token.
        out: Name of a variable for the answer.
        model: The model for this cell alone: a path, an alias, or ``hf:owner/repo``.
        bg: Run in the background.
        timeout: Seconds after which the answer ends.
        dry_run: Show the prompt and generate nothing.
        debug: Show errors with their tracebacks.
        help: Print the options and run nothing.
    """

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    system: str | None = None
    file: tuple[str, ...] = ()
    attach: tuple[str, ...] = ()
    prefix: str | None = None
    raw: bool = False
    chat: str | None = None
    continue_: bool = False
    as_: As | None = None
    schema: str | None = None
    grammar: str | None = None
    n: int = 1
    logprobs: int | None = None
    out: str | None = None
    model: str | None = None
    bg: bool = False
    timeout: float | None = None
    dry_run: bool = False
    debug: bool = False
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
            "logprobs": self.logprobs,
        }
        try:
            return replace(base, **{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
        except ValueError as error:
            raise out_of_range(error) from None


def _parser() -> LineParser:
    default = GenerationConfig()
    parser = LineParser(
        prog="%%llm",
        usage="%%%%llm [options]\n       the prompt, on the lines below",
        epilog=_EXAMPLES,
        beyond="; the prompt goes on the lines below, a text with spaces in quotes",
    )
    whole, real = number(int, "a whole number"), number(float, "a number")
    add = parser.add_argument
    add("--max-tokens", type=whole, metavar="N", help=f"stop after this many tokens ({default.max_tokens})")
    add("--temperature", type=real, metavar="T", help=f"randomness; 0 is greedy ({default.temperature})")
    add("--top-p", type=real, metavar="P", help=f"choose among the likeliest tokens up to this sum ({default.top_p})")
    add("--seed", type=whole, metavar="N", help="the same seed gives the same answer (-1: random)")
    add("--stop", type=unescaped, metavar="TEXT", action="append", help=r"end before this text; reads \n, \t, \\")
    add("--timeout", type=real, metavar="SECONDS", help="end the answer after this time, and keep what there is")
    add("--system", metavar="TEXT", help="the system message, or a variable that holds it")
    add("-f", "--file", metavar="FILE", action="append", help="put a text file before the prompt")
    add("--attach", type=name, metavar="NAME", action="append", help="put a variable's value before the prompt")
    add("--prefix", type=unescaped, metavar="TEXT", help="begin the answer with this text")
    add("--raw", action="store_true", help="send the cell as it is, without the model's chat template")
    add("--chat", type=text, metavar="NAME", help="go on with a conversation (%%llm chats lists them)")
    add("--continue", action="store_true", dest="continue_", help="go on with the answer that was cut off")
    add("--as", type=Choice(FORMS), dest="as_", metavar="FORM", help=f"answer with an object: {', '.join(FORMS)}")
    add("--schema", type=name, metavar="NAME", help="answer with an object of this type, or that fits this JSON schema")
    add("--grammar", metavar="FILE", help="answer with a text that fits a GBNF grammar")
    add("--n", type=whole, default=1, metavar="N", help="several answers side by side (1)")
    add("--logprobs", type=whole, metavar="K", help="keep each token's probability and K alternatives, in .tokens")
    add("--out", type=name, metavar="NAME", help="put the answer into this variable too (it is always in _llm)")
    add("--model", metavar="REF", help="use this model for this cell; it stays loaded")
    add("--bg", action="store_true", help="return at once and go on in the background (see %%llm jobs)")
    add("--dry-run", action="store_true", help="show the prompt as the model would get it, and generate nothing")
    add("--debug", action="store_true", help="show an error with its whole traceback")
    add("--help", action="store_true", help="print this")
    return parser


PARSER = _parser()
"""Reads the line of a cell."""

_LISTS = ("stop", "file", "attach")

_SETTLED = ("system", "file", "attach", "prefix", "raw", "as_", "schema", "grammar")
"""What an answer that is gone on with has been asked with."""

_CLASHES = (
    (("raw", "system"), "--system has no place in a --raw prompt; write it into the cell"),
    (("raw", "chat"), "a conversation goes through the chat template: leave out --raw or --chat"),
    (("as_", "schema"), "--as and --schema both say what the answer is: leave one out"),
    (("as_", "grammar"), "--as and --grammar both say what the answer is: leave one out"),
    (("schema", "grammar"), "--schema and --grammar both say what the answer is: leave one out"),
    (("as_", "stop"), "--stop could cut the answer short of what --as wants: leave one out"),
    (("schema", "stop"), "--stop could cut the answer short of what --schema wants: leave one out"),
    (("grammar", "stop"), "--stop could cut the answer short of what --grammar wants: leave one out"),
    (("n", "chat"), "a conversation goes on with one answer: leave out --n or --chat"),
    (("n", "bg"), "several answers run while you look on: leave out --n or --bg"),
    (("n", "continue_"), "one answer can be gone on with: leave out --n"),
    (("dry_run", "continue_"), "an answer that is gone on with has no prompt of its own: leave out --dry-run"),
)


def help_text() -> str:
    """Return the options of ``%%llm`` with their defaults and examples."""
    return PARSER.format_help().rstrip()


def parse(line: str) -> CellOptions:
    """Read the line of a ``%%llm`` cell.

    Args:
        line: What stands after ``%%llm``.

    Raises:
        UsageError: An option is wrong, its value is missing or not of its kind, or out of range; one line.
    """
    given = vars(PARSER.read(line))
    options = CellOptions(**{**given, **{name: tuple(given[name] or ()) for name in _LISTS}})
    default = CellOptions()
    settled = [name for name in _SETTLED if getattr(options, name) != getattr(default, name)]
    if options.continue_ and settled:
        raise UsageError(f"--continue goes on with what was asked: leave out --{settled[0].rstrip('_')}")
    for names, complaint in _CLASHES:
        if all(getattr(options, name) != getattr(default, name) for name in names):
            raise UsageError(complaint)
    if options.timeout is not None and not options.timeout > 0:
        raise UsageError(f"--timeout needs a number of seconds above 0, not {options.timeout:g}")
    if not 1 <= options.n <= _MOST_ANSWERS:
        raise UsageError(f"--n needs a number of answers from 1 to {_MOST_ANSWERS}, not {options.n}")
    options.over(GenerationConfig())  # a bad value is told before a model is loaded for it
    return options
