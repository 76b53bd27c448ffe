"""DataFrames, Series and arrays as text for a prompt.

pandas and NumPy are not imported: whoever has a value of theirs has imported them.
"""

import csv
import io
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from math import prod
from typing import Any, TypeAlias

from cyllama_jupyter.notebook.wording import count

__all__ = ["Write", "compact", "full"]

Write: TypeAlias = Callable[[object, int], str]
"""Returns a cell's text, of at most so many characters."""

_FRAMES = (
    (1_000, 100, 400),
    (60, 40, 100),
    (20, 40, 100),
    (20, 20, 40),
    (10, 12, 40),
    (6, 8, 20),
    (4, 4, 20),
    (2, 2, 10),
)
"""Rows, columns, and characters of a cell, from the largest form to the smallest."""

_EDGES = (50, 20, 10, 5, 3, 2, 1)  # items at the beginning and the end of each axis of an array
_WIDTH = 120  # characters of a line of an array


def compact(value: Any, limit: int, write: Write) -> str | None:  # noqa: ANN401 - whatever it is
    """Return a DataFrame, Series or array in about ``limit`` characters, or None when it is nothing of the kind.

    A frame is its shape, its columns with their types, and CSV: all rows, or the first and the last. An array is its
    shape, its type, and ``numpy.array2string``. The smallest form can be longer than the limit.

    Args:
        value: Anything.
        limit: Characters.
        write: Writes a cell.
    """
    if isinstance(value, _kind("pandas", "DataFrame")):
        return _first_to_fit(_frame_forms(value, write), limit)
    if isinstance(value, _kind("pandas", "Series")):
        return _first_to_fit(_frame_forms(value.to_frame(), write, "Series"), limit)
    if isinstance(value, _kind("numpy", "ndarray")) and value.ndim:
        return _first_to_fit(_array_forms(value, limit, write), limit)
    return None


def full(value: Any) -> str | None:  # noqa: ANN401 - whatever it is
    """Return all of a DataFrame or Series as CSV, or all of an array, or None when it is nothing of the kind.

    Args:
        value: Anything.
    """
    if isinstance(value, (_kind("pandas", "DataFrame"), _kind("pandas", "Series"))):
        return str(value.to_csv(index=_has_labels(value)))
    if isinstance(value, _kind("numpy", "ndarray")):
        return str(
            sys.modules["numpy"].array2string(value, threshold=sys.maxsize, separator=", ", max_line_width=_WIDTH)
        )
    return None


def _kind(library: str, name: str) -> Any:  # noqa: ANN401 - a class, or nothing that anything is an instance of
    return getattr(sys.modules.get(library), name, ())


def _first_to_fit(forms: Iterator[str], limit: int) -> str:
    text = ""
    for text in forms:
        if len(text) <= limit:
            break
    return text


def _has_labels(frame: Any) -> bool:  # noqa: ANN401 - pandas need not be there
    """Whether the index says more than the number of the row."""
    return not isinstance(frame.index, _kind("pandas", "RangeIndex")) or frame.index.name is not None


def _frame_forms(frame: Any, write: Write, kind: str = "DataFrame") -> Iterator[str]:  # noqa: ANN401 - the same
    for n_rows, n_columns, width in _FRAMES:
        yield _frame(frame, kind, n_rows, n_columns, partial(_cell, write, width))


def _frame(frame: Any, kind: str, n_rows: int, n_columns: int, cell: Callable[[object], str]) -> str:  # noqa: ANN401 - the same
    """Return one form of a frame: positions, not labels, as those can occur twice."""
    rows, more_rows = _ends(frame.shape[0], n_rows)
    columns, more_columns = _ends(frame.shape[1], n_columns)
    part = frame.iloc[rows, columns]
    labels = _has_labels(frame)

    def shortened(cells: Iterable[object]) -> list[str]:
        return _with_gap(list(map(cell, cells)), more_columns, len(columns) - len(columns) // 2 + labels, "…")

    types = [f"{name} ({dtype})" for name, dtype in zip(map(cell, part.columns), part.dtypes, strict=True)]
    types = _with_gap(types, more_columns, len(columns) - len(columns) // 2, f"… {more_columns:,} more columns …")
    index = [frame.index.name if frame.index.name is not None else "index"] if labels else []
    lines = [_csv(shortened(each)) for each in [[*index, *part.columns], *part.itertuples(index=labels, name=None)]]
    lines = _with_gap(lines, more_rows, 1 + len(rows) - len(rows) // 2, f"… {more_rows:,} more rows …")
    title = f"{kind} of {count(frame.shape[0], 'row')} and {count(frame.shape[1], 'column')}: {', '.join(types)}"
    return "\n".join([title, *lines])


def _cell(write: Write, width: int, cell: object) -> str:
    return write(cell, width)


def _ends(n: int, most: int) -> tuple[list[int], int]:
    """Return the first and last positions of ``n``, at most so many, and how many lie between them."""
    shown = min(n, most)
    return [*range(shown - shown // 2), *range(n - shown // 2, n)], n - shown


def _with_gap(items: list[str], left_out: int, at: int, note: str) -> list[str]:
    return [*items[:at], note, *items[at:]] if left_out else items


def _csv(cells: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def _array_forms(array: Any, limit: int, write: Write) -> Iterator[str]:  # noqa: ANN401 - NumPy need not be there
    title = f"array of shape {array.shape}, {array.dtype}"
    for edge in (max(array.shape), *_EDGES):
        if prod(min(length, 2 * edge) for length in array.shape) > limit:  # each item takes a character at the least
            continue
        for width in (100, 20):
            yield f"{title}\n{_array(array, edge, partial(_cell, write, width))}"
    yield title


def _array(array: Any, edge: int, cell: Callable[[object], str]) -> str:  # noqa: ANN401 - the same
    # Floats are short, and the same whatever `numpy.set_printoptions` was given.
    formatter = {"object": cell, "numpystr": lambda text: repr(cell(text)), "float_kind": "{:.8g}".format}
    return str(
        sys.modules["numpy"].array2string(
            array,
            threshold=0 if edge < max(array.shape) else sys.maxsize,
            edgeitems=edge,
            separator=", ",
            max_line_width=_WIDTH,
            formatter=formatter,
        )
    )
