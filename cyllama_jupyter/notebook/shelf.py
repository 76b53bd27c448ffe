"""The models that a notebook holds: each file is loaded once, one is the current one."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from cyllama_jupyter.engine.llm import LLM
from cyllama_jupyter.errors import LoadCancelled
from cyllama_jupyter.models import prefer, resolve_model

__all__ = ["ModelShelf", "OnProgress"]

OnProgress = Callable[[float], bool]
"""Called with the fraction loaded, about 30 times a second; returns False to cancel."""

_SLICE = 0.033  # seconds


def _open(path: Path, on_progress: OnProgress) -> LLM:
    return LLM(str(path), on_progress=on_progress)


class ModelShelf:
    """Loads models, and keeps them by their resolved paths until ``close``.

    Args:
        opener: Loads the model at a path.
    """

    def __init__(self, opener: Callable[[Path, OnProgress], LLM] = _open) -> None:
        self._open = opener
        self._models: dict[Path, LLM] = {}
        self._current: Path | None = None
        self._lock = threading.Lock()
        self._closes = 0
        self.loading: Path | None = None
        """The file that is being loaded now."""

    def __iter__(self) -> Iterator[LLM]:
        """Iterate over the open models, in the order they were loaded."""
        return iter([llm for llm in self._models.values() if not llm.closed])

    @property
    def current(self) -> LLM | None:
        """The model that ``%llm load`` chose, while it is open."""
        llm = self._models.get(self._current) if self._current else None
        return llm if llm and not llm.closed else None

    def find(self, reference: str | None) -> Path:
        """Return the path of the model to use.

        Args:
            reference: A path; None is the current model, else ``CYLLAMA_MODEL``, else the bundled one.

        Raises:
            ModelNotFoundError: No model was named and none is installed.
        """
        if reference is None and self._current and self.current:
            return self._current
        return resolve_model(reference).resolve()

    def get(self, path: Path, on_progress: OnProgress) -> LLM:
        """Return the model at a path, loading it where it is not; the current one stays what it is.

        Args:
            path: The model's file, from ``find``.
            on_progress: Is told the fraction loaded; False cancels.

        Raises:
            ModelError: There is no such model, or it cannot be used.
            LoadError: llama.cpp could not load it.
            LoadCancelled: ``on_progress`` returned False, or ``close`` was called.
        """
        closes = self._closes

        def go_on(fraction: float) -> bool:
            return on_progress(fraction) and self._closes == closes

        # With subshells, cells run on several threads. The wait is in slices so that it can be interrupted.
        while not self._lock.acquire(timeout=_SLICE):
            if not go_on(0.0):
                raise LoadCancelled(f"stopped waiting to load {path.name}")
        try:
            llm = self._models.get(path)
            if llm is None or llm.closed:
                llm = self._add(path, go_on)
            if self._closes != closes:  # since the last look, perhaps before it was there to be closed
                llm.close()
                raise LoadCancelled(f"{path.name} was unloaded")
        finally:
            self._lock.release()
        return llm

    def _add(self, path: Path, on_progress: OnProgress) -> LLM:
        self.loading = path
        try:
            llm = self._models[path] = self._open(path, on_progress)
        finally:
            self.loading = None
        return llm

    def load(self, path: Path, on_progress: OnProgress) -> LLM:
        """Do what ``get`` does, and make the model the current one.

        Args:
            path: The model's file.
            on_progress: Is told the fraction loaded; False cancels.

        Raises:
            ModelError: There is no such model, or it cannot be used.
            LoadError: llama.cpp could not load it.
            LoadCancelled: ``on_progress`` returned False, or ``close`` was called.
        """
        llm = self.get(path, on_progress)
        self._current = path
        prefer(path)
        return llm

    def close(self) -> list[LLM]:
        """Close all models, forget them, and return them; what is being loaded is stopped."""
        self._closes += 1
        closed = list(self)
        self._models.clear()
        self._current = None
        prefer(None)
        for llm in closed:
            llm.close()
        return closed
