"""What the short ubatch, which makes a cancel fast, costs in prefill: a bare loop with ours beside one with 512."""

import statistics
from functools import partial

from benchmarks import models
from benchmarks.contestants import equal, running
from benchmarks.figure import Figure
from benchmarks.rates import interleaved, median_ratio, prefill_rate

BARE = "the bare loop"
LONG = 512
ROUNDS = 5
WORDS = 200


def measure() -> list[Figure]:
    """Compare on the 1B model."""
    name = f"prefill tokens/s with our n_ubatch ÷ with {LONG}, bare loop, 1B Q8_0"
    longer = equal()._replace(n_ubatch=LONG)
    with running(models.big(), equal(), (BARE,)) as ours, running(models.big(), longer, (BARE,)) as long:
        if BARE in ours.missing:
            return [Figure(name, None, "ratio", 0.95, higher_is_better=True, note=ours.missing[BARE])]
        racers = {"ours": ours.here[BARE], "long": long.here[BARE]}
        rates = interleaved({key: partial(prefill_rate, racer, WORDS) for key, racer in racers.items()}, ROUNDS)
    ours_, long_ = (f"{statistics.median(rates[key]):,.0f}" for key in ("ours", "long"))
    work = f"median of {ROUNDS} interleaved pairs of {WORDS} words, ours is {equal().n_ubatch}"
    note = f"{work}: {ours_} and {long_} tokens/s"
    return [Figure(name, median_ratio(rates, "ours", "long"), "ratio", 0.95, higher_is_better=True, note=note)]
