"""Stand-ins for what a cell talks to: a generation that follows a script, a model, a sink, a publisher."""

import math
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from IPython.core.interactiveshell import ExecutionResult

from cyllama_jupyter.config import GenerationConfig
from cyllama_jupyter.engine.generation import Generation
from cyllama_jupyter.engine.llm import LLM
from cyllama_jupyter.engine.response import FinishReason, GenerationStats, Phase, Progress, Response
from cyllama_jupyter.notebook.options import parse
from cyllama_jupyter.notebook.prompt import Piece
from cyllama_jupyter.notebook.question import Question
from cyllama_jupyter.notebook.shelf import ModelShelf, OnProgress
from cyllama_jupyter.notebook.sinks import Ending, Status
from cyllama_jupyter.notebook.task import Task

Use = Callable[[LLM], None]
"""Makes every path lead to a model."""

RunCell = Callable[[str], ExecutionResult]
"""``shell.run_cell`` as it would be typed."""

PROMPT_TOKENS = 40
NEVER = math.inf


def interrupt_at(n: int) -> Callable[[int], None]:
    """Return an ``on_wait`` that interrupts this process in the n-th wait."""

    def on_wait(wait: int) -> None:
        if wait == n:
            signal.raise_signal(signal.SIGINT)

    return on_wait


def progress(phase: Phase, *, read: int = PROMPT_TOKENS, written: int = 0) -> Progress:
    return Progress(phase, read, PROMPT_TOKENS, written)


def response(text: str = "", reason: FinishReason = "stop", tokens: int = 0) -> Response:
    return Response(text, GenerationStats(PROMPT_TOKENS, tokens, 0.5, 41.0), reason, "/models/fake.gguf")


class ScriptedGeneration:
    """Writes one word per ``wait``; ``on_wait(n)`` runs in the n-th, counted from 0. Has what the runner asks for."""

    def __init__(
        self,
        words: Sequence[str] = (),
        *,
        reason: FinishReason = "stop",
        error: BaseException | None = None,
        on_wait: Callable[[int], object] = lambda _: None,
    ) -> None:
        self._words = list(words)
        self._reason: FinishReason = reason
        self._error = error
        self._on_wait = on_wait
        self.waits = 0
        self.written = 0
        self.cancelled = False

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        assert timeout <= 0.05, "an interrupt is seen only between two waits"
        self._on_wait(self.waits)
        self.waits += 1
        if self.cancelled or self.written == len(self._words):
            return True
        self.written += 1
        return False

    def cancel(self) -> bool:
        self.cancelled = True
        return True

    @property
    def text(self) -> str:
        return "".join(self._words[: self.written])

    @property
    def progress(self) -> Progress:
        return progress(Phase.DECODE if self.written else Phase.PREFILL, written=self.written)

    def result(self) -> Response:
        if self._error is not None:
            raise self._error
        return response(self.text, "cancelled" if self.cancelled else self._reason, self.written)

    def __enter__(self) -> "ScriptedGeneration":
        return self

    def __exit__(self, *_: object) -> None:
        if self.waits <= self.written:
            self.cancel()

    @property
    def prompt_ids(self) -> tuple[int, ...]:
        return tuple(range(PROMPT_TOKENS))

    @property
    def as_generation(self) -> Generation:
        return cast("Generation", self)


@dataclass
class ScriptedLLM:
    """Answers with a scripted generation and notes what it was asked."""

    answer: ScriptedGeneration = field(default_factory=lambda: ScriptedGeneration(["Hello"]))
    model_path: str = "/models/fake.gguf"
    has_chat_template: bool = True
    config: GenerationConfig = field(default_factory=lambda: GenerationConfig(n_ctx=2048))
    closed: bool = False
    memory: None = None
    asked: list[Any] = field(default_factory=list)
    configs: list[GenerationConfig] = field(default_factory=list)

    def tokenize_pieces(self, pieces: Sequence[tuple[str, bool]], _: GenerationConfig) -> str:
        return "".join(text for text, _ in pieces)

    def submit_samples(  # noqa: PLR0913 - LLM's
        self,
        prompt: object,
        n: int,
        config: GenerationConfig,
        timeout: float | None = None,  # noqa: ARG002 - LLM's
        *,
        begun: Sequence[int] = (),
        known: Sequence[int] = (),
    ) -> list[ScriptedGeneration]:
        assert (n, begun, known) == (1, (), ())
        self.asked.append(prompt)
        self.configs.append(config)
        return [self.answer]

    def close(self) -> None:
        self.closed = True

    @property
    def as_llm(self) -> LLM:
        return cast("LLM", self)

    def opener(self) -> Callable[[Path, OnProgress], LLM]:
        """Return what opens this model, in three steps of progress."""

        def open_model(_: Path, on_progress: OnProgress) -> LLM:
            assert all(on_progress(fraction) for fraction in (0.0, 0.42, 1.0))
            return self.as_llm

        return open_model


def task(line: str, shelf: ModelShelf, prompt: str = "Hi") -> Task:
    """Return what a cell is to do that asks a plain question."""
    options = parse(line)
    return Task(Question([Piece(prompt)], options.system, options.raw), options, shelf)


@dataclass
class RecordingSink:
    """Notes what it was told; paints at every chance, or never; ``stop(n)`` says whether its n-th poll asks to stop."""

    interval: float = 0.0
    stop: Callable[[int], bool] = lambda _: False
    polls: int = 0
    updates: list[tuple[Status, str]] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)

    def update(self, status: Status, text: str = "") -> None:
        self.updates.append((status, text))

    def poll(self) -> bool:
        self.polls += 1
        return self.stop(self.polls)

    def finish(self, ending: Ending) -> None:
        self.endings.append(ending)

    @property
    def labels(self) -> list[str]:
        return [status.label for status, _ in self.updates]


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class RecordingPublisher:
    """The part of a shell's ``display_pub`` that sinks use."""

    published: list[SimpleNamespace] = field(default_factory=list)

    def publish(self, data: dict[str, Any], *, transient: dict[str, str] | None = None, update: bool = False) -> None:
        self.published.append(SimpleNamespace(data=data, transient=transient, update=update))
