"""Tells a sink what answers are written in, which those who wait for them need not know."""

from collections.abc import Sequence
from dataclasses import replace

from cyllama_jupyter.notebook.sinks.base import Ending, Language, Sink, Status
from cyllama_jupyter.notebook.sinks.columns import Column, Columns, Running

__all__ = ["ColumnsWrittenIn", "SinkWrittenIn"]


class SinkWrittenIn:
    """A sink that shows one answer.

    Args:
        sink: What shows it.
        language: What it is written in.
    """

    def __init__(self, sink: Sink, language: Language) -> None:
        self.interval = sink.interval
        self._sink = sink
        self._language = language

    def update(self, status: Status, text: str = "") -> None:
        """Show what the cell is doing and all the text so far."""
        self._sink.update(replace(status, language=self._language), text)

    def poll(self) -> bool:
        """Return whether somebody asked to stop."""
        return self._sink.poll()

    def finish(self, ending: Ending) -> None:
        """Show what stays."""
        self._sink.finish(replace(ending, language=self._language))


class ColumnsWrittenIn(SinkWrittenIn):
    """What shows several answers.

    Args:
        columns: What shows them.
        language: What they are written in.
    """

    def __init__(self, columns: Columns, language: Language) -> None:
        super().__init__(columns, language)
        self._columns = columns

    def update_each(self, columns: Sequence[Column]) -> None:
        """Show all answers as they are now."""
        self._columns.update_each([self._column(column) for column in columns])

    def poll_each(self) -> Sequence[bool]:
        """Return for each answer whether somebody asked to stop it."""
        return self._columns.poll_each()

    def finish_each(self, endings: Sequence[Ending]) -> None:
        """Show what stays."""
        self._columns.finish_each([replace(ending, language=self._language) for ending in endings])

    def _column(self, column: Column) -> Column:
        if isinstance(column, Running):
            return replace(column, status=replace(column.status, language=self._language))
        return replace(column, language=self._language)
