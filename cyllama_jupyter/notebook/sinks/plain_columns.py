"""Several answers where there are no widgets: a live notebook's display, an executor, a terminal."""

import math
import sys
from collections.abc import Sequence

from IPython.core.displaypub import DisplayPublisher

from cyllama_jupyter.notebook.sinks.base import Ending
from cyllama_jupyter.notebook.sinks.columns import Column, Running, caption
from cyllama_jupyter.notebook.sinks.grid import final_grid, live_grid
from cyllama_jupyter.notebook.sinks.headless import HeadlessSink
from cyllama_jupyter.notebook.sinks.html import HtmlSink
from cyllama_jupyter.notebook.sinks.terminal import TerminalSink

__all__ = ["HeadlessColumns", "HtmlColumns", "TerminalColumns"]


class HtmlColumns(HtmlSink):
    """Paints one display over and over, a grid; what is in it in the end is what a saved notebook shows.

    Args:
        publisher: The shell's ``display_pub``.
        count: How many answers.
        hint: How to stop the cell, for want of buttons.
    """

    def __init__(self, publisher: DisplayPublisher, count: int, hint: str = "") -> None:
        super().__init__(publisher, hint)
        self._count = count

    def update_each(self, columns: Sequence[Column]) -> None:
        """Show all answers as they are now, as plain text."""
        self._paint(live_grid(columns, self._hint), keep=True)

    def poll_each(self) -> Sequence[bool]:
        """Return only False: nobody can say anything here."""
        return [False] * self._count

    def finish_each(self, endings: Sequence[Ending]) -> None:
        """Replace the display by the static grid."""
        self._paint(final_grid(endings), keep=False)


class HeadlessColumns(HeadlessSink):
    """One plain display at the end and nothing else, without timings: two runs of a seeded cell give the same bytes.

    Args:
        publisher: The shell's ``display_pub``.
        count: How many answers.
    """

    interval = math.inf

    def __init__(self, publisher: DisplayPublisher, count: int) -> None:
        super().__init__(publisher)
        self._count = count

    def update_each(self, columns: Sequence[Column]) -> None:
        """Show nothing."""

    def poll_each(self) -> Sequence[bool]:
        """Return only False: nobody can say anything here."""
        return [False] * self._count

    def finish_each(self, endings: Sequence[Ending]) -> None:
        """Display the grid once; where all failed without any text, it is left to the error."""
        if not all(ending.silent for ending in endings):
            self._publisher.publish(data=final_grid(endings, timings=False))


class TerminalColumns(TerminalSink):
    """Writes one answer after the other, the first one as it comes; what the others wrote meanwhile follows at once.

    Args:
        count: How many answers.
    """

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count
        self._done = 0
        self._current = TerminalSink()
        self._begun = False

    def update_each(self, columns: Sequence[Column]) -> None:
        """Write what is new of the answer that is being written, and as many as have ended behind it."""
        for column in columns[self._done :]:
            self._begin()
            if isinstance(column, Running):
                self._current.update(column.status, column.text)
                return
            self._current.finish(column)
            self._done, self._begun, self._current = self._done + 1, False, TerminalSink()

    def poll_each(self) -> Sequence[bool]:
        """Return only False: nobody can say anything here."""
        return [False] * self._count

    def finish_each(self, endings: Sequence[Ending]) -> None:
        """Write what is left of each answer."""
        self.update_each(endings)

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._clear()
            apart = "\n" if self._done else ""
            sys.stdout.write(f"{apart}── {caption(self._done, self._count)} ──\n")
            sys.stdout.flush()
