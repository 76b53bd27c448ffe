"""How likely a model found the tokens that it wrote, and others in their place."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

    from cyllama_jupyter._native.request import Likely

__all__ = ["Alternative", "TokenProbability", "probability_of", "table"]


class Alternative(NamedTuple):
    """A token that the model could have written, with the probability that it gave it."""

    text: str
    id: int
    probability: float


class TokenProbability(NamedTuple):
    """A token that was written.

    Args:
        text: What it reads; a part of a character shows as U+FFFD.
        id: Its id.
        probability: The model's own, 0.0 to 1.0: softmax over its logits, before temperature, grammar or any other
            sampler.
        alternatives: The likeliest tokens at its place, it among them or not, the likeliest first.
    """

    text: str
    id: int
    probability: float
    alternatives: tuple[Alternative, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {**self._asdict(), "alternatives": [each._asdict() for each in self.alternatives]}


def probability_of(likely: "Sequence[Likely]") -> TokenProbability:
    """Return what a request tells of one token: first itself, then the alternatives."""
    own, *others = (Alternative(piece.decode("utf-8", "replace"), token, weight) for token, piece, weight in likely)
    return TokenProbability(*own, tuple(others))


def table(tokens: Sequence[TokenProbability]) -> "pd.DataFrame | list[TokenProbability]":
    """Return a DataFrame with a row for each token, or a list where pandas is not installed."""
    try:
        import pandas as pd  # noqa: PLC0415 - half a second, for those who look at it
    except ImportError:
        return list(tokens)
    frame: pd.DataFrame = pd.DataFrame(tokens, columns=list(TokenProbability._fields))
    return frame
