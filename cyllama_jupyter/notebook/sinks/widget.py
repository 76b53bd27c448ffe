"""The output in a page that can show widgets: live while the cell runs, static HTML in the end."""

import threading
import uuid
from collections.abc import Sequence
from typing import Any

from IPython.core.displaypub import DisplayPublisher

from cyllama_jupyter.notebook.pump import Pump
from cyllama_jupyter.notebook.sinks.base import Ending, Status
from cyllama_jupyter.notebook.sinks.look import final
from cyllama_jupyter.notebook.widget import LLMOutput

__all__ = ["WidgetSink", "greet"]

_HELLO_SECONDS = 0.3  # a page that can show widgets says hello within 14 to 144 ms, measured
_KNOWN_SECONDS = 5.0  # one that has said it before is there, however busy the machine is
_LOOK = 0.005
_VIEW = "application/vnd.jupyter.widget-view+json"


def greet(pump: Pump, *, known: bool = False, captions: Sequence[str] = ("",)) -> list[LLMOutput] | None:
    """Return new widgets that a page said hello to, or None when none did in time.

    The first one asks whether there is a page; where there is, the others are waited for.

    Args:
        pump: Handles the comm messages that wait.
        known: Whether this front end has said hello before.
        captions: That of each widget.
    """
    outputs = [LLMOutput(caption=captions[0])]
    if _heard(outputs, pump, _KNOWN_SECONDS if known else _HELLO_SECONDS):
        outputs += [LLMOutput(caption=caption) for caption in captions[1:]]
        if not captions[1:] or _heard(outputs, pump, _KNOWN_SECONDS):
            return outputs
    for output in outputs:
        output.close()
    return None


def _heard(outputs: Sequence[LLMOutput], pump: Pump, seconds: float) -> bool:
    waiting = threading.Event()  # never set: what is waited for comes through the pump, on this thread
    for _ in range(round(seconds / _LOOK)):
        pump()
        if all(output.greeted for output in outputs):
            return True
        waiting.wait(_LOOK)
    return False


class WidgetSink:
    """A widget in a display that is replaced by static HTML when the cell has ended.

    A page that came late (a reload, a second tab) never gets that replacement, so where there was one the widget stays,
    and answers as long as the kernel lives.

    Args:
        publisher: The shell's ``display_pub``.
        output: The widget, which a page said hello to.
        pump: Handles the comm messages that wait, or None where this thread need not.
    """

    interval = 1 / 30

    def __init__(self, publisher: DisplayPublisher, output: LLMOutput, pump: Pump | None) -> None:
        self._publisher = publisher
        self._output = output
        self._pump = pump
        self._display_id = uuid.uuid4().hex
        view: dict[str, Any] = {_VIEW: output.get_view_spec(), "text/plain": "the answer of a running %%llm cell"}
        publisher.publish(data=view, transient={"display_id": self._display_id})

    def update(self, status: Status, text: str = "") -> None:
        """Send what is new to the pages.

        Args:
            status: What the cell is doing.
            text: The text so far.
        """
        self._output.show(status, text)

    def poll(self) -> bool:
        """Listen to the pages; return whether somebody pressed Stop."""
        if self._pump is not None:
            self._pump()
        self._output.serve()
        return self._output.stop_requested

    def finish(self, ending: Ending) -> None:
        """End the widget and put the static ending in its place.

        Args:
            ending: The final text and facts.
        """
        self.poll()
        self._output.end(ending)
        self._publisher.publish(data=final(ending), transient={"display_id": self._display_id}, update=True)
        if not self._output.replayed:
            self._output.close()
