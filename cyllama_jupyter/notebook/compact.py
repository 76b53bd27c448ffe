"""Any Python value as text for a prompt, within a bound: what fits is put in whole, else its beginning, end and size.

A long list of anything is shortened in the same way: the sizes are tried from large to small, and the first form that
fits is taken, so equal values have equal texts.
"""

import inspect
import re
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from cyllama_jupyter.errors import CyllamaError
from cyllama_jupyter.notebook import frames

__all__ = ["CHARACTERS", "compact", "full", "head"]

CHARACTERS = 4_000
"""The longest text of one value that is no string, in characters."""

_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")
_FUNCTIONS = (FunctionType, BuiltinFunctionType, MethodType)
_BYTES = (bytes, bytearray, memoryview)
_MOST_BITS = 12_000  # of a number that Python writes out in decimal digits without complaint
_BRACKETS: dict[type, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
    dict: ("{", "}"),
    deque: ("deque([", "])"),
}


def compact(value: object, limit: int = CHARACTERS) -> str:
    """Return a value as a model can read it, in at most ``limit`` characters unless it is a string.

    - A string is put in as it is, however long: whoever names it wants its text.
    - A DataFrame, a Series and an array: shape and types, the first and last rows as CSV or NumPy's form.
    - A list, dict, set and the like: the first and last items, and how many were left out, to any depth.
    - Bytes, in the same way; a path by its text; a function, class or module by its name and signature.
    - Everything else by ``str``, without memory addresses; what raises is named in place of its text.

    Args:
        value: Anything.
        limit: The most characters.

    Raises:
        ValueError: The limit is below 1.
        KeyboardInterrupt: There was an interrupt, while the value wrote itself.
    """
    if limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit}")
    if isinstance(value, str):
        return str.__str__(value)  # of a subclass, its text
    return _clipped(_guarded(lambda each: _whole(each, limit), value), limit)


def full(value: object) -> str:
    """Return a value without a bound: all rows, all items.

    Args:
        value: Anything.
    """
    if isinstance(value, str):
        return str.__str__(value)
    written = frames.full(value)
    return _ADDRESS.sub("", str(value)) if written is None else written


def head(value: Any, n: int = 5) -> object:  # noqa: ANN401 - anything that has a beginning
    """Return the first rows, items, or lines of a string.

    Args:
        value: What has a beginning.
        n: How many.

    Raises:
        ValueError: ``n`` is negative.
        TypeError: It has none.
    """
    if n < 0:
        raise ValueError(f"head needs a number from 0, not {n}")
    if isinstance(value, str):
        return "".join(islice(value.splitlines(keepends=True), n))
    if isinstance(value, Mapping):
        return dict(islice(value.items(), n))
    try:
        first: object = value[:n]
    except TypeError:  # it has no slices
        return list(islice(_in_order(value), n))
    return first


class _TooLong(Exception):
    """This form of a value does not fit."""


