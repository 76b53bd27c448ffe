"""What shows several answers to one prompt, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cyllama_jupyter.notebook.sinks.base import Ending, Sink, Status

__all__ = ["Column", "Columns", "Running", "caption"]


@dataclass(frozen=True)
class Running:
    """An answer that is not at its end.

    Args:
        status: What it is doing.
        text: Its text so far.
    """

    status: Status
    text: str = ""


Column = Running | Ending
"""One answer, as it is now."""


class Columns(Sink, Protocol):
    """Shows several answers. Until there are any, while the model is loaded, it is one sink for the whole cell.

    Then come any number of ``update_each``, and ``finish_each``; where there will be no answers, ``finish``. All come
    from the thread that runs the cell. ``finish_each`` comes twice when the first was interrupted; the second stands.
    """

    def update_each(self, columns: Sequence[Column]) -> None:
        """Show all answers as they are now.

        Args:
            columns: One for each answer. A text only ever grows; an ending stays.
        """

    def poll_each(self) -> Sequence[bool]:
        """Listen to whoever looks on; return for each answer whether somebody asked to stop it."""

    def finish_each(self, endings: Sequence[Ending]) -> None:
        """Show what stays.

        Args:
            endings: The final text and facts of each answer.
        """


def caption(index: int, count: int) -> str:
    """Return "2 of 4".

    Args:
        index: Which answer, from 0.
        count: Of how many.
    """
    return f"{index + 1} of {count}"
