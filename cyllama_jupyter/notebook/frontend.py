"""Who looks on: which sink a cell gets."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cyllama_jupyter.notebook.interrupts import InterruptFlag
from cyllama_jupyter.notebook.pump import Pump, find_pump
from cyllama_jupyter.notebook.sinks import (
    Columns,
    Ending,
    HeadlessColumns,
    HeadlessSink,
    HtmlColumns,
    HtmlSink,
    Sink,
    TerminalColumns,
    TerminalSink,
)
from cyllama_jupyter.notebook.sinks.columns import caption
from cyllama_jupyter.notebook.tidy import tidy

if TYPE_CHECKING:
    from cyllama_jupyter.notebook.widget import LLMOutput

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
        pump = self._pump_where_watched()
        outputs = self._greet(pump) if pump is not None else None
        if outputs is None:
            return self._static(_COMMAND if background else _INTERRUPT)
        from cyllama_jupyter.notebook.sinks.widget import WidgetSink  # noqa: PLC0415 - loads ipywidgets

        return WidgetSink(self._shell.display_pub, outputs[0], None if background else pump)

    def sinks(self, count: int, *, background: bool = False) -> Columns:
        """Return what shows several answers of the cell that runs now; ``several.answer_several`` fills it.

        Args:
            count: How many answers.
            background: The cell will return before its output ends.

        Raises:
            KeyboardInterrupt: There was an interrupt before it was known what the front end can show.
        """
        pump = self._pump_where_watched()
        captions = [caption(index, count) for index in range(count)]
        outputs = self._greet(pump, captions) if pump is not None else None
        if outputs is None:
            return self._static_columns(count, _COMMAND if background else _INTERRUPT)
        from cyllama_jupyter.notebook.sinks.widget_columns import WidgetColumns  # noqa: PLC0415 - loads ipywidgets

        return WidgetColumns(self._shell.display_pub, outputs, None if background else pump)

    def show(self, ending: Ending) -> None:
        """Show something finished, statically.

        Args:
            ending: What to show.
        """
        self._static().finish(ending)

    def show_several(self, endings: Sequence[Ending]) -> None:
        """Show several finished answers, statically.

        Args:
            endings: What to show.
        """
        self._static_columns(len(endings)).finish_each(endings)

    def pump(self) -> Pump | None:
        """Return what handles waiting comm messages, for a cell that waits for something else."""
        return find_pump(self._kernel) if self._kernel is not None else None

    def _static(self, hint: str = "") -> Sink:
        if self._kernel is None:
            return TerminalSink()
        publisher = self._shell.display_pub
        return HtmlSink(publisher, hint) if self.watched else HeadlessSink(publisher)

    def _static_columns(self, count: int, hint: str = "") -> Columns:
        if self._kernel is None:
            return TerminalColumns(count)
        publisher = self._shell.display_pub
        return HtmlColumns(publisher, count, hint) if self.watched else HeadlessColumns(publisher, count)

    def _pump_where_watched(self) -> Pump | None:
        return self.pump() if self.watched else None

    def _greet(self, pump: Pump, captions: Sequence[str] = ("",)) -> "list[LLMOutput] | None":
        session = str(self._parent("header").get("session"))
        if session in self._without_widgets:  # no need to wait for a hello in every cell
            return None
        from cyllama_jupyter.notebook.sinks.widget import greet  # noqa: PLC0415 - loads ipywidgets

        with InterruptFlag() as flag:  # a KeyboardInterrupt in the middle of the pump would lose messages
            outputs = greet(pump, known=session in self._with_widgets, captions=captions)
        if flag:
            for output in outputs or ():
                output.close()
            raise tidy(KeyboardInterrupt("stopped before it began"))
        (self._with_widgets if outputs else self._without_widgets).add(session)
        return outputs

    def _parent(self, part: str) -> dict[str, Any]:
        get_parent = getattr(self._kernel, "get_parent", None)
        parent = get_parent() if get_parent else None
        return (parent or {}).get(part) or {}
