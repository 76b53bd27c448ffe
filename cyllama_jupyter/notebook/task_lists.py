"""Task lists, for markdown-it-py: ``- [x] done``, by the rule of ``js/src/markdown/starts.ts``."""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore

__all__ = ["task_lists_plugin"]

_BOX = re.compile(r"\[([ xX])\][ \t]+")
_ITEM = ("list_item_open", "paragraph_open", "inline")


def task_lists_plugin(parser: MarkdownIt) -> None:
    """Show the boxes of tasks as characters; inputs are no text, and nobody can tick them in a saved notebook.

    Args:
        parser: What reads them.
    """
    parser.core.ruler.after("inline", "task_lists", _show_boxes)


def _show_boxes(state: StateCore) -> None:
    tokens = state.tokens
    for item, paragraph, inline in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if (item.type, paragraph.type, inline.type) == _ITEM and inline.children:
            first = inline.children[0]
            box = _BOX.match(first.content) if first.type == "text" else None
            if box:
                first.content = ("☐ " if box[1] == " " else "☑ ") + first.content[box.end() :]
