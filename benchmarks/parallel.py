"""Eight generations at once, beside one alone and beside a bare loop whose batches hold eight sequences."""

import statistics
from functools import partial

from benchmarks import models
from benchmarks.contestants import CORES, Contestant, equal, running
from benchmarks.figure import Figure
from benchmarks.models import OPENING
from benchmarks.rates import Rates, interleaved, median_ratio

OURS = "ours"
BARE = "the bare loop"
N_PARALLEL = 8
TOKENS = 64
ROUNDS = 7


def measure() -> list[Figure]:
    """Measure on SmolLM2, with all cores for everyone; a batch of several tokens takes those of the prefill anyway."""
    settings = equal()._replace(n_threads=CORES, n_parallel=N_PARALLEL)
    with running(models.smollm2(), settings, (OURS, BARE)) as field:
        if BARE in field.missing:
            return [Figure("total tokens/s of eight generations", None, "ratio", note=field.missing[BARE])]
        measures = {}
        for name, contestant in field.here.items():
            measures[_one(name)] = partial(_rate, contestant, "submit", 1)
            measures[_eight(name)] = partial(_rate, contestant, "parallel", N_PARALLEL)
        rates = interleaved(measures, ROUNDS)
    return [_over_one(rates, OURS), _over_one(rates, BARE), _over_bare(rates)]


def _one(name: str) -> str:
    return f"one of {name}"


def _eight(name: str) -> str:
    return f"eight of {name}"


def _rate(contestant: Contestant, mode: str, sequences: int, _: int) -> float:
    """Return the tokens of all sequences over the time from the first request to the last answer."""
    return sequences * TOKENS / contestant.generate(OPENING, TOKENS, mode).seconds


def _over_one(rates: Rates, name: str) -> Figure:
    work = f"median of {ROUNDS} interleaved pairs of {TOKENS} tokens each, SmolLM2, {CORES} threads"
    note = f"{work}: {_totals(rates, name)}"
    ratio = median_ratio(rates, _eight(name), _one(name))
    return Figure(f"eight parallel generations ÷ one, {name}", ratio, "ratio", note=note)


def _totals(rates: Rates, name: str) -> str:
    eight, one = (statistics.median(rates[key]) for key in (_eight(name), _one(name)))
    return f"{eight:,.0f} and {one:,.0f} tokens/s"


def _over_bare(rates: Rates) -> Figure:
    ratio = median_ratio(rates, _eight(OURS), _eight(BARE))
    note = f"total tokens/s, median of {ROUNDS} interleaved pairs"
    return Figure(
        "eight parallel generations ÷ the bare loop's batches of eight",
        ratio,
        "ratio",
        0.95,
        higher_is_better=True,
        note=note,
    )
