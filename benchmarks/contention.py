"""A machine that has other work: beside a busy process, and beside the person's own Python."""

import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import models
from benchmarks.contestants import CORES, Contestant, equal, running
from benchmarks.figure import Figure
from benchmarks.rates import Rates, decode_rate, interleaved, median_ratio, prefill_rate

ROUNDS = 5
BUSY = """
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
while True:
    pass
"""
"""Pure Python on one core, until whoever started it is gone."""


@dataclass(frozen=True)
class Workload:
    """A model, how much to do on it, and what must remain of decoding beside a busy process."""

    name: str
    model: Path
    tokens: int
    words: int
    decode_goal: float


def measure() -> list[Figure]:
    """Measure with the threads that we choose, and with as many as there are cores."""
    small = Workload("SmolLM2", models.smollm2(), tokens=96, words=350, decode_goal=0.8)
    large = Workload("1B Q8_0", models.big(), tokens=24, words=100, decode_goal=0.6)
    return [
        *_beside_a_process(small),
        *_beside_a_process(large),
        *(
            _beside_python(*work, threads)
            for work in (("SmolLM2", small.model, 128), ("tiny model", models.tiny(), 1024))
            for threads in (1, 0)
        ),
    ]


@contextmanager
def _busy_process() -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.PIPE)
    try:
        yield
    finally:
        process.kill()
        process.communicate()


def _beside_a_process(work: Workload) -> list[Figure]:
    """Measure threads left to us and one for each core, in turns; both are compared with what is best alone."""
    auto, fixed = (equal()._replace(n_threads=number, n_threads_batch=number) for number in (0, CORES))
    with running(work.model, auto, ("ours",)) as governed, running(work.model, fixed, ("ours",)) as bound:
        both = {"threads left to us": governed.here["ours"], f"fixed {CORES} threads": bound.here["ours"]}
        rounds = [_alone_and_beside(both, work, round_) for round_ in range(ROUNDS)]
    figures = []
    for index, (what, goal) in enumerate((("decode", work.decode_goal), ("prefill", 0.48))):
        solo = [max(rates[index] for rates in alone.values()) for alone, _ in rounds]
        for who in both:
            alone, beside = ([side[who][index] for side in sides] for sides in zip(*rounds, strict=True))
            only_ours = goal if who.endswith("us") else None
            figures += [
                _ratio(f"{what} beside one busy process ÷ solo, {work.name}, {who}", beside, solo, only_ours),
                _ratio(f"{what} alone, mostly after a load, ÷ solo, {work.name}, {who}", alone, solo, None),
            ]
    return figures


def _ratio(name: str, rates: list[float], solo: list[float], goal: float | None) -> Figure:
    ratio = statistics.median(over / under for over, under in zip(rates, solo, strict=True))
    note = (
        f"median of {ROUNDS} interleaved pairs: {statistics.median(rates):,.0f} of "
        f"{statistics.median(solo):,.0f} tokens/s"
    )
    return Figure(name, ratio, "ratio", goal, higher_is_better=True, note=note)


Pair = tuple[float, float]
"""The rates of decode and prefill."""


def _alone_and_beside(
    both: dict[str, Contestant], work: Workload, round_: int
) -> tuple[dict[str, Pair], dict[str, Pair]]:
    """Return everyone's rates, alone and beside a busy process."""
    alone = {who: _settled_rates(ours, work, 2 * round_) for who, ours in both.items()}
    with _busy_process():
        return alone, {who: _settled_rates(ours, work, 2 * round_ + 1) for who, ours in both.items()}


def _settled_rates(ours: Contestant, work: Workload, seed: int) -> Pair:
    """Measure after a run that is not counted: what lasts is asked for, not how fast a change is seen."""
    decode_rate(ours, work.tokens // 3)
    prefill_rate(ours, work.words, -1 - seed)
    return decode_rate(ours, work.tokens), prefill_rate(ours, work.words, seed)


def _beside_python(name: str, model: Path, tokens: int, threads: int) -> Figure:
    """Measure what a person's own Python costs: on one thread, what the GIL does; else there is one core less too."""
    rounds = 2 * ROUNDS
    settings = equal()._replace(n_threads=threads, n_threads_batch=threads)
    with running(model, settings, ("ours",)) as field:
        ours = field.here["ours"]
        modes = ("submit", "background")
        rates: Rates = interleaved({mode: partial(_decode, ours, tokens, mode) for mode in modes}, rounds)
    solo, beside = (statistics.median(rates[mode]) for mode in modes)
    note = f"median of {rounds} interleaved pairs of {tokens} tokens: {beside:,.0f} of {solo:,.0f} tokens/s"
    ratio = median_ratio(rates, "background", "submit")
    how, goal = ("1 thread", 0.8) if threads else ("threads left to us", None)
    label = f"background generation beside pure Python on the main thread ÷ solo, {name}, {how}"
    return Figure(label, ratio, "ratio", goal, higher_is_better=True, note=note)


def _decode(ours: Contestant, tokens: int, mode: str, _: int) -> float:
    return decode_rate(ours, tokens, mode)
