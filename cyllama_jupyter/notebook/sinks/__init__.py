"""Where a cell's output goes: one protocol, a few places."""

from cyllama_jupyter.notebook.sinks.base import Ending, Language, Outcome, Sink, Status
from cyllama_jupyter.notebook.sinks.columns import Column, Columns, Running
from cyllama_jupyter.notebook.sinks.headless import HeadlessSink
from cyllama_jupyter.notebook.sinks.html import HtmlSink
from cyllama_jupyter.notebook.sinks.plain_columns import HeadlessColumns, HtmlColumns, TerminalColumns
from cyllama_jupyter.notebook.sinks.terminal import TerminalSink
from cyllama_jupyter.notebook.sinks.written_in import ColumnsWrittenIn, SinkWrittenIn

__all__ = [
    "Column",
    "Columns",
    "ColumnsWrittenIn",
    "Ending",
    "HeadlessColumns",
    "HeadlessSink",
    "HtmlColumns",
    "HtmlSink",
    "Language",
    "Outcome",
    "Running",
    "Sink",
    "SinkWrittenIn",
    "Status",
    "TerminalColumns",
    "TerminalSink",
]
