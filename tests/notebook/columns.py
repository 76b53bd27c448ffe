"""Stand-ins for several answers: a sink that notes what it was told, and models that answer at the same time."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from cyllama_jupyter import Generation
from cyllama_jupyter.notebook.sinks import Column, Ending
from cyllama_jupyter.testing import FakeLLM
from tests.notebook.fakes import RecordingSink

__all__ = ["ENDLESS", "RecordingColumns", "Stops", "answers"]

ENDLESS = {"text": "word " * 100_000, "rate": 200.0}
"""An answer that somebody has to stop."""

Stops = Callable[[int, Sequence[Column]], Sequence[int]]
"""Told the number of the poll, from 1, and what was shown last; returns which answers somebody asks to stop."""


@dataclass
class RecordingColumns(RecordingSink):
    """Notes what it was told, and paints at every chance."""

    count: int = 0
    stops: Stops = lambda _, __: ()
    shown: list[Sequence[Column]] = field(default_factory=list)
    finished: list[Sequence[Ending]] = field(default_factory=list)

    def update_each(self, columns: Sequence[Column]) -> None:
        self.shown.append(columns)

    def poll_each(self) -> Sequence[bool]:
        self.polls += 1
        wanted = self.stops(self.polls, self.shown[-1] if self.shown else ())
        return [place in wanted for place in range(self.count)]

    def finish_each(self, endings: Sequence[Ending]) -> None:
        self.finished.append(endings)


@contextmanager
def answers(*options: dict[str, Any]) -> Iterator[list[Generation]]:
    """Give as many generations that run at the same time, each of a ``FakeLLM`` with these options."""
    with ExitStack() as stack:
        models = [stack.enter_context(FakeLLM(**each)) for each in options]
        yield [model.submit("Hi") for model in models]
