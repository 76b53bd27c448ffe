"""The output in a live notebook: one display, repainted while the cell runs, static in the end."""

import uuid

from IPython.core.displaypub import DisplayPublisher

from cyllama_jupyter.notebook.sinks.base import Ending, Status
from cyllama_jupyter.notebook.sinks.look import final, live

__all__ = ["HtmlSink"]


class HtmlSink:
    """Paints one display over and over; what is in it in the end is what a saved notebook shows.

    Args:
        publisher: The shell's ``display_pub``.
        hint: How to stop the cell, for want of a button.
    """

    interval = 0.1

    def __init__(self, publisher: DisplayPublisher, hint: str = "") -> None:
        self._publisher = publisher
        self._hint = hint
        self._display_id: str | None = None

    def update(self, status: Status, text: str = "") -> None:
        """Show the status and the text so far, as plain text: Markdown that is half there changes its mind.

        Args:
            status: What the cell is doing.
            text: The text so far.
        """
        self._paint(live(status, text, self._hint), keep=True)

    def poll(self) -> bool:
        """Return False: nobody can say anything here."""
        return False

    def finish(self, ending: Ending) -> None:
        """Replace the display by the static ending; where nothing was painted yet, display it plainly.

        Args:
            ending: The final text and facts.
        """
        if self._display_id is not None or not ending.silent:
            self._paint(final(ending), keep=False)

    def _paint(self, data: dict[str, str], *, keep: bool) -> None:
        if self._display_id is not None:
            self._publisher.publish(data=data, transient={"display_id": self._display_id}, update=True)
        elif keep:
            display_id = uuid.uuid4().hex
            self._publisher.publish(data=data, transient={"display_id": display_id})
            self._display_id = display_id
        else:
            self._publisher.publish(data=data)
