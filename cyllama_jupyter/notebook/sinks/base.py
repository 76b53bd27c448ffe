"""What a sink is: the one place that a cell writes to."""

from dataclasses import dataclass
from enum import Enum
from typing import Literal, Protocol

__all__ = ["Ending", "Language", "Outcome", "Sink", "Status"]

Language = Literal["markdown", "json", "table", "text"]
"""What an answer is written in: Markdown, JSON, JSON that is the rows of a table, or what is shown as it is."""


@dataclass(frozen=True)
class Status:
    """What a cell is doing.

    Args:
        phase: The name of it in the widget's protocol.
        label: In words.
        fraction: How much of it is done, from 0 to 1; None where nobody knows.
        language: What the text is written in that comes with it.
    """

    phase: Literal["starting", "loading", "queued", "prefill", "decode", "stopping"]
    label: str
    fraction: float | None = None
    language: Language = "markdown"


class Outcome(Enum):
    """How a cell ended."""

    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True)
class Ending:
    """What stays of a cell: its text, and a line of facts below it.

    Args:
        text: The answer, or what there is of it.
        facts: The same in every run with the same seed.
        timings: Differ from run to run; left out where outputs are compared.
        outcome: How it ended.
        raised: An error follows it, and is shown by whoever catches it.
        html: Is shown in place of the text where HTML can be; our own, nothing of a model's is in it unescaped.
        language: What the text is written in.
    """

    text: str
    facts: tuple[str, ...] = ()
    timings: tuple[str, ...] = ()
    outcome: Outcome = Outcome.DONE
    raised: bool = False
    html: str = ""
    language: Language = "markdown"

    @property
    def silent(self) -> bool:
        """Whether the error that follows says it all: the cell failed before there was any text."""
        return self.raised and not self.text

    def footer(self, *, timings: bool = True) -> str:
        """Return facts, and timings if wanted, as one line.

        Args:
            timings: Whether the timings belong to it.
        """
        return " · ".join(self.facts + self.timings * timings)


class Sink(Protocol):
    """Shows a cell's output: any number of ``update``, then ``finish``, all from the thread that runs the cell.

    ``finish`` comes twice when the first was interrupted; the second stands.
    """

    interval: float
    """The least time between two updates, in seconds; infinite where there is no use for them."""

    def update(self, status: Status, text: str = "") -> None:
        """Show what the cell is doing and all the text so far.

        Args:
            status: What it is doing.
            text: The text so far; it only ever grows.
        """

    def poll(self) -> bool:
        """Listen to whoever looks on; return whether somebody asked to stop."""

    def finish(self, ending: Ending) -> None:
        """Show what stays.

        Args:
            ending: The final text and facts.
        """
