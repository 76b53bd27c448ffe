"""SIGINT as a number that a cell's loop reads."""

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Protocol

__all__ = ["Flag", "InterruptFlag", "StopFlag"]

_PATIENCE = 3  # interrupts
_SECONDS = 1.0  # from the first to one that is raised: the loop looks many times in it


class Flag(Protocol):
    """Is true once a cell is to stop."""

    def __bool__(self) -> bool:
        """Return whether it is to stop."""


class StopFlag:
    """A flag that any thread sets."""

    def __init__(self) -> None:
        self._set = False

    def __bool__(self) -> bool:
        return self._set

    def set(self) -> None:
        """Ask to stop."""
        self._set = True


class InterruptFlag:
    """Counts the interrupts of a ``with`` block, and is true once there was one.

    A KeyboardInterrupt lands between any two bytecodes: in the middle of sending a message, or of taking a lock. So the
    handler only adds one to a plain int (no lock, no Event: the code it interrupts may hold that lock), and the loop in
    the block looks at it. Who presses a third time, and a second after the first, means it: the previous handler comes
    back and KeyboardInterrupt is raised on the spot.

    Args:
        clock: Tells the time in seconds, and takes no lock.

    Inert, that is never true, where SIGINT cannot be taken: off the main thread (Python delivers signals to the main
    thread alone), where SIGINT is ignored, and where its handler is not Python's and could not be put back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.count = 0
        self._clock = clock
        self._first = 0.0
        self._previous: object = None

    def __bool__(self) -> bool:
        return self.count > 0

    def __enter__(self) -> "InterruptFlag":
        previous = signal.getsignal(signal.SIGINT)
        on_main_thread = threading.current_thread() is threading.main_thread()
        if on_main_thread and previous not in (None, signal.SIG_IGN):
            self._previous = previous
            signal.signal(signal.SIGINT, self._count)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _restore(self) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)  # type: ignore[arg-type]
            self._previous = None

    def _count(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler's arguments
        self.count += 1
        if self.count == 1:
            self._first = self._clock()
        if self.count >= _PATIENCE and self._clock() - self._first >= _SECONDS:
            self._restore()
            raise KeyboardInterrupt(f"stopped at once, after {self.count} interrupts")
