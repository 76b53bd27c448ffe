"""A model's name to a loaded model, in a cell: it is fetched if need be, loaded if need be, and can be stopped."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from cyllama_jupyter.engine.llm import LLM
from cyllama_jupyter.errors import LoadCancelled
from cyllama_jupyter.notebook import report, runner
from cyllama_jupyter.notebook.interrupts import Flag, InterruptFlag
from cyllama_jupyter.notebook.shelf import ModelShelf
from cyllama_jupyter.notebook.sinks import Sink
from cyllama_jupyter.notebook.tidy import tidy
from cyllama_jupyter.notebook.wording import loaded

__all__ = ["interrupt", "load_model", "open_model"]


def interrupt(message: str) -> KeyboardInterrupt:
    """Return the KeyboardInterrupt that ends a cell: Run All stops at nothing less."""
    return tidy(KeyboardInterrupt(message))


def open_model(shelf: ModelShelf, reference: str | None, sink: Sink, flag: Flag) -> LLM:
    """Return the model that a cell uses, fetching and loading it where it is not there yet.

    Args:
        shelf: Keeps the models.
        reference: A path, an alias, or ``hf:owner/repo``; None is the model of cells that name none.
        sink: Shows the progress.
        flag: Is true once it is to stop.

    Raises:
        KeyboardInterrupt: There was an interrupt; the model is not loaded.
        LoadCancelled: It was stopped in another way.
        CyllamaError: The model cannot be used.
    """
    path = _find(shelf, reference, sink, flag)
    try:
        return runner.load(shelf.get, path, sink, flag)
    except LoadCancelled:
        raise _stopped(shelf, path, flag) from None


def load_model(shelf: ModelShelf, reference: str | None, sink: Sink, settings: Mapping[str, Any] | None = None) -> LLM:
    """Load a model, make it the current one, show that it is, and return it.

    Args:
        shelf: Keeps the model.
        reference: A path, an alias, or ``hf:owner/repo``; None is what a cell would use.
        sink: Shows the output.
        settings: How to load it; None is as always.

    Raises:
        KeyboardInterrupt: There was an interrupt; the model is not loaded.
        LoadCancelled: Stop was pressed.
        CyllamaError: The model cannot be used.
    """
    with InterruptFlag() as flag:
        with runner.always_final(sink):
            path = _find(shelf, reference, sink, flag, anew=True)
            load = shelf.load if settings is None else partial(shelf.load, settings=settings)
            try:
                llm = runner.load(load, path, sink, flag, report.needs(path, settings or {}))
            except LoadCancelled:
                raise _stopped(shelf, path, flag) from None
        sink.finish(loaded(llm))
    if flag:
        raise interrupt("the model was already loaded")
    return llm


def _find(shelf: ModelShelf, reference: str | None, sink: Sink, flag: Flag, *, anew: bool = False) -> Path:
    try:
        return runner.find(partial(shelf.find, anew=anew), reference, sink, flag)
    except LoadCancelled as error:
        raise _cancelled(str(error), flag) from None


def _stopped(shelf: ModelShelf, path: Path, flag: Flag) -> BaseException:
    stays = any(Path(llm.model_path) == path for llm in shelf)
    left = "it stays as it was loaded before" if stays else "it is not in memory"
    return _cancelled(f"stopped while loading {path.name}; {left}", flag)


def _cancelled(message: str, flag: Flag) -> BaseException:
    return interrupt(message) if isinstance(flag, InterruptFlag) and flag else LoadCancelled(message)
