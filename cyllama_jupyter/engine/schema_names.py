"""GBNF for the names of properties that a schema does not name: all strings but some."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from cyllama_jupyter.engine.schema_literal import literal

__all__ = ["other_names"]

_ESCAPES = {'"': '"', "\\\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
"""What may stand behind a backslash, as a class of GBNF spells it, and the character that it means."""


def other_names(names: Iterable[str], add: Callable[[str], str]) -> str:
    """Return the rule of the JSON strings that are none of some, without their quotes.

    The names are a tree of characters; a string is another one where it leaves the tree, or ends between two of them.

    Args:
        names: Those that are not meant.
        add: Gives a rule a name of its own.
    """
    return _written(_tree(names), add)


def _tree(names: Iterable[str]) -> dict[str, Any]:
    root: dict[str, Any] = {}
    for name in names:
        node = root
        for character in name:
            node = node.setdefault(character, {})
        node[""] = {}  # a name ends here
    return root


def _written(node: dict[str, Any], add: Callable[[str], str]) -> str:
    choices = [] if "" in node else ['""']
    followers = sorted(character for character in node if character)
    for character in followers:
        spelled = literal(json.dumps(character, ensure_ascii=False)[1:-1])
        choices.append(f"{spelled} {add(_written(node[character], add))}")
    taken = "".join(f"\\U{ord(character):08X}" for character in followers)
    free = "".join(sign for sign, meaning in _ESCAPES.items() if meaning not in node)
    choices.append(rf'[^"\\\U00000000-\U0000001F{taken}] char*')
    choices.append(rf'"\\" [{free}] char*')  # no \u: it could spell a name another way
    return " | ".join(choices)
