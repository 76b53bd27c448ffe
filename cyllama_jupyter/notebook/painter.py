"""How often to paint."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cyllama_jupyter.notebook.sinks.base import Sink, Status

__all__ = ["Pace", "Painter"]

_SHARE = 10  # painting takes at most a tenth of the time


class Pace:
    """Lets something happen no oftener than an interval, and less often where it takes long.

    Args:
        interval: Seconds from the end of one to the beginning of the next, at least.
        clock: Tells the time in seconds.
    """

    def __init__(self, interval: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = interval
        self._clock = clock
        self._next = clock()

    def due(self) -> bool:
        """Return whether it is time."""
        return self._clock() >= self._next

    @contextmanager
    def step(self) -> Iterator[None]:
        """Time the block, and let that much time pass before the next."""
        begin = self._clock()
        yield
        end = self._clock()
        self._next = end + max(self._interval, _SHARE * (end - begin))


class Painter:
    """Updates a sink no oftener than its interval, and less often where an update takes long.

    Args:
        sink: What is painted on.
        clock: Tells the time in seconds.
    """

    def __init__(self, sink: Sink, clock: Callable[[], float] = time.monotonic) -> None:
        self._sink = sink
        self._pace = Pace(sink.interval, clock)
        self._shown: tuple[Status, str] | None = None

    def due(self) -> bool:
        """Return whether it is time; where it is not, the status need not even be made."""
        return self._pace.due()

    def paint(self, status: Status, text: str = "") -> None:
        """Update the sink now, if there is anything new.

        Args:
            status: What the cell is doing.
            text: The text so far.
        """
        with self._pace.step():
            if (status, text) != self._shown:
                self._sink.update(status, text)
                self._shown = (status, text)
