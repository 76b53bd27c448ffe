"""Simulated machines: what a step takes on some threads, beside some load."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

Rates = Mapping[int, float]
"""Tokens a second by the number of threads."""

BATCH = 128  # tokens of a step of a prompt


@dataclass
class Machine:
    """Tokens a second of one model, alone and beside a load, with the noise of a real machine.

    Where a load costs something, it comes in stalls: most steps wait for none or one, some for many.
    """

    idle: Rates
    busy: Rates
    seed: int = 0
    noise: float = 0.04
    outliers: float = 0.01
    stalls: float = 3.0  # a step of one token waits for so many on average
    growth: float = 0.0  # of a token's time, by each token before it
    rng: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)

    def seconds(self, n_tokens: int, threads: int, *, busy: bool, n_past: int = 0) -> float:
        usual = n_tokens / self.idle[threads] * (1 + self.growth * n_past)
        waited = max(0.0, n_tokens / self.busy[threads] - n_tokens / self.idle[threads]) if busy else 0.0
        outlier = self.rng.uniform(2, 8 if n_tokens == 1 else 3) if self.rng.random() < self.outliers else 1.0
        return usual * self.rng.gauss(1, self.noise) * outlier + waited * self._stalls(n_tokens)

    def _stalls(self, n_tokens: int) -> float:
        """Return how much of the usual waiting one step has, 1 on average."""
        expected = self.stalls * n_tokens
        if expected > 30:
            return max(0.0, self.rng.gauss(1, 0.1))
        count, product = 0, self.rng.random()
        while product > 2.718281828**-expected:
            count += 1
            product *= self.rng.random()
        return count / expected

    def taken(self, threads: int, *, busy: bool) -> float:
        """Return the cores that one process in a loop gets beside a step on so many threads."""
        cores = max(self.idle)
        return min(1.0, cores / (threads + 1)) if busy else 0.0
