"""The models that a notebook holds: each file is loaded once, one is the current one."""

import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cyllama_jupyter import hub
from cyllama_jupyter.engine.llm import LLM
from cyllama_jupyter.errors import LoadCancelled, ModelNotFoundError
from cyllama_jupyter.hub import OnBytes
from cyllama_jupyter.models import default_model, expanded, prefer
from cyllama_jupyter.references import meant, resolve

__all__ = ["ModelShelf", "OnProgress"]

OnProgress = Callable[[float], bool]
"""Called with the fraction loaded, about 30 times a second; returns False to cancel."""

LoadSettings = Mapping[str, Any]
"""What ``LLM`` is given beside the path: fields of ``GenerationConfig``, and ``force``; mostly nothing."""

_SLICE = 0.033  # seconds


def _open(path: Path, on_progress: OnProgress, **settings: Any) -> LLM:  # noqa: ANN401 - the settings of an LLM
    return LLM(str(path), on_progress=on_progress, **settings)


def _real(path: Path) -> Path:
    """Return a path without links, unless the name is lost with them: the Hub's cache calls its files by numbers."""
    real = path.resolve()
    return real if real.suffix == path.suffix else path.absolute()


class ModelShelf:
    """Loads models, and keeps them by their resolved paths until ``close``.

    Args:
        opener: Loads the model at a path, with settings.
        settings: Returns what a load is given where nothing else is said.
        default: Returns what to load where nothing was loaded or named; None leaves it to ``references.resolve``.
    """

    def __init__(
        self,
        opener: Callable[..., LLM] = _open,
        settings: Callable[[], LoadSettings] = dict,
        default: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._open = opener
        self._settings = settings
        self._default = default
        self._models: dict[Path, LLM] = {}
        self._loaded_with: dict[Path, LoadSettings] = {}
        self._found: dict[str, Path] = {}  # references that were resolved: to ask the Hub takes a while
        self._current: Path | None = None
        self._lock = threading.Lock()
        self._closes = 0
        self.loading: Path | None = None
        """The file that is being loaded now."""

    def __iter__(self) -> Iterator[LLM]:
        """Iterate over the open models, in the order they were loaded."""
        return iter([llm for llm in list(self._models.values()) if not llm.closed])  # another thread may load

    @property
    def current(self) -> LLM | None:
        """The model that ``%llm load`` chose, while it is open."""
        llm = self._models.get(self._current) if self._current else None
        return llm if llm and not llm.closed else None

    @property
    def next(self) -> str:
        """What a cell uses that names no model; nothing is fetched to tell that."""
        if self._current and self.current:
            return str(self._current)
        try:
            return self._default() or str(default_model())
        except ModelNotFoundError as error:
            return f"none: {error}"

    def find(self, reference: str | None, on_bytes: OnBytes | None = None, *, anew: bool = False) -> Path:
        """Return the path of the model to use, fetching it where it is not on this machine.

        Args:
            reference: A path, an alias, or ``hf:owner/repo``; None is the current model, else ``CYLLAMA_MODEL``, else
                ``LLMMagics.model``, else the bundled one.
            on_bytes: Is told how far a download is, in bytes; False stops it.
            anew: Ask the Hub also for what it was asked before.

        Raises:
            ModelNotFoundError: No model was named and none is installed, or the Hub has none of that name.
            DownloadError: It could not be fetched.
            LoadCancelled: ``on_bytes`` returned False.
        """
        if reference is None and self._current and self.current:
            return self._current
        named = self._default() if reference is None else reference
        wanted = None if named is None else meant(named)
        known = self._found.get(wanted or "")
        if known is not None and not anew and known.exists():
            return known
        path = _real(resolve(wanted, on_bytes))
        if wanted is not None and wanted.startswith(hub.PREFIX):
            self._found[wanted] = path
        return path

    def get(self, path: Path, on_progress: OnProgress) -> LLM:
        """Return the model at a path, loading it where it is not; the current one stays what it is.

        Args:
            path: The model's file, from ``find``.
            on_progress: Is told the fraction loaded; False cancels.

        Raises:
            ModelError: There is no such model, or it cannot be used.
            LoadError: It does not fit the memory, or llama.cpp could not load it.
            LoadCancelled: ``on_progress`` returned False, or ``close`` was called.
        """
        return self._get(path, on_progress, None)

    def load(self, path: Path, on_progress: OnProgress, settings: LoadSettings | None = None) -> LLM:
        """Do what ``get`` does, and make the model the current one.

        Args:
            path: The model's file.
            on_progress: Is told the fraction loaded; False cancels.
            settings: How to load it; one that was loaded in another way is loaded again. None is as always.

        Raises:
            ModelError: There is no such model, or it cannot be used.
            LoadError: It does not fit the memory, or llama.cpp could not load it.
            LoadCancelled: ``on_progress`` returned False, or ``close`` was called.
        """
        llm = self._get(path, on_progress, settings)
        self._current = path
        prefer(path)
        return llm

    def _get(self, path: Path, on_progress: OnProgress, settings: LoadSettings | None) -> LLM:
        closes = self._closes

        def go_on(fraction: float) -> bool:
            return on_progress(fraction) and self._closes == closes

        # With subshells, cells run on several threads. The wait is in slices so that it can be interrupted.
        while not self._lock.acquire(timeout=_SLICE):
            if not go_on(0.0):
                raise LoadCancelled(f"stopped waiting to load {path.name}")
        try:
            before = self._models.get(path)
            llm = before
            if llm is None or llm.closed or (settings is not None and not self._is_loaded_with(path, settings)):
                llm = self._add(path, go_on, self._settings() if settings is None else settings)
                if before is not None:
                    before.close()  # not sooner: a load that fails costs nobody the model that was there
            if self._closes != closes:  # since the last look, perhaps before it was there to be closed
                llm.close()
                raise LoadCancelled(f"{path.name} was unloaded")
        finally:
            self._lock.release()
        return llm

    def _is_loaded_with(self, path: Path, settings: LoadSettings) -> bool:
        return self._loaded_with.get(path) == _without_force(settings)

    def _add(self, path: Path, on_progress: OnProgress, settings: LoadSettings) -> LLM:
        self.loading = path
        try:
            llm = self._models[path] = self._open(path, on_progress, **settings)
            self._loaded_with[path] = _without_force(settings)
        finally:
            self.loading = None
        return llm

    def close(self, name: str | None = None) -> list[LLM]:
        """Close models, forget them, and return them; what is being loaded is stopped.

        Args:
            name: What one of them is called: its file's name with or without ``.gguf``, its path, or what it was loaded
                by. None is all.

        Raises:
            ModelNotFoundError: None of that name is loaded.
        """
        chosen = list(self._models) if name is None else self._called(name)
        if name is None:
            self._closes += 1
        taken = [self._models.pop(path, None) for path in chosen]
        closed = [llm for llm in taken if llm is not None and not llm.closed]
        if self._current in chosen or name is None:
            self._current = None
            prefer(None)
        for llm in closed:
            llm.close()
        return closed

    def _called(self, name: str) -> list[Path]:
        loaded = list(self._models)
        found = [path for path in loaded if name in (path.name, path.stem, str(path))] or self._meant(name)
        if not found:
            known = ", ".join(path.name for path in loaded) or "nothing"
            raise ModelNotFoundError(f"{name!r} is not loaded; {known} is")
        return found

    def _meant(self, name: str) -> list[Path]:
        """Return the model of a name where it is loaded; nothing is fetched to find out that it is not."""
        wanted = meant(name)
        path = self._found.get(wanted) if wanted.startswith(hub.PREFIX) else _real(expanded(Path(wanted)))
        return [path] if path is not None and path in self._models else []


def _without_force(settings: LoadSettings) -> LoadSettings:
    """Return how a model is loaded; whether it may not fit is no part of that."""
    return {name: value for name, value in settings.items() if name != "force"}
