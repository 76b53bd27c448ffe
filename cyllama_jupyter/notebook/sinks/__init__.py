"""Where a cell's output goes: one protocol, a few places."""

from cyllama_jupyter.notebook.sinks.base import Ending, Outcome, Sink, Status
from cyllama_jupyter.notebook.sinks.columns import Column, Columns, Running
from cyllama_jupyter.notebook.sinks.headless import HeadlessSink
from cyllama_jupyter.notebook.sinks.html import HtmlSink
from cyllama_jupyter.notebook.sinks.plain_columns import HeadlessColumns, HtmlColumns, TerminalColumns
from cyllama_jupyter.notebook.sinks.terminal import TerminalSink

__all__ = [
    "Column",
    "Columns",
    "Ending",
    "HeadlessColumns",
    "HeadlessSink",
    "HtmlColumns",
    "HtmlSink",
    "Outcome",
    "Running",
    "Sink",
    "Status",
    "TerminalColumns",
    "TerminalSink",
]
