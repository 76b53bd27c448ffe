"""The live output of a generation, in the page: an anywidget with a Stop button."""

import contextvars
import threading
from collections.abc import Callable, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import Any

import anywidget
import traitlets
from ipywidgets import GridBox, Layout

from cyllama_jupyter.engine.generation import Generation
from cyllama_jupyter.notebook import assets, protocol
from cyllama_jupyter.notebook.sinks.base import Ending, Status
from cyllama_jupyter.notebook.transcript import Transcript
from cyllama_jupyter.notebook.wording import Narrator, answered, failed

__all__ = ["LLMOutput", "side_by_side"]

_TICK = 1 / 30


class LLMOutput(anywidget.AnyWidget):
    """Shows a generation as it comes, in any front end that knows widgets: JupyterLab, Notebook, marimo.

    What the page says may come on any thread. A stop is taken up at once; a page that asks for something is answered by
    the thread that streams (``serve``), so that messages keep their order, or at once where nothing streams any more.

    Args:
        generation: Is followed from a thread of the widget's own, and cancelled by Stop. Without one, its owner calls
            ``show``, ``serve`` and ``end``.
        caption: Which of several answers it is ("2 of 4"), or nothing where it is the only one.
    """

    version = traitlets.Int(protocol.VERSION).tag(sync=True)
    parts = traitlets.Unicode("").tag(sync=True)
    caption = traitlets.Unicode("").tag(sync=True)

    def __init__(self, generation: Generation | None = None, caption: str = "") -> None:
        self._transcript = Transcript()
        self._asked: SimpleQueue[protocol.ReplayRequest | protocol.Need] = SimpleQueue()
        self._on_stop: Callable[[], object] = lambda: None
        self.greeted = False
        """Whether a page said that it can show this."""
        self.replayed = False
        """Whether a page came late, which a final ``update_display`` does not reach."""
        self.stop_requested = False
        """Whether somebody pressed Stop."""
        self._esm = assets.core()
        self.on_msg(self._hear)  # first: with subshells a page may say hello as soon as it is open
        super().__init__(parts=assets.parts_hash(), caption=caption)
        if generation is not None:
            self._on_stop = generation.cancel
            context = contextvars.copy_context()  # which in ipykernel 7 says what a message belongs to
            arguments = (_follow, generation, self)
            threading.Thread(target=context.run, args=arguments, name="cyllama-output", daemon=True).start()

    @property
    def ended(self) -> bool:
        """Whether the end was sent."""
        return self._transcript.ended

    def show(self, status: Status, text: str = "") -> None:
        """Send what is new.

        Args:
            status: What the cell is doing.
            text: The whole text so far.
        """
        self._say(self._transcript.status(status.phase, status.label, status.fraction, status.language))
        self._say(self._transcript.delta(text))

    def end(self, ending: Ending) -> None:
        """Send the rest and the end; from here on pages are answered at once.

        Args:
            ending: The final text and facts.
        """
        self._say(self._transcript.delta(ending.text))
        self._say(self._transcript.end(ending.outcome.value, ending.footer()))
        self.serve()

    def serve(self) -> None:
        """Answer the pages that asked for something; called by the thread that streams."""
        while True:
            try:
                asked = self._asked.get_nowait()
            except Empty:
                return
            if asked["type"] == "replay":
                self.replayed = True
                self._say(self._transcript.replay(asked["view"]))
            else:
                name = asked["name"]
                self._say(protocol.Part(type="part", to=asked["view"], name=name, code=assets.part(name)))

    def close(self) -> None:
        """Close it in every page, and its layout with it."""
        self.layout.close()
        super().close()

    def _say(self, message: Mapping[str, Any] | None) -> None:
        if message is not None:
            self.send(message)

    def _hear(self, _widget: object, content: object, _buffers: object) -> None:
        message = protocol.from_page(content)
        if message is None:
            return
        if message["type"] == "hello":
            self.greeted = True
        elif message["type"] == "stop":
            self.stop_requested = True
            self._on_stop()
        else:
            self._asked.put(message)
            if self._transcript.ended:
                self.serve()


def _follow(generation: Generation, output: LLMOutput) -> None:
    """Show a generation until it is done."""
    narrator = Narrator()
    while not generation.wait(_TICK):
        output.show(narrator.status(generation.progress), generation.text)
        output.serve()
    error = generation.exception()
    if error is not None:
        output.end(failed(error, generation.text))
    else:
        output.end(answered(generation.result(), generation.config, generation.progress))


def side_by_side(outputs: Sequence[LLMOutput], tracks: str, gap: str) -> GridBox:
    """Return a widget that shows several outputs in a grid.

    Args:
        outputs: What is in its cells.
        tracks: CSS ``grid-template-columns``.
        gap: CSS ``gap``.
    """
    layout = Layout(grid_template_columns=tracks, grid_gap=gap, align_items="flex-start", overflow="visible")
    layout.padding = "0 20px 0 0"  # as Jupyter pads HTML: what takes its place is as wide, and has as many columns
    return GridBox(children=list(outputs), layout=layout)