@dataclass
class _Form:
    """How much of a value is written.

    Args:
        items: Items of a container, half from its beginning and half from its end.
        leaf: Characters of what is no container.
        depth: Containers within containers.
        room: Characters in all; what needs more is written in a smaller form.
    """

    items: int
    leaf: int
    depth: int
    room: int
    inside: list[int] = field(default_factory=list)
    """The containers that are being written, from the outermost to the innermost, by ``id``."""

    def write(self, value: object) -> str:
        """Return an item of a container."""
        brackets = next((pair for kind, pair in _BRACKETS.items() if isinstance(value, kind)), None)
        write = self._leaf if brackets is None else partial(self._container, brackets=brackets)
        text = _guarded(write, value)
        self.room -= len(text) if brackets is None else 2
        if self.room < 0:
            raise _TooLong
        return text

    def _leaf(self, value: object) -> str:
        return _clipped(str.__repr__(value) if isinstance(value, str) else _one(value, self.leaf), self.leaf)

    def _container(self, value: Any, brackets: tuple[str, str]) -> str:  # noqa: ANN401 - one of _BRACKETS
        opening, closing = brackets
        if type(value) not in _BRACKETS:
            name = type(value).__name__
            opening, closing = (f"{name}(", ")") if opening == "(" else (f"{name}({opening}", f"{closing})")
        if id(value) in self.inside or len(self.inside) >= self.depth:
            return f"{opening}…{closing}"
        self.inside.append(id(value))
        try:
            written = ", ".join(self._items(value))
        finally:
            self.inside.pop()
        if not written and isinstance(value, (set, frozenset)):
            return f"{type(value).__name__}()"
        return f"{opening}{written}{',' if type(value) is tuple and len(value) == 1 else ''}{closing}"

    def _items(self, value: Any) -> Iterator[str]:  # noqa: ANN401 - one of _BRACKETS
        """Yield the first and the last items, with how many lie between them."""
        source, write = self._read(value)
        n_items = len(value)
        shown = min(n_items, self.items)
        yield from map(write, islice(source, shown - shown // 2))
        if shown < n_items:
            yield f"… {n_items - shown:,} more …"
        yield from map(write, _last(source, shown // 2))

    def _read(self, value: Any) -> tuple[Iterable[Any], Callable[[Any], str]]:  # noqa: ANN401 - one of _BRACKETS
        """Return the items of a container, and what writes one."""
        if isinstance(value, dict):
            return value.items(), lambda item: f"{self.write(item[0])}: {self.write(item[1])}"
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return list(zip(value._fields, value, strict=True)), lambda item: f"{item[0]}={self.write(item[1])}"
        return _in_order(value), self.write


_FORMS = ((2_000, 4_000, 20), (100, 400, 10), (30, 200, 6), (10, 100, 4), (6, 60, 3), (4, 30, 2), (2, 20, 1))
"""Items, characters of a leaf, and depth, from the largest form to the smallest."""


def _whole(value: object, limit: int) -> str:
    if not isinstance(value, tuple(_BRACKETS)):
        return _one(value, limit)
    for form in _FORMS:
        text = _in_form(value, *form, room=limit)
        if text is not None and len(text) <= limit:
            return text
    return _in_form(value, *_FORMS[-1], room=sys.maxsize) or ""  # which the caller cuts


def _in_form(value: object, items: int, leaf: int, depth: int, room: int) -> str | None:
    """Return a container in one form, or None when that needs more room."""
    try:
        return _Form(items, leaf, depth, room).write(value)
    except _TooLong:
        return None


def _one(value: object, limit: int) -> str:
    """Return what is no container of ours."""
    table = frames.compact(value, limit, _cell)
    if table is not None:
        return table
    if isinstance(value, _FUNCTIONS) or inspect.isclass(value):
        return _signature(value)
    if isinstance(value, ModuleType):
        return f"module {value.__name__}"
    if isinstance(value, _BYTES):
        return _bytes(bytes(value), limit)
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        return f"<a number of {value.bit_length():,} bits>"
    return str.__str__(str(value)) if isinstance(value, PurePath) else _ADDRESS.sub("", str(value))


def _cell(value: object, limit: int) -> str:
    """Return a cell of a table."""
    text = str.__str__(value) if isinstance(value, str) else _guarded(lambda each: _one(each, limit), value)
    return _clipped(text, limit)


def _signature(value: Callable[..., object] | type) -> str:
    kind = "class " if inspect.isclass(value) else ""
    try:
        parameters = str(inspect.signature(value))
    except (TypeError, ValueError):  # built-in, and it does not say
        parameters = "" if kind else "(…)"
    return f"{kind}{value.__qualname__}{_ADDRESS.sub('', parameters)}"


def _bytes(value: bytes, limit: int) -> str:
    """Return bytes as Python writes them, each in at most four characters."""
    ends = max(1, (limit - 50) // 8)
    if len(value) <= 2 * ends:
        return repr(value)
    return f"{value[:ends]!r} … {len(value) - 2 * ends:,} more bytes … {value[-ends:]!r}"


def _in_order(value: Iterable[object]) -> Iterable[object]:
    """Return the items of a container; those of a set sorted, as the order in it is another in every process."""
    if not isinstance(value, (set, frozenset)):
        return value
    try:
        return sorted(value)
    except TypeError:  # they cannot be compared
        return sorted(value, key=lambda each: (type(each).__name__, _guarded(str, each)))


def _last(items: Iterable[Any], n: int) -> list[Any]:
    try:
        return list(islice(reversed(items), n))[::-1]  # type: ignore[call-overload]  # so the except
    except TypeError:
        return list(deque(items, n))


def _guarded(write: Callable[[object], str], value: object) -> str:
    """Return a value's text, or, when writing it raises, whose it is and what it raised."""
    try:
        return write(value)
    except (CyllamaError, _TooLong):
        raise
    except Exception as error:  # noqa: BLE001 - a value's own code can raise anything; the prompt says so
        return f"<{type(value).__name__}, whose text raised {type(error).__name__}>"


def _clipped(text: str, limit: int) -> str:
    """Return a text of at most ``limit`` characters: its beginning, its end, and how much is left out."""
    if len(text) <= limit:
        return text
    note = f" … {len(text) - limit:,} more characters … "
    ends = (limit - len(note) - 4) // 2  # the number grows by what the note itself takes
    if ends < 1:
        return f"{text[: limit - 1]}…"
    return f"{text[:ends]} … {len(text) - 2 * ends:,} more characters … {text[-ends:]}"
