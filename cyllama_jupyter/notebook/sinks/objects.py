"""Answers that are objects, made readable: JSON on lines of its own, rows as a table.

What a model writes is hostile: what it would blow up, or what readers would disagree on, is shown as it was written.
"""

import json
import re
from collections.abc import Sequence

from cyllama_jupyter.errors import AnswerError
from cyllama_jupyter.notebook.printable import printable
from cyllama_jupyter.notebook.readers import read_json
from cyllama_jupyter.notebook.static_html import plain

__all__ = ["indented", "is_object", "table"]

_LONGEST = 100_000  # characters: a few brackets deep, every item drags its indent along
_MAX_CELLS = 5_000  # rows times columns, and each row can name columns of its own
_HIDDEN = re.compile("[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")  # unseen, or they turn text around


def is_object(text: str) -> bool:
    """Return whether a text is a whole JSON object or array.

    Args:
        text: What a model wrote.
    """
    return isinstance(_value(text), (dict, list))


def indented(text: str) -> str:
    """Return a whole JSON text with its items on lines of their own; anything else, or what grows too long, as it is.

    Args:
        text: What a model wrote.
    """
    value = _value(text)
    if value is None:
        return printable(text)
    chunks, length = [], 0
    for chunk in json.JSONEncoder(indent=2, ensure_ascii=False).iterencode(value):
        chunks.append(chunk)
        length += len(chunk)
        if length > _LONGEST:
            return printable(text)
    return _HIDDEN.sub(_escaped, "".join(chunks))


def table(text: str) -> str:
    """Return the rows of a JSON text as an HTML table, or nothing where it has none, or too many.

    Args:
        text: An array of objects, as ``--as table`` asks for.
    """
    rows = _value(text)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return ""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if not 0 < len(columns) * len(rows) <= _MAX_CELLS:
        return ""
    sides = ["right" if all(map(_is_number, (row.get(name) for row in rows))) else "left" for name in columns]
    head = _line("th", [_shown(name) for name in columns], sides)
    body = "".join(_line("td", [_cell(row.get(name)) for name in columns], sides) for row in rows)
    return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"


def _line(tag: str, cells: Sequence[str], sides: Sequence[str]) -> str:
    """Return a line of cells; where nobody says so, Jupyter puts their text to the right."""
    shown = zip(cells, sides, strict=True)
    return "<tr>" + "".join(f'<{tag} style="text-align: {side}">{cell}</{tag}>' for cell, side in shown) + "</tr>"


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))


def _cell(value: object) -> str:
    """Return a cell: a text as it is, and what is not there empty."""
    if value is None:
        return ""
    return _shown(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _value(text: str) -> object:
    """Return what a text stands for, or None where it is not JSON, or not yet."""
    try:
        return read_json(text)
    except AnswerError:
        return None


def _shown(text: str) -> str:
    return plain(_HIDDEN.sub(_escaped, printable(text)))


def _escaped(match: "re.Match[str]") -> str:
    return f"\\u{ord(match.group()):04x}"
