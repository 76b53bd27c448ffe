"""How often to paint."""

import time
from collections.abc import Callable

from cyllama_jupyter.notebook.sinks.base import Sink, Status

__all__ = ["Painter"]

_SHARE = 10  # painting takes at most a tenth of the time


class Painter:
    """Updates a sink no oftener than its interval, and less often where an update takes long.

    Args:
        sink: What is painted on.
        clock: Tells the time in seconds.
    """

    def __init__(self, sink: Sink, clock: Callable[[], float] = time.monotonic) -> None:
        self._sink = sink
        self._clock = clock
        self._next = clock()
        self._shown: tuple[Status, str] | None = None

    def due(self) -> bool:
        """Return whether it is time; where it is not, the status need not even be made."""
        return self._clock() >= self._next

    def paint(self, status: Status, text: str = "") -> None:
        """Update the sink now, if there is anything new.

        Args:
            status: What the cell is doing.
            text: The text so far.
        """
        begin = self._clock()
        if (status, text) != self._shown:
            self._sink.update(status, text)
            self._shown = (status, text)
        end = self._clock()
        self._next = end + max(self._sink.interval, _SHARE * (end - begin))
