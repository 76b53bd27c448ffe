"""Who looks on: which sink a cell gets."""

from typing import Any

from cyllama_jupyter.notebook.interrupts import InterruptFlag
from cyllama_jupyter.notebook.pump import Pump, find_pump
from cyllama_jupyter.notebook.sinks import Ending, HeadlessSink, HtmlSink, Sink, TerminalSink
from cyllama_jupyter.notebook.tidy import tidy

__all__ = ["FrontEnds"]

_INTERRUPT = "stop it with ■ in the toolbar"
_COMMAND = "stop it with %llm stop"


class FrontEnds:
    """Finds the sink for the cell that runs now, and remembers which front ends can show widgets.

    Args:
        shell: The IPython shell. Without a ``kernel`` it is a terminal.
    """

    def __init__(self, shell: Any) -> None:  # noqa: ANN401 - shells with a kernel are a class of another package
        self._shell = shell
        self._kernel = getattr(shell, "kernel", None)
        self._with_widgets: set[str] = set()
        self._without_widgets: set[str] = set()

    @property
    def watched(self) -> bool:
        """Whether somebody looks on: executors (nbclient, nbconvert, nbval) say that nobody answers on stdin."""
        return self._kernel is None or bool(self._parent("content").get("allow_stdin", True))

    def sink(self, *, background: bool = False) -> Sink:
        """Return the sink for the cell that runs now.

        Args:
            background: The cell will return before its output ends.

        Raises:
            KeyboardInterrupt: There was an interrupt before it was known what the front end can show.
        """
        pump = self.pump() if self.watched else None
        widget = self._widget(pump, background=background) if pump is not None else None
        return self._static(_COMMAND if background else _INTERRUPT) if widget is None else widget

    def show(self, ending: Ending) -> None:
        """Show something finished, statically.

        Args:
            ending: What to show.
        """
        self._static().finish(ending)

    def pump(self) -> Pump | None:
        """Return what handles waiting comm messages, for a cell that waits for something else."""
        return find_pump(self._kernel) if self._kernel is not None else None

    def _static(self, hint: str = "") -> Sink:
        if self._kernel is None:
            return TerminalSink()
        publisher = self._shell.display_pub
        return HtmlSink(publisher, hint) if self.watched else HeadlessSink(publisher)

    def _widget(self, pump: Pump, *, background: bool) -> Sink | None:
        session = str(self._parent("header").get("session"))
        if session in self._without_widgets:  # no need to wait for a hello in every cell
            return None
        from cyllama_jupyter.notebook.sinks.widget import WidgetSink, greet  # noqa: PLC0415 - loads ipywidgets

        with InterruptFlag() as flag:  # a KeyboardInterrupt in the middle of the pump would lose messages
            output = greet(pump, known=session in self._with_widgets)
        if flag:
            if output is not None:
                output.close()
            raise tidy(KeyboardInterrupt("stopped before the answer began"))
        if output is None:
            self._without_widgets.add(session)
            return None
        self._with_widgets.add(session)
        return WidgetSink(self._shell.display_pub, output, None if background else pump)

    def _parent(self, part: str) -> dict[str, Any]:
        get_parent = getattr(self._kernel, "get_parent", None)
        parent = get_parent() if get_parent else None
        return (parent or {}).get(part) or {}
