"""What several answers side by side look like: mime bundles of a grid, whose cells are those of ``look``.

A grid without styles, as GitHub and untrusted notebooks show it, is its cells below one another, each with its caption.
"""

import html
from collections.abc import Sequence

from cyllama_jupyter.notebook.sinks.base import Ending
from cyllama_jupyter.notebook.sinks.columns import Column, Running, caption
from cyllama_jupyter.notebook.sinks.look import QUIET, TAIL, final, live, resting

__all__ = ["GAP", "final_grid", "live_grid", "tracks"]

GAP = "14px 18px"
"""Between rows and between columns of the grid."""

_NARROWEST = 250  # pixels of a column; five words of an answer to a line
_GUTTER = 18  # pixels: that of GAP
_ROUNDING = 0.5  # pixels, or the last of them might not fit
_STEPS = {1: (1,), 2: (2, 1), 3: (3, 1), 4: (4, 2, 1), 5: (3, 2, 1), 6: (3, 2, 1)}
_MANY = (4, 2, 1)


def tracks(count: int) -> str:
    """Return CSS ``grid-template-columns``: as many as fit, of those numbers that fill the rows best.

    Three answers stand in a row of three or below one another, and not two above one. Container queries need a style
    sheet, which neither an inline style nor ipywidgets' layout has. So the least width of a column is computed: where
    the grid is narrower than a step needs, a difference times a thousand pushes it over to the next step.

    Args:
        count: How many answers.
    """
    *wide, _ = _STEPS.get(count, _MANY)
    least = "100%"
    for columns in reversed(wide):
        needed = columns * _NARROWEST + (columns - 1) * _GUTTER
        share = f"(100% - {(columns - 1) * _GUTTER}px) / {columns} - {_ROUNDING}px"
        least = f"clamp({share}, ({needed}px - 100%) * 1000, {least})"
    return f"repeat(auto-fit, minmax({least}, 1fr))"


def final_grid(endings: Sequence[Ending], *, timings: bool = True) -> dict[str, str]:
    """Return the bundle that stays: every answer as sanitised HTML, and the texts as they are.

    Args:
        endings: The final text and facts of each answer.
        timings: Whether to show what differs from run to run.
    """
    count = len(endings)
    captions = [caption(index, count) for index in range(count)]
    cells = [final(ending, timings=timings, caption=above) for ending, above in zip(endings, captions, strict=True)]
    texts = [f"── {above} ──\n{cell['text/plain']}" for above, cell in zip(captions, cells, strict=True)]
    return {"text/html": _grid(cells), "text/plain": "\n\n".join(texts)}


def live_grid(columns: Sequence[Column], hint: str = "") -> dict[str, str]:
    """Return the bundle of answers that are being written, each as its status above the end of its text so far.

    Args:
        columns: The answers.
        hint: How to stop them.
    """
    count = len(columns)
    captions = [caption(index, count) for index in range(count)]
    tail = TAIL // count
    cells = [_cell(column, above, tail) for column, above in zip(columns, captions, strict=True)]
    labels = [f"{above}: {cell['text/plain']}" for above, cell in zip(captions, cells, strict=True)]
    above_all = f'<div style="color: {QUIET}; font-size: 0.85em">{html.escape(hint)}</div>' if hint else ""
    return {"text/html": above_all + _grid(cells), "text/plain": "\n".join(labels)}


def _cell(column: Column, above: str, tail: int) -> dict[str, str]:
    if isinstance(column, Running):
        return live(column.status, column.text, caption=above, tail=tail)
    return resting(column, caption=above, tail=tail)


def _grid(cells: Sequence[dict[str, str]]) -> str:
    style = f"display: grid; grid-template-columns: {tracks(len(cells))}; gap: {GAP}; align-items: start"
    inner = "".join(f'<div style="min-width: 0">{cell["text/html"]}</div>' for cell in cells)
    return f'<div style="{style}">{inner}</div>'
