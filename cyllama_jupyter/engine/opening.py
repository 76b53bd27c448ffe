"""Waiting for an engine to load its model."""

from collections.abc import Callable

from cyllama_jupyter._native.context import LlamaContext
from cyllama_jupyter._native.model import LlamaModel
from cyllama_jupyter.engine.worker import EngineThread
from cyllama_jupyter.errors import LoadCancelled

__all__ = ["open_engine"]

_TICK = 1 / 30  # seconds between two reports of a load's progress


def open_engine(engine: EngineThread, on_progress: Callable[[float], object] | None) -> tuple[LlamaModel, LlamaContext]:
    """Start an engine and wait until it has loaded; whatever interrupts that stops it and leaves nothing behind.

    Args:
        engine: It has not been started.
        on_progress: Called with the fraction loaded, on this thread; returning False cancels the load.

    Raises:
        LoadCancelled: ``on_progress`` returned False.
        LoadError: llama.cpp could not load the model.
    """
    try:
        engine.start()
        while not engine.is_loaded:
            engine.loaded.wait(_TICK)
            if on_progress is not None and on_progress(engine.load_state.fraction) is False:
                raise LoadCancelled("on_progress returned False")
        error, engine.error = engine.error, None  # its traceback would hold the LLM, and so keep the engine
        if error is not None:
            raise error
    except BaseException:
        engine.stop()
        engine.join()
        raise
    if engine.model is None or engine.context is None:
        raise RuntimeError("an engine without an error has a model")
    return engine.model, engine.context
