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
        value: The result, in ``unit``.
        unit: "ms", "s" or "ratio".
        goal: The bound that the value should keep, or None.
        higher_is_better: Whether the goal is a lower bound.
        note: How often and on what it was measured.
    """

    name: str
    value: float
    unit: str
    goal: float | None = None
    higher_is_better: bool = False
    note: str = ""

    @property
    def verdict(self) -> str:
        """Return whether the goal was met, in a word."""
        if self.goal is None:
            return ""
        met = self.value >= self.goal if self.higher_is_better else self.value <= self.goal
        return "met" if met else "missed"

    @property
    def aim(self) -> str:
        """Return the goal with its direction."""
        return "" if self.goal is None else f"{'≥' if self.higher_is_better else '≤'} {self.goal:g}"


def percentile(values: Sequence[float], percent: int) -> float:
    """Return a percentile of at least two values."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def table(figures: Sequence[Figure]) -> str:
    """Return figures as a Markdown table."""
    rows = ["| figure | measured | goal | | how |", "|---|---|---|---|---|"]
    rows += [f"| {f.name} | {f.value:.3g} {f.unit} | {f.aim} | {f.verdict} | {f.note} |" for f in figures]
    return "\n".join(rows)
