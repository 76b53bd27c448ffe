"""Decode and prefill beside a bare loop, llama-cpp-python and cyllama, with the same settings, interleaved."""

import statistics
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import models
from benchmarks.contestants import CORES, Field, equal, running
from benchmarks.drivers.protocol import Settings
from benchmarks.figure import Figure
from benchmarks.models import OPENING
from benchmarks.peers import CYLLAMA
from benchmarks.rates import Rates, decode_rate, interleaved, median_ratio, prefill_rate

BARE = "the bare loop"
PYTHON = "llama-cpp-python"
PYTHON_STREAM = "llama-cpp-python's streaming"
PEER = f"cyllama {CYLLAMA}"
OURS = "ours"
FLASH = "ours with flash attention"
STREAM = "our streaming"


@dataclass(frozen=True)
class Workload:
    """A model and how much to do on it.

    Args:
        name: As the figures call it.
        model: Its file.
        tokens: Length of an answer.
        rounds: Rounds of decoding.
        settings: For all contestants.
        words: Length of a prompt; 0 measures no prefill.
    """

    name: str
    model: Path
    tokens: int
    rounds: int
    settings: Settings
    words: int = 0


def measure() -> list[Figure]:
    """Run everyone on SmolLM2, the 1B model and a tiny one."""
    same = equal()
    all_cores = same._replace(n_threads=CORES)
    smollm2 = models.smollm2()
    return [
        *_against_all(Workload("SmolLM2", smollm2, tokens=128, rounds=15, settings=same, words=700)),
        *_on_all_cores(Workload("SmolLM2", smollm2, tokens=128, rounds=7, settings=all_cores)),
        *_against_all(Workload("1B Q8_0", models.big(), tokens=32, rounds=13, settings=same, words=100)),
        *_tiny(Workload("tiny model", models.tiny(), tokens=512, rounds=15, settings=same)),
    ]


@dataclass(frozen=True)
class Race:
    """A workload and those who run it."""

    work: Workload
    field: Field

    def decode(self, *, streams: bool = False) -> Rates:
        """Return everyone's rates of decoding."""
        measures = {name: partial(self._decode, name, "call") for name in self.field.here}
        if streams:
            measures[STREAM] = partial(self._decode, OURS, "stream")
            measures[PYTHON_STREAM] = partial(self._decode, PYTHON, "stream")
        return interleaved(measures, self.work.rounds)

    def _decode(self, name: str, mode: str, _: int) -> float:
        return decode_rate(self.field.here[name], self.work.tokens, mode)

    def prefill(self) -> Rates:
        """Return our rates and the bare loop's of reading a prompt."""
        racers = {name: self.field.here[name] for name in (OURS, BARE) if name in self.field.here}
        measures = {name: partial(prefill_rate, racer, self.work.words) for name, racer in racers.items()}
        return interleaved(measures, self.work.rounds)

    def figure(self, what: str, rates: Rates, base: str, goal: float | None = None, *, ours: str = OURS) -> Figure:
        """Return the ratio of our rate to somebody's."""
        name = f"{what} tokens/s ÷ {base}, {self.work.name}"
        if base not in rates:
            return Figure(name, None, "ratio", goal, higher_is_better=True, note=self.field.missing[base])
        mine, theirs = (f"{statistics.median(rates[who]):,.0f}" for who in (ours, base))
        length = f"{self.work.words} words" if what == "prefill" else f"{self.work.tokens} tokens"
        note = f"median of {self.work.rounds} interleaved pairs of {length}: {mine} and {theirs} tokens/s"
        return Figure(name, median_ratio(rates, ours, base), "ratio", goal, higher_is_better=True, note=note)

    def own_word(self) -> Figure:
        """Compare what our stats say with wall time: of the tokens that they count, the prefill brought the first."""
        ratios = []
        for _ in range(3):
            first, whole = (self.field.here[OURS].generate(OPENING, tokens) for tokens in (1, self.work.tokens))
            ratios.append(whole.stats_rate * (whole.seconds - first.seconds) / (self.work.tokens - 1))
        agreed = self.work.tokens / (self.work.tokens - 1)
        name = f"stats.tokens_per_second ÷ decode tokens/s by wall time, {self.work.name}"
        note = f"median of 3; {agreed:.3f} when they agree, since stats count the first token too"
        return Figure(name, statistics.median(ratios), "ratio", note=note)


def _against_all(work: Workload) -> list[Figure]:
    with_flash = work.settings._replace(flash_attn=1)
    with running(work.model, work.settings) as field, running(work.model, with_flash, (OURS,)) as flash:
        race = Race(work, Field({**field.here, FLASH: flash.here[OURS]}, field.missing))
        decode = race.decode()
        return [
            race.figure("decode", decode, BARE, 0.98),
            race.figure("decode", decode, PYTHON, 1.0),
            race.figure("decode with flash attention, as it has,", decode, PEER, 1.0, ours=FLASH),
            race.figure("decode without", decode, PEER),
            race.figure("prefill", race.prefill(), BARE, 0.97),
            race.own_word(),
        ]


def _on_all_cores(work: Workload) -> list[Figure]:
    with running(work.model, work.settings, (OURS, BARE)) as field:
        race = Race(work, field)
        return [race.figure(f"decode on all {CORES} cores", race.decode(), BARE)]


def _tiny(work: Workload) -> list[Figure]:
    with running(work.model, work.settings) as field:
        race = Race(work, field)
        rates = race.decode(streams=True)
        return [
            race.figure("decode", rates, BARE),
            race.figure("decode", rates, PYTHON, 1.0),
            race.figure("decode", rates, PYTHON_STREAM, 1.3),
            race.figure("streaming", rates, PYTHON_STREAM, 1.3, ours=STREAM),
            race.figure("decode", rates, PEER),
        ]
