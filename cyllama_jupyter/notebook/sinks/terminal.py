"""The output in a plain IPython terminal: text as it comes."""

import sys

from cyllama_jupyter.notebook.printable import printable
from cyllama_jupyter.notebook.sinks.base import Ending, Status

__all__ = ["TerminalSink"]

_ERASE = "\r\x1b[K"
_DIM, _PLAIN = "\x1b[2m", "\x1b[0m"


class TerminalSink:
    """Writes the answer to stdout, and what is about it (status, footer) to stderr, dim where that is a terminal."""

    interval = 0.033

    def __init__(self) -> None:
        self._written = 0
        self._status_shown = False

    def update(self, status: Status, text: str = "") -> None:
        """Write what is new of the text; while there is none, the status on a line that is written over.

        Args:
            status: What the cell is doing.
            text: The text so far.
        """
        if text:
            self._write(text)
        elif sys.stderr.isatty():
            self._status_shown = True
            _note(f"{_ERASE}{_DIM}{printable(status.label)}{_PLAIN}")

    def poll(self) -> bool:
        """Return False: nobody can say anything here."""
        return False

    def finish(self, ending: Ending) -> None:
        """Write the rest of the text, and the facts below it; a failure without any text is left to its error.

        Args:
            ending: The final text and facts.
        """
        self._write(f"{ending.text}\n" if ending.text else "")
        footer = printable(ending.footer())
        if not ending.silent:
            _note(f"{_DIM}{footer}{_PLAIN}\n" if sys.stderr.isatty() else f"{footer}\n")

    def _clear(self) -> None:
        if self._status_shown:
            self._status_shown = False
            _note(_ERASE)

    def _write(self, text: str) -> None:
        self._clear()
        new, self._written = text[self._written :], max(self._written, len(text))
        sys.stdout.write(printable(new))
        sys.stdout.flush()


def _note(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
