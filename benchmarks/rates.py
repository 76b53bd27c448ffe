"""Tokens per second of contestants, by the same definition for all, in rounds that are interleaved.

All times are wall time around a whole call, taken inside the contestant's process:

- decode: the tokens after the second over the time of a call less that of a call for two tokens, right before it. (Not
  for one: llama-cpp-python keeps the logits of a prompt that was the last thing it decoded, takes them when it is asked
  for that prompt again, and so decodes one token less than it counts.)
- prefill: the prompt's tokens over the time of a call for one token. No prompt comes twice, so nothing is reused.
"""

import statistics
from collections.abc import Callable, Mapping

from benchmarks.contestants import Contestant
from benchmarks.models import OPENING, prose

__all__ = ["decode_rate", "interleaved", "median_ratio", "prefill_rate"]

_SHORT = 2  # tokens

Rates = dict[str, list[float]]


def decode_rate(contestant: Contestant, tokens: int, mode: str = "call") -> float:
    """Return the tokens per second of decoding."""
    short = contestant.generate(OPENING, _SHORT, mode)
    whole = contestant.generate(OPENING, tokens, mode)
    return (tokens - _SHORT) / (whole.seconds - short.seconds)


def prefill_rate(contestant: Contestant, words: int, seed: int) -> float:
    """Return the tokens per second of reading a new prompt."""
    answer = contestant.generate(prose(seed, words), 1)
    return answer.prompt_tokens / answer.seconds


def interleaved(measures: Mapping[str, Callable[[int], float]], rounds: int) -> Rates:
    """Measure A B C, B C A, C A B and so on, after a round that only warms up.

    Args:
        measures: By name, what is called with the number of the round.
        rounds: How many rounds count.
    """
    rates: Rates = {name: [] for name in measures}
    for round_ in range(rounds + 1):
        names = list(measures)
        turn = round_ % len(names)
        for name in names[turn:] + names[:turn]:
            rate = measures[name](round_)
            if round_:
                rates[name].append(rate)
    return rates


def median_ratio(rates: Rates, name: str, base: str) -> float:
    """Return the median of the ratios of the rounds."""
    return statistics.median(over / under for over, under in zip(rates[name], rates[base], strict=True))
