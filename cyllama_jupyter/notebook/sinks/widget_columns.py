"""Several answers in a page that can show widgets: a grid of live outputs, each with its Stop; static in the end."""

import uuid
from collections.abc import Sequence
from typing import Any

from IPython.core.displaypub import DisplayPublisher

from cyllama_jupyter.notebook.pump import Pump
from cyllama_jupyter.notebook.sinks.base import Ending, Status
from cyllama_jupyter.notebook.sinks.columns import Column, Running
from cyllama_jupyter.notebook.sinks.grid import GAP, final_grid, tracks
from cyllama_jupyter.notebook.sinks.look import final
from cyllama_jupyter.notebook.widget import LLMOutput, side_by_side

__all__ = ["WidgetColumns"]

_VIEW = "application/vnd.jupyter.widget-view+json"
_FRAMES = 30  # a second
_UPDATES = 60  # a second, of all widgets together: Jupyter's server drops what is beyond 1,000 messages a second


class WidgetColumns:
    """Widgets in one display, which is replaced by a static grid when the last answer has ended.

    A page that came late (a reload, a second tab) never gets that replacement, so where there was one the widgets stay,
    and answer as long as the kernel lives.

    Args:
        publisher: The shell's ``display_pub``.
        outputs: A widget for each answer, which a page said hello to.
        pump: Handles the comm messages that wait, or None where this thread need not.
    """

    def __init__(self, publisher: DisplayPublisher, outputs: Sequence[LLMOutput], pump: Pump | None) -> None:
        self.interval = max(1 / _FRAMES, len(outputs) / _UPDATES)
        self._publisher = publisher
        self._outputs = outputs
        self._pump = pump
        self._display_id = uuid.uuid4().hex
        self._grid = side_by_side(outputs, tracks(len(outputs)), GAP)
        view: dict[str, Any] = {_VIEW: self._grid.get_view_spec(), "text/plain": "the answers of a running %%llm cell"}
        publisher.publish(data=view, transient={"display_id": self._display_id})

    def update(self, status: Status, text: str = "") -> None:
        """Show the same in all columns.

        Args:
            status: What the cell is doing.
            text: The text so far.
        """
        for output in self._outputs:
            output.show(status, text)

    def poll(self) -> bool:
        """Listen to the pages; return whether somebody pressed any Stop."""
        return any(self.poll_each())

    def finish(self, ending: Ending) -> None:
        """End all widgets alike, and put one static ending in their place.

        Args:
            ending: The final text and facts.
        """
        self._end([ending] * len(self._outputs), final(ending))

    def update_each(self, columns: Sequence[Column]) -> None:
        """Send what is new to the pages."""
        for output, column in zip(self._outputs, columns, strict=True):
            if isinstance(column, Running):
                output.show(column.status, column.text)
            elif not output.ended:
                output.end(column)

    def poll_each(self) -> Sequence[bool]:
        """Listen to the pages; return for each answer whether somebody pressed its Stop."""
        if self._pump is not None:
            self._pump()
        for output in self._outputs:
            output.serve()
        return [output.stop_requested for output in self._outputs]

    def finish_each(self, endings: Sequence[Ending]) -> None:
        """End the widgets that have not ended, and put the static grid in their place."""
        self._end(endings, final_grid(endings))

    def _end(self, endings: Sequence[Ending], data: dict[str, str]) -> None:
        self.poll()
        self.update_each(endings)
        self._publisher.publish(data=data, transient={"display_id": self._display_id}, update=True)
        if not any(output.replayed for output in self._outputs):
            self._close()

    def _close(self) -> None:
        self._grid.layout.close()
        self._grid.close()
        for output in self._outputs:
            output.close()
