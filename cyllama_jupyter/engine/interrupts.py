"""Ctrl-C as a cancel, for scripts."""

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType

__all__ = ["SigintHandler"]


class SigintHandler:
    """Calls ``cancel`` on SIGINT until it is restored; a context manager. Handlers stack: restore the last one first.

    Args:
        cancel: Called in the signal handler, so it must not take a lock.

    Raises:
        RuntimeError: This is not the main thread, where alone Python sets and runs signal handlers.
    """

    def __init__(self, cancel: Callable[[], object]) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError(
                "a SIGINT handler can only be installed on the main thread: call cancel() from here instead"
            )
        self._cancel = cancel
        self._installed = True
        self._previous = signal.signal(signal.SIGINT, self._handle)

    def restore(self) -> None:
        """Put the handler of before back; a second call does nothing.

        Raises:
            RuntimeError: This is not the main thread.
        """
        if not self._installed:
            return
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("a SIGINT handler can only be restored on the main thread")
        # None: the handler of before was not installed from Python and cannot be put back from here
        signal.signal(signal.SIGINT, signal.SIG_DFL if self._previous is None else self._previous)
        self._installed = False

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self._cancel()

    def __enter__(self) -> "SigintHandler":
        """Return itself; leaving the block restores the handler of before."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Put the handler of before back."""
        self.restore()
