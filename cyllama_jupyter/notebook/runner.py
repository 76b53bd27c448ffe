"""Loads and generates from the thread of a cell: waits, paints, reads the interrupt flag, leaves a final output."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cyllama_jupyter.engine.generation import Generation
from cyllama_jupyter.engine.llm import LLM
from cyllama_jupyter.engine.response import Response
from cyllama_jupyter.hub import OnBytes
from cyllama_jupyter.notebook.interrupts import Flag
from cyllama_jupyter.notebook.painter import Painter
from cyllama_jupyter.notebook.shelf import OnProgress
from cyllama_jupyter.notebook.sinks import Ending, Sink, Status
from cyllama_jupyter.notebook.wording import Narrator, broken, fetching, loading

__all__ = ["EndingOf", "Finish", "always_final", "find", "load", "run"]

_SLICE = 0.033  # seconds between two looks at the interrupt flag
_STOPPING = Status("stopping", "stopping")

Finish = Callable[[Response], Ending]
"""Told the response before the output is final; returns what the output ends with."""

EndingOf = Callable[[BaseException, str], Ending]
"""Told what ended a cell and what there is of its answer; returns what the output ends with."""


@contextmanager
def always_final(sink: Sink, text: Callable[[], str] = str, ending_of: EndingOf = broken) -> Iterator[None]:
    """Leave a final output also when the block ends by an exception, which goes on.

    Args:
        sink: Shows the output.
        text: Returns what there is of the answer.
        ending_of: Says how the output ends.

    Raises:
        BaseException: Whatever the block raised.
    """
    try:
        yield
    except BaseException as error:
        sink.finish(ending_of(error, text()))
        raise


def find(look: Callable[[str | None, OnBytes], Path], reference: str | None, sink: Sink, flag: Flag) -> Path:
    """Return where a model lies, showing how its download goes on; an interrupt stops it.

    Args:
        look: ``ModelShelf.find``.
        reference: What the model is called.
        sink: Shows the progress.
        flag: Is true once there was an interrupt.

    Raises:
        LoadCancelled: There was an interrupt.
        CyllamaError: There is no such model, or it cannot be fetched.
    """
    painter = Painter(sink)

    def on_bytes(done: int, total: int) -> bool:
        if painter.due():
            painter.paint(fetching(reference or "the model", done, total))
        return not (flag or sink.poll())

    return look(reference, on_bytes)


def load(open_model: Callable[[Path, OnProgress], LLM], path: Path, sink: Sink, flag: Flag, needs: str = "") -> LLM:
    """Return an opened model, showing how the load goes on; an interrupt cancels it.

    Args:
        open_model: ``ModelShelf.get`` or ``ModelShelf.load``.
        path: The model's file.
        sink: Shows the progress.
        flag: Is true once there was an interrupt.
        needs: What memory it takes, in words.

    Raises:
        LoadCancelled: There was an interrupt.
        CyllamaError: The model cannot be used.
    """
    painter = Painter(sink)

    def on_progress(fraction: float) -> bool:
        if painter.due():
            painter.paint(loading(path.name, fraction, needs))
        return not (flag or sink.poll())

    return open_model(path, on_progress)


def run(generation: Generation, sink: Sink, flag: Flag, finish: Finish, ending_of: EndingOf = broken) -> Response:
    """Wait for a generation and return its response; an interrupt cancels it and is not raised.

    Args:
        generation: Submitted by this thread.
        sink: Shows the output, which is final when this returns or raises.
        flag: Is true once there was an interrupt.
        finish: Keeps the response, and says how the output ends.
        ending_of: Says how it ends where there is no response.

    Raises:
        CyllamaError: The generation failed.
        BaseException: Whatever hit this thread; the generation is cancelled.
    """
    with always_final(sink, lambda: generation.text, ending_of), generation:  # left early, it cancels itself
        _wait(generation, sink, flag)
        response = generation.result()
        sink.finish(finish(response))
    return response


def _wait(generation: Generation, sink: Sink, flag: Flag) -> None:
    painter, narrator, stopping = Painter(sink), Narrator(), False
    while not generation.wait(_SLICE):
        stopping = bool(flag) or sink.poll()
        if stopping:
            generation.cancel()
        if painter.due():
            status = _STOPPING if stopping else narrator.status(generation.progress)
            painter.paint(status, generation.text)
