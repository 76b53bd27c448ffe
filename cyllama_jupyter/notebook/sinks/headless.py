"""The output where nobody looks on: nbclient, nbconvert, ``jupyter execute``, nbval."""

import math

from IPython.core.displaypub import DisplayPublisher

from cyllama_jupyter.notebook.sinks.base import Ending, Status
from cyllama_jupyter.notebook.sinks.look import final

__all__ = ["HeadlessSink"]


class HeadlessSink:
    """One plain display at the end and nothing else, without timings: two runs of a seeded cell give the same bytes.

    Strict nbval fails on a display id with updates ("unhandled iopub msg") and on any byte that differs.

    Args:
        publisher: The shell's ``display_pub``.
    """

    interval = math.inf

    def __init__(self, publisher: DisplayPublisher) -> None:
        self._publisher = publisher

    def update(self, status: Status, text: str = "") -> None:
        """Show nothing."""

    def poll(self) -> bool:
        """Return False: nobody can say anything here."""
        return False

    def finish(self, ending: Ending) -> None:
        """Display the ending once; a failure without any text is left to its error.

        Args:
            ending: The final text and facts.
        """
        if not ending.silent:
            self._publisher.publish(data=final(ending, timings=False))
