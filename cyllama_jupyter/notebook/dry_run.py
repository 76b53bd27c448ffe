"""``--dry-run``: the prompt as the model would get it, its tokens by part, and how it fits the context."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cyllama_jupyter.notebook.printable import printable
from cyllama_jupyter.notebook.sinks.base import Outcome
from cyllama_jupyter.notebook.sinks.look import framed, listing
from cyllama_jupyter.notebook.static_html import plain
from cyllama_jupyter.notebook.wording import count

__all__ = ["DryRun", "Part"]

_SHOWN = 100_000  # characters of a prompt: a page does not scroll further, and Jupyter limits what a cell sends
_ROWS = 20  # of the table
_NAME = 60  # characters of a part's name
_HIDDEN = re.compile(
    "[\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)  # they turn text around; a message cannot hold the last
_BRACKETS = re.compile("[\u27e6\u27e7]")  # what marks control tokens where there is no HTML


@dataclass(frozen=True)
class Part:
    """A stretch of a prompt that has been tokenised.

    Args:
        name: Where it comes from: the chat template, the cell, a variable, a file.
        text: Its text, with control tokens spelled out.
        n_tokens: How many tokens it is.
        is_control: Whether to mark it: a control token, or what the chat template puts around a message.
    """

    name: str
    text: str
    n_tokens: int
    is_control: bool = False


@dataclass(frozen=True)
class DryRun:
    """A prompt that nobody answers. A notebook displays it as HTML, a terminal as text; everything in it is escaped.

    Control tokens are marked, in text by ⟦ and ⟧, so that one which the model reads is not taken for one that is merely
    spelled. A control character is shown as U+FFFD, one that turns text around by its number, and of a prompt of more
    than 100,000 characters the beginning and the end.

    Args:
        parts: The prompt in order.
        n_ctx: Length of the context in tokens.
        max_tokens: The most tokens of the answer.
    """

    parts: Sequence[Part]
    n_ctx: int
    max_tokens: int

    @property
    def n_tokens(self) -> int:
        """Length of the prompt in tokens."""
        return sum(part.n_tokens for part in self.parts)

    @property
    def fits(self) -> bool:
        """Whether the context holds the prompt."""
        return self.n_tokens <= self.n_ctx

    @property
    def fit(self) -> str:
        """How the prompt fits the context, with numbers."""
        if not self.fits:
            return (
                f"does not fit: {count(self.n_tokens, 'token')}, and the context holds {self.n_ctx:,}: "
                f"{self.n_tokens - self.n_ctx:,} too many"
            )
        fit, room = f"{self.n_tokens:,} of {count(self.n_ctx, 'token')}", self.n_ctx - self.n_tokens
        if not room:
            return f"{fit}; no room for an answer"
        if room < self.max_tokens:
            return f"{fit}; only {room:,} more for the answer, of the {self.max_tokens:,} of --max-tokens"
        return f"{fit}; up to {self.max_tokens:,} more for the answer"

    def bundle(self) -> dict[str, str]:
        """Return the mime bundle: HTML, and text."""
        outcome = Outcome.DONE if self.fits else Outcome.FAILED
        stretches = [(_visible(part.text), part.is_control) for part in _shortened(self.parts) if part.text]
        rows = [*self._rows(), ("total", f"{self.n_tokens:,}")]
        body = listing(stretches) + _html_table(rows)
        shown = "".join(f"⟦{_unbracketed(text)}⟧" if control else _unbracketed(text) for text, control in stretches)
        return {
            "text/html": framed(body, self.fit, outcome),
            "text/plain": "\n".join([shown, "", *_text_table(rows), "", self.fit]),
        }

    def __str__(self) -> str:
        return self.bundle()["text/plain"]

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:  # noqa: ARG002 - IPython's signature
        return self.bundle()

    def _rows(self) -> list[tuple[str, str]]:
        """Return the names with their tokens, those of a name together; those that are too many in one row."""
        tokens: dict[str, int] = {}
        for part in self.parts:
            tokens[part.name] = tokens.get(part.name, 0) + part.n_tokens
        rows = list(tokens.items())
        if len(rows) > _ROWS:
            rest = rows[_ROWS - 1 :]
            rows = [*rows[: _ROWS - 1], (f"{len(rest):,} more", sum(number for _, number in rest))]
        return [(_named(name), f"{number:,}") for name, number in rows]


def _shortened(parts: Sequence[Part]) -> Iterator[Part]:
    """Yield the parts of a prompt that is shown in whole, or else of its beginning and its end."""
    total = sum(len(part.text) for part in parts)
    ends = total if total <= _SHOWN else _SHOWN // 2
    begin, gap = 0, f" … {total - 2 * ends:,} more characters … " if ends < total else ""
    for part in parts:
        first = part.text[: max(0, ends - begin)]
        last = part.text[max(len(first), total - ends - begin) :]
        begin += len(part.text)
        if len(first) + len(last) == len(part.text):
            yield part
            continue
        yield Part(part.name, first, 0, part.is_control)
        yield Part(part.name, gap, 0)
        yield Part(part.name, last, 0, part.is_control)
        gap = ""


def _visible(text: str) -> str:
    return _HIDDEN.sub(_number, printable(text))


def _unbracketed(text: str) -> str:
    return _BRACKETS.sub(_number, text)


def _number(match: "re.Match[str]") -> str:
    return f"\\u{ord(match.group()):04x}"


def _named(name: str) -> str:
    line = " ".join(_unbracketed(_visible(name)).split())
    return line if len(line) <= _NAME else f"{line[: _NAME - 1]}…"


def _html_table(rows: Sequence[tuple[str, str]]) -> str:
    cells = "".join(f"<tr>{_cell('td', name)}<td align='right'>{number}</td></tr>" for name, number in rows)
    head = f"<tr>{_cell('th', 'part')}<th>tokens</th></tr>"
    return f'<table style="margin-top: 10px"><thead>{head}</thead><tbody>{cells}</tbody></table>'


def _cell(tag: str, name: str) -> str:
    """Return a cell to the left: where nobody says so, Jupyter puts its text to the right."""
    return f'<{tag} style="text-align: left">{plain(name)}</{tag}>'


def _text_table(rows: Sequence[tuple[str, str]]) -> list[str]:
    names, numbers = zip(("part", "tokens"), *rows, strict=True)
    left, right = max(map(len, names)), max(map(len, numbers))
    return [f"{name:<{left}}  {number:>{right}}" for name, number in zip(names, numbers, strict=True)]
