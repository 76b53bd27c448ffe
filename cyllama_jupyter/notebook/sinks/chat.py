"""What a whole conversation looks like, as a mime bundle.

A question stands in a ``pre``, its label too: what a notebook would take for a formula in it stays text.
"""

import html
from textwrap import indent

from cyllama_jupyter.notebook.conversation import Conversation, Turn
from cyllama_jupyter.notebook.printable import printable
from cyllama_jupyter.notebook.sinks.base import Ending, Language, Outcome
from cyllama_jupyter.notebook.sinks.look import final
from cyllama_jupyter.notebook.sinks.objects import is_object
from cyllama_jupyter.notebook.static_html import verbatim
from cyllama_jupyter.notebook.wording import count

__all__ = ["shown"]

_MOST_RENDERED = 100_000  # characters, over all answers: the parser reads some 50 kB of its worst Markdown a second
_SAID = "white-space: pre-wrap; overflow-wrap: anywhere; font-family: inherit; font-size: inherit; margin: 12px 0 6px"
_LABEL = {"system": "System", "user": "Question", "assistant": "Answer"}
_PARTIAL = "partial"


def shown(conversation: Conversation) -> dict[str, str]:
    """Return the bundle of a conversation: answers as they looked, all else as it was written.

    Args:
        conversation: What to show, as it is now.
    """
    turns = conversation.turns
    title = f"{printable(conversation.name)} · {count(sum(turn.role == 'user' for turn in turns), 'exchange')}"
    answers = sum(len(turn.content) for turn in turns if turn.role == "assistant")
    rendered = answers <= _MOST_RENDERED
    body = "".join(_answer(turn) if turn.role == "assistant" and rendered else _said(turn) for turn in turns)
    return {
        "text/html": f'<div dir="auto">{_written(title)}{body}</div>',
        "text/plain": "\n\n".join([title, *map(_plain, turns)]),
    }


def _answer(turn: Turn) -> str:
    outcome = Outcome.STOPPED if turn.partial else Outcome.DONE
    language: Language = "json" if is_object(turn.content) else "markdown"  # its file does not say
    return final(Ending(turn.content, (_PARTIAL,) * turn.partial, outcome=outcome, language=language))["text/html"]


def _said(turn: Turn) -> str:
    return _written(_label(turn), f" {printable(turn.content)}")


def _written(label: str, text: str = "") -> str:
    """Return a text as it was written, after a label that no text can forge."""
    opening = f'<pre dir="auto" style="{_SAID}"><strong>{html.escape(label)}</strong>'
    return opening + verbatim(text).removeprefix("<pre>")


def _plain(turn: Turn) -> str:
    """Return a turn below its label, indented: nothing that is said can look like a label."""
    return f"{_label(turn)}\n{indent(printable(turn.content), '    ')}"


def _label(turn: Turn) -> str:
    return f"{_LABEL[turn.role]} ({_PARTIAL}):" if turn.partial else f"{_LABEL[turn.role]}:"
