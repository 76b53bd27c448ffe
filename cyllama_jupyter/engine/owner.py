"""Whoever owns an engine: cancels what it runs, and stops it at the end."""

import weakref
from types import TracebackType

from cyllama_jupyter._native.cancel import CancelScope
from cyllama_jupyter.engine.interrupts import SigintHandler
from cyllama_jupyter.engine.worker import EngineThread

__all__ = ["EngineOwner"]


class EngineOwner:
    """Owns an engine, which stops when its owner is closed or collected.

    Args:
        engine: It has not been started.
        scope: Cancels every run of the engine.
    """

    def __init__(self, engine: EngineThread, scope: CancelScope) -> None:
        self._engine = engine
        self._scope = scope
        self._finalizer = weakref.finalize(self, engine.stop)
        self._finalizer.atexit = False  # the engine has an exit hook, which also waits

    def cancel(self) -> None:
        """Cancel every generation whose call was made before, running or queued, and none made after.

        It takes no lock: call it from any thread or signal handler.
        """
        self._scope.cancel()

    @property
    def n_open(self) -> int:
        """How many generations run or wait; one whose end can be seen is counted no more."""
        return self._engine.n_open

    @property
    def cancel_requested(self) -> bool:
        """Whether ``cancel()`` was called since the last call."""
        return self._scope.requested

    def install_sigint_handler(self) -> SigintHandler:
        """Let Ctrl-C call ``cancel()`` until the handle is restored, by ``restore()`` or the end of a ``with`` block.

        Raises:
            RuntimeError: This is not the main thread.
        """
        return SigintHandler(self.cancel)

    def refuse_to_wait(self) -> None:
        """Refuse a wait that could never end.

        Raises:
            RuntimeError: This is the engine's own thread: a done callback.
        """
        if self._engine.is_current:
            raise RuntimeError("a done callback runs on the engine's thread and cannot wait for it: use another thread")

    @property
    def closed(self) -> bool:
        """Whether ``close()`` was called."""
        return not self._finalizer.alive

    def close(self) -> None:
        """Cancel what runs or waits and free the model; a second call does nothing."""
        self._finalizer()
        self._engine.join()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()
