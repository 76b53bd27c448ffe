"""One measured figure, and how it is printed."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Figure", "percentile", "table"]


@dataclass(frozen=True)
class Figure:
    """A measurement beside its goal.

    Args:
        name: What was measured.
        value: The result, in ``unit``; None where it could not be measured, and then the note says why.
        unit: "ms", "s", "MiB" or "ratio".
        goal: The bound that the value should keep, or None.
        higher_is_better: Whether the goal is a lower bound.
        note: How often and on what it was measured.
    """

    name: str
    value: float | None
    unit: str
    goal: float | None = None
    higher_is_better: bool = False
    note: str = ""

    @property
    def verdict(self) -> str:
        """Return whether the goal was met, in a word."""
        if self.goal is None or self.value is None:
            return ""
        met = self.value >= self.goal if self.higher_is_better else self.value <= self.goal
        return "met" if met else "missed"

    @property
    def row(self) -> str:
        """Return the figure as a row of Markdown."""
        shown = f"not measured: {self.note}" if self.value is None else f"{self._digits} {self.unit}"
        how = "" if self.value is None else self.note
        return f"| {self.name} | {shown} | {self.aim} | {self.verdict} | {how} |"

    @property
    def _digits(self) -> str:
        return "" if self.value is None else f"{self.value:.3f}" if self.unit == "ratio" else f"{self.value:.3g}"

    @property
    def aim(self) -> str:
        """Return the goal with its direction."""
        return "" if self.goal is None else f"{'≥' if self.higher_is_better else '≤'} {self.goal:g}"


def percentile(values: Sequence[float], percent: int) -> float:
    """Return a percentile of at least two values."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def table(figures: Sequence[Figure]) -> str:
    """Return figures as a Markdown table."""
    return "\n".join(["| figure | measured | goal | | how |", "|---|---|---|---|---|", *(f.row for f in figures)])
