"""A reasoning model's thinking, told from its answer by the tags of models; live, ``js/src/thinking.ts`` does it."""

import re
from typing import NamedTuple

__all__ = ["Segment", "segments"]


class Segment(NamedTuple):
    """A stretch of what a model wrote.

    Args:
        thinking: Whether it is thinking, which readers may skip.
        text: The text, without tags.
    """

    thinking: bool
    text: str


_PAIRS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<reasoning>": "</reasoning>",
    "[THINK]": "[/THINK]",
    "<seed:think>": "</seed:think>",
    "◁think▷": "◁/think▷",
    "<|channel|>analysis<|message|>": "<|end|>",
}
_SEPARATORS = ("<|start|>assistant<|channel|>final<|message|>", "<|channel|>final<|message|>")
_LONE_CLOSER = re.compile(r"^[ \t]*</think(?:ing)?>[ \t]*$", re.MULTILINE)
_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)


def segments(text: str) -> list[Segment]:
    """Return the thinking that stands before an answer, and the answer.

    A model whose prompt ended with the opening tag writes the closing one alone, on a line of its own. Tags in the
    middle of an answer are text.

    Args:
        text: What the model wrote, whole.
    """
    found: list[Segment] = []
    rest = text
    while True:
        stripped = rest.lstrip()
        opener = next((tag for tag in _PAIRS if stripped.startswith(tag)), None)
        if opener is None:
            break
        thought, _, rest = stripped[len(opener) :].partition(_PAIRS[opener])
        found.append(Segment(thinking=True, text=thought))
        rest = _without_separator(rest)
    if not found:
        found, rest = _closed_alone(rest)
    return [segment for segment in [*found, Segment(thinking=False, text=rest)] if segment.text.strip()]


def _without_separator(text: str) -> str:
    stripped = text.lstrip()
    return next((stripped[len(tag) :] for tag in _SEPARATORS if stripped.startswith(tag)), text)


def _closed_alone(text: str) -> tuple[list[Segment], str]:
    fences = counted = 0
    for closer in _LONE_CLOSER.finditer(text):
        fences += len(_FENCE.findall(text, counted, closer.start()))
        counted = closer.start()
        if fences % 2 == 0:
            return [Segment(thinking=True, text=text[:counted])], text[closer.end() :]
    return [], text
