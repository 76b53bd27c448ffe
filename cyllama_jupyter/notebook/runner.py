"""One run, from the thread of its cell: wait, paint, see the interrupt, leave a final output whatever happens."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cyllama_jupyter.config import GenerationConfig
from cyllama_jupyter.engine.generation import Generation
from cyllama_jupyter.engine.response import Response
from cyllama_jupyter.errors import LoadCancelled
from cyllama_jupyter.notebook.interrupts import InterruptFlag
from cyllama_jupyter.notebook.painter import Painter
from cyllama_jupyter.notebook.sinks import Sink, Status
from cyllama_jupyter.notebook.wording import Meter, answered, broken, loading, running

__all__ = ["load", "run"]
