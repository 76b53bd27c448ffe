"""Where a cell's output goes: one protocol, a few places."""

from typing import Any

from cyllama_jupyter.notebook.sinks.base import Ending, Outcome, Sink, Status
from cyllama_jupyter.notebook.sinks.headless import HeadlessSink
from cyllama_jupyter.notebook.sinks.html import HtmlSink
from cyllama_jupyter.notebook.sinks.terminal import TerminalSink

__all__ = ["Ending", "HeadlessSink", "HtmlSink", "Outcome", "Sink", "Status", "TerminalSink", "choose_sink"]


def choose_sink(shell: Any) -> Sink:  # noqa: ANN401 - shells with a kernel are a class of another package
    """Return the sink for the cell that runs now.

    Args:
        shell: The IPython shell. Without a ``kernel`` it is a terminal.
    """
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return TerminalSink()
    return HtmlSink(shell.display_pub) if _somebody_looks_on(kernel) else HeadlessSink(shell.display_pub)


def _somebody_looks_on(kernel: Any) -> bool:  # noqa: ANN401 - any kernel that hosts an IPython shell
    """Whether a person sent this cell: executors (nbclient, nbconvert, nbval) say that nobody answers on stdin."""
    get_parent = getattr(kernel, "get_parent", None)
    parent = get_parent() if get_parent else None
    content = (parent or {}).get("content") or {}
    return bool(content.get("allow_stdin", True))
