"""A way to wait for another thread that no interrupt can break."""

import _thread

__all__ = ["SLICE", "Wakeup"]

SLICE = 0.05
"""Seconds after which every wait looks around again: all that a wake-up taken by somebody else can cost."""


class Wakeup:
    """An auto-reset event on one raw lock.

    ``threading.Event`` and ``Condition`` run Python code while they hold a lock: a KeyboardInterrupt there leaves it
    held, and the next ``set()`` hangs. Every method here is one C call. ``notify`` never blocks and may be called from
    a signal handler.
    """

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = _thread.allocate_lock()
        self._lock.acquire()

    def notify(self) -> None:
        """Let one waiter go on, now or when it comes; several calls before that count as one."""
        try:
            self._lock.release()
        except RuntimeError:
            return  # already notified

    def wait(self, timeout: float) -> bool:
        """Wait until notified, at most ``timeout`` seconds; return whether it was."""
        return self._lock.acquire(timeout=max(0.0, timeout))
