"""What a generation gives: its text, how it ended, its figures."""

import json
from dataclasses import asdict, dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex

from cyllama_jupyter.engine.probabilities import TokenProbability, table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FinishReason", "GenerationStats", "Phase", "Progress", "Response"]

_SHOWN = 50

FinishReason = Literal["stop", "length", "cancelled", "timeout"]
"""Its end or a stop sequence; ``max_tokens`` or the context ran out; somebody stopped it; its time was up."""


class Phase(str, Enum):
    """Where a generation is."""

    QUEUED = "queued"
    PREFILL = "prefill"
    DECODE = "decode"
    DONE = "done"


@dataclass(frozen=True)
class Progress:
    """How far a generation is.

    Args:
        phase: Where it is.
        prompt_tokens_read: Tokens of the prompt that are computed.
        prompt_tokens: Tokens of the prompt.
        generated_tokens: Tokens generated so far.
    """

    phase: Phase
    prompt_tokens_read: int
    prompt_tokens: int
    generated_tokens: int


@dataclass(frozen=True)
class GenerationStats:
    """The figures of one generation; times in seconds.

    Args:
        prompt_tokens: Tokens of the prompt, and of the answer's beginning where it was given.
        generated_tokens: Tokens generated.
        total_time: From the call to the end, waiting in the queue included.
        tokens_per_second: Generated tokens over ``generation_time``.
        prompt_time: Reading the prompt (prefill).
        generation_time: From the end of the prefill to the end.
        reused_tokens: Tokens of the prompt that lay in memory already and were not computed again.
    """

    prompt_tokens: int
    generated_tokens: int
    total_time: float
    tokens_per_second: float
    prompt_time: float = 0.0
    generation_time: float = 0.0
    reused_tokens: int = 0


class Response(str):
    """The answer: a string that knows how it came about.

    Args:
        text: The generated text.
        stats: Its figures.
        finish_reason: ``"stop"``, ``"length"``, ``"cancelled"`` or ``"timeout"``.
        model: Path of the model that wrote it.
        token_ids: Its tokens, with those that it began with where they were given.
        tokens: How likely each generated one was, where ``logprobs`` asked for that.
    """

    __slots__ = ("_tokens", "finish_reason", "model", "stats", "token_ids")

    stats: GenerationStats | None
    finish_reason: FinishReason
    model: str
    token_ids: tuple[int, ...]
    _tokens: tuple[TokenProbability, ...] | None

    def __new__(  # noqa: PLR0913, PLR0917 - one argument for each thing that is beside the text
        cls,
        text: str,
        stats: GenerationStats | None = None,
        finish_reason: FinishReason = "stop",
        model: str = "",
        token_ids: tuple[int, ...] = (),
        tokens: tuple[TokenProbability, ...] | None = None,
    ) -> "Response":
        """Make the string and put the rest beside it."""
        self = super().__new__(cls, text)
        self.stats = stats
        self.finish_reason = finish_reason
        self.model = model
        self.token_ids = token_ids
        self._tokens = tokens
        return self

    @property
    def text(self) -> str:
        """The generated text as a plain string."""
        return str.__str__(self)

    @property
    def tokens(self) -> "pd.DataFrame | list[TokenProbability]":
        """How likely each generated token was: a DataFrame, or a list of named tuples where pandas is not installed.

        Columns: ``text``, ``id``, ``probability`` and ``alternatives``, those of ``TokenProbability``.

        Raises:
            ValueError: Nobody asked for it.
        """
        if self._tokens is None:
            raise ValueError("this answer has no probabilities: ask for them with GenerationConfig(logprobs=5)")
        return table(self._tokens)

    def to_dict(self) -> dict[str, Any]:
        """Return text, finish_reason, model, and stats and tokens where it has them, as plain values."""
        values: dict[str, Any] = {"text": self.text, "finish_reason": self.finish_reason, "model": self.model}
        if self.stats is not None:
            values["stats"] = asdict(self.stats)
        if self._tokens is not None:
            values["tokens"] = [token.to_dict() for token in self._tokens]
        return values

    def to_json(self, indent: int | None = None) -> str:
        """Return ``to_dict()`` as JSON."""
        return json.dumps(self.to_dict(), indent=indent)

    def __repr__(self) -> str:
        """Show the beginning of the text and how it ended."""
        shown = self.text if len(self) <= _SHOWN else self.text[:_SHOWN] + "…"
        return f"Response({shown!r}, finish_reason={self.finish_reason!r})"

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        """Pickle and copy with everything that is beside the text."""
        return type(self), (self.text, self.stats, self.finish_reason, self.model, self.token_ids, self._tokens)
