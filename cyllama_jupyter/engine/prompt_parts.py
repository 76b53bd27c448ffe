"""Which part of a prompt is the chat template's, and which is somebody's message."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import NamedTuple

__all__ = ["PromptPart", "Segment", "cut", "marked", "spans_of"]

_OPEN, _CLOSE = "\ue003", "\ue004"  # of the private use area, where no text is

Span = tuple[int, int]


@dataclass(frozen=True)
class PromptPart:
    """A part of a prompt.

    Args:
        text: What the model reads there, control tokens spelled out; a part of a character shows as U+FFFD.
        token_ids: Its tokens.
        from_template: It is the template's own text; else it comes from a message. A token that holds both counts to
            where it begins. Text of a message that the template rewrites counts as the template's.
    """

    text: str
    token_ids: tuple[int, ...]
    from_template: bool


class Segment(NamedTuple):
    """A text that is tokenised in one piece.

    Args:
        text: What it says.
        trusted: Control tokens may be read in it.
        messages: Which of its characters, each from one index up to another, come from messages.
    """

    text: str
    trusted: bool
    messages: tuple[Span, ...]

    def is_from_message(self, character: int) -> bool:
        """Whether a character comes from a message."""
        return any(begin <= character < end for begin, end in self.messages)


def marked(content: str) -> str:
    """Return a message's content between two marks; the spaces around it stay outside, for a template that trims."""
    inner = content.strip()
    return content.replace(inner, f"{_OPEN}{inner}{_CLOSE}", 1) if inner else content


def spans_of(contents: Sequence[str], rendered: str, rendered_marked: str = "") -> list[Span]:
    """Find the messages' contents in a prompt.

    Args:
        contents: Of all messages, in their order.
        rendered: The prompt.
        rendered_marked: The same with contents that are ``marked``. Where the marks have changed more than themselves,
            the contents are looked for in the prompt instead, which may take a template's word for a message's.
    """
    spans: list[Span] = []
    at = 0
    for piece in re.split(f"([{_OPEN}{_CLOSE}])", rendered_marked):
        if piece == _OPEN:
            spans.append((at, at))
        elif piece == _CLOSE and spans:
            spans[-1] = (spans[-1][0], at)
        else:
            at += len(piece)
    is_the_same = re.sub(f"[{_OPEN}{_CLOSE}]", "", rendered_marked) == rendered
    return spans if is_the_same else _found(contents, rendered)


def _found(contents: Sequence[str], rendered: str) -> list[Span]:
    spans: list[Span] = []
    at = 0
    for content in contents:
        for text in (content, content.strip()):
            begin = rendered.find(text, at)
            if text and begin >= 0:
                at = begin + len(text)
                spans.append((begin, at))
                break
    return spans


def cut(segment: Segment, tokens: Sequence[int], spell: Callable[[int], bytes]) -> Iterator[PromptPart]:
    """Cut the tokens of one segment where its text goes over from the template to a message, or back.

    Args:
        segment: The text.
        tokens: Its tokens.
        spell: Gives the bytes of a token, of a control token too.
    """
    pieces = [spell(token) for token in tokens]
    starts = [0, *accumulate(map(len, pieces))]
    # Some tokenizers put a space before the text.
    shift = len(segment.text.encode()) - starts[-1]
    character_at = [index for index, character in enumerate(segment.text) for _ in character.encode()]

    def is_from_message(index: int) -> bool:
        byte = max(0, starts[index] + shift)
        return byte < len(character_at) and segment.is_from_message(character_at[byte])

    for from_message, group in groupby(range(len(tokens)), key=is_from_message):
        indices = list(group)
        text = b"".join(pieces[index] for index in indices).decode("utf-8", "replace")
        yield PromptPart(text, tuple(tokens[index] for index in indices), not from_message)
