"""Wakes an event loop when native code has text for it."""

import asyncio
import atexit
import threading
import weakref
from typing import Protocol

from cyllama_jupyter._native.wakeup import Wakeup

__all__ = ["LoopWaker"]

_LONG = 3600.0  # seconds; it is notified
_EXIT_SECONDS = 10.0


class _Reader(Protocol):
    def wake(self) -> None:
        """Look whether what it waits for is there; called on the loop's thread."""


class LoopWaker:
    """One thread for all streams of one event loop: native code notifies it, and it wakes the loop.

    An event loop is woken by Python code alone, and what generates must not wait for the GIL. Streams that write in the
    same moment share a wake-up.

    Args:
        loop: The event loop.

    Attributes:
        wakeup: What native code notifies.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.wakeup = Wakeup()
        self._loop = loop
        self._readers: weakref.WeakSet[_Reader] = weakref.WeakSet()  # the loop's thread's
        self._posted = self._stopped = False
        self._thread = threading.Thread(target=self._run, name="cyllama-async", daemon=True)
        _WAKERS.add(self)
        self._thread.start()

    def add(self, reader: _Reader) -> None:
        """Wake a reader too, for as long as somebody else refers to it."""
        self._readers.add(reader)

    def stop(self) -> None:
        """Wake the loop once more and let the thread end; does not wait for it."""
        self._stopped = True
        self.wakeup.notify()

    def join(self, timeout: float) -> None:
        """Wait for the thread to end."""
        self._thread.join(timeout)

    @property
    def is_of_no_use(self) -> bool:
        """Whether its loop is closed."""
        return self._loop.is_closed()

    def _run(self) -> None:
        while not self._stopped:
            self.wakeup.wait(_LONG)
            self._post()
        self._post()  # what came while it last did

    def _post(self) -> None:
        if self._posted:
            return  # the readers look after this moment
        self._posted = True
        try:
            self._loop.call_soon_threadsafe(self._deliver)
        except RuntimeError:  # the loop is closed: nobody reads any more
            self._stopped = True

    def _deliver(self) -> None:
        self._posted = False  # first: what comes from here on is posted again
        for reader in tuple(self._readers):
            reader.wake()


_WAKERS: "weakref.WeakSet[LoopWaker]" = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    """Let no thread wake up while the interpreter is torn down."""
    wakers = list(_WAKERS)
    for waker in wakers:
        waker.stop()
    for waker in wakers:
        waker.join(_EXIT_SECONDS)
