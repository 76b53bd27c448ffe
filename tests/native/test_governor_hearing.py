"""A governor that hears of the machine's load, beside one that has nothing but the time of its steps."""

import hashlib
import multiprocessing
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import psutil
import pytest

from cyllama_jupyter._native.governor import LoadMeter, ThreadGovernor
from tests.native.machines import BATCH, Rates
from tests.native.test_governor import (
    COMPUTE_BOUND,
    HALF_TAKEN,
    LARGE_DECODE,
    LARGE_PREFILL,
    SEEDS,
    SMALL_DECODE,
    SMALL_PREFILL,
    Case,
    Governed,
    best,
)

PREFILLS = pytest.mark.parametrize("case", [SMALL_PREFILL, LARGE_PREFILL], ids=["135M", "1B"])
ALL = pytest.mark.parametrize(
    "case", [SMALL_DECODE, LARGE_DECODE, SMALL_PREFILL, LARGE_PREFILL], ids=["135M", "1B", "135M read", "1B read"]
)
WINDOW = 0.25  # seconds between two looks at the load
CORES = psutil.cpu_count() or 1


class Hearing(Governed):
    """A machine whose load is measured, with some noise, as an engine does it: every quarter of a second."""

    def __init__(self, case: Case, seed: int) -> None:
        super().__init__(case, seed)
        self.busy = False
        self._elapsed = self._taken = 0.0

    def rate(self, steps: int, *, busy: bool = False) -> float:
        self.busy = busy
        return super().rate(steps, busy=busy)

    def _step(self, seconds: Callable[[int], float]) -> float:
        if self._elapsed >= WINDOW:
            others = self._taken / self._elapsed + self.machine.rng.gauss(0.05, 0.07)
            self.governor.hear(max(0.0, max(self.case.idle) - others))
            self._elapsed = self._taken = 0.0
        spent = super()._step(seconds)
        self._elapsed += spent
        self._taken += spent * self.machine.taken(self.threads[-1], busy=self.busy)
        return spent


def medians(case: Case, kind: type[Governed], phases: list[tuple[int, bool]]) -> list[float]:
    """Return the tokens a second of each phase over those of the best fixed number, the median over all seeds."""
    machines = [kind(case, seed) for seed in SEEDS]
    return [
        median(machine.rate(steps, busy=busy) for machine in machines) / best(case, steps, busy=busy)
        for steps, busy in phases
    ]


@ALL
def test_a_load_that_stays_costs_nothing_and_none_is_sought_where_none_is(case: Case) -> None:
    many = 80 if case.n_tokens > 1 else 2000
    alone, _, beside = medians(case, Hearing, [(many, False), (many // 8, True), (many, True)])
    assert alone >= 0.97
    assert beside >= 0.97


@PREFILLS
def test_a_prompt_after_a_load_is_read_on_all_cores_at_once(case: Case) -> None:
    phases = [(60, False), (60, True), (4, False)]
    assert medians(case, Hearing, phases)[-1] >= 0.8 > medians(case, Governed, phases)[-1]


@PREFILLS
def test_a_prompt_beside_a_new_load_loses_one_step(case: Case) -> None:
    first, second = medians(case, Hearing, [(60, False), (4, True), (4, True)])[1:]
    assert first >= 0.9
    assert second >= 0.97


@PREFILLS
def test_the_first_prompt_tries_no_fewer_where_nothing_else_runs(case: Case) -> None:
    machine = Hearing(case, 0)
    machine.rate(12)
    assert set(machine.threads) == {2}


def test_a_machine_half_taken_is_believed() -> None:
    governor = ThreadGovernor(16, 15)
    governor.record(BATCH, governor.choose(BATCH), 0.2)
    governor.hear(8.1)
    assert governor.choose(BATCH) == 8
    assert governor.choose(1) == 8


def test_a_load_that_does_not_matter_is_found_out() -> None:
    """Such as one of a lower priority, which gives way."""
    machine = Hearing(Case(BATCH, SMALL_PREFILL.idle, SMALL_PREFILL.idle, 0), 0)
    machine.rate(60, busy=True)
    assert machine.threads[-20:].count(2) >= 17


def test_fewer_threads_that_do_no_better_beside_half_a_load_are_left() -> None:
    case = Case(BATCH, COMPUTE_BOUND, HALF_TAKEN, 0)
    machine = Hearing(case, 0)
    machine.rate(20)
    machine.rate(40, busy=True)
    assert machine.rate(20, busy=True) >= 0.9 * best(case, 20, busy=True)


NOISY = 0.25  # cores that others take on average, and by how much that moves from one look to the next


class Noisy(Hearing):
    """Beside others that take now a little and now half a core, which changes nothing here."""

    def _step(self, seconds: Callable[[int], float]) -> float:
        self._taken = self._elapsed * max(0.0, self.machine.rng.gauss(NOISY, NOISY))
        return super()._step(seconds)


@pytest.mark.parametrize("rates", [{1: 10.0, 2: 9.0}, {1: 10.0, 2: 16.0}], ids=["one is best", "two are best"])
@pytest.mark.parametrize(("n_tokens", "cost"), [(1, 0.03), (BATCH, 0.1)])
def test_a_load_that_moves_costs_little(rates: Rates, n_tokens: int, cost: float) -> None:
    case = Case(n_tokens, {threads: n_tokens * rate for threads, rate in rates.items()}, rates, 0)
    [noisy] = medians(case, Noisy, [(1000, False)])
    [deaf] = medians(case, Governed, [(1000, False)])
    assert noisy >= (1 - cost) * deaf


def test_what_was_before_the_load_is_returned_to_at_once() -> None:
    governor = ThreadGovernor(16, 15)
    governor.record(BATCH, governor.choose(BATCH), 0.2)
    governor.hear(2.0)
    assert governor.choose(BATCH) == 2
    governor.record(BATCH, 2, 1.0)
    governor.hear(16.0)
    assert governor.choose(BATCH) == 16


def test_a_trial_that_has_not_begun_ends_with_its_reason() -> None:
    governor = ThreadGovernor(2, 1)
    governor.record(BATCH, governor.choose(BATCH), 0.3)
    governor.hear(1.0)
    governor.record(BATCH, 1, 0.5)
    governor.hear(2.0)
    assert governor.choose(BATCH) == 2
    governor.hear(1.0)
    assert governor.choose(BATCH) == 1


def test_what_was_heard_before_a_rest_says_nothing_of_a_new_size() -> None:
    governor = ThreadGovernor(16, 15)
    governor.hear(0.5)
    assert governor.choose(BATCH) == 1
    governor.forget()
    assert governor.choose(BATCH) == 16


def test_one_short_look_is_no_load_for_a_token_but_for_a_prompt() -> None:
    governor = ThreadGovernor(4, 4)
    for n_tokens in (1, 1, BATCH):  # the first tells nothing: it woke the threads
        governor.record(n_tokens, governor.choose(n_tokens), 0.1)
    governor.hear(1.0)
    assert (governor.choose(1), governor.choose(BATCH)) == (4, 1)
    governor.hear(1.0)
    assert governor.choose(1) == 1


@pytest.mark.parametrize("free", [-1.0, float("nan"), float("inf"), 1e9])
def test_what_makes_no_sense_is_not_heard(free: float) -> None:
    governor = ThreadGovernor(2, 1)
    governor.record(BATCH, governor.choose(BATCH), 0.3)
    governor.hear(free)
    assert governor.choose(BATCH) == 2


def _spin() -> None:
    while True:
        pass


@contextmanager
def _every_core_taken() -> Iterator[None]:
    processes = [multiprocessing.get_context("spawn").Process(target=_spin, daemon=True) for _ in range(2 * CORES)]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.join()


def _next(meter: LoadMeter) -> float:
    idle = threading.Event()
    while (free := meter.look()) is None:
        idle.wait(0.02)
    return free


@pytest.mark.parametrize(
    "stat",
    [None, "", "cpu 1 2 3 4 5 6 7 8\n", f"cpu 1 2 3 4 5 6 7 8\ncpu{2**20} 1 2 3 4 5 6 7 8\n", "cpu\ncpu0 1 2\n"],
    ids=["no file", "nothing", "no cores", "other cores", "too little"],
)
def test_where_the_system_does_not_tell_nothing_is_known(stat: str | None, tmp_path: Path) -> None:
    path = tmp_path / "stat"
    if stat is not None:
        path.write_text(stat)
    assert _next(LoadMeter(str(path))) == -1.0


def test_numbers_that_stand_still_are_made_up(tmp_path: Path) -> None:
    path = tmp_path / "stat"
    path.write_text("cpu 0\n" + "".join(f"cpu{core} 0 0 0 0 0 0 0 0\n" for core in range(256)))
    assert _next(LoadMeter(str(path))) == -1.0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
class TestLoadMeter:
    def test_other_processes_leave_little(self) -> None:
        with _every_core_taken():
            meter = LoadMeter()
            assert min(_next(meter) for _ in range(6)) < 0.6 * CORES

    def test_the_main_thread_is_another_and_the_rest_of_this_process_is_not(self) -> None:
        over = threading.Event()

        def engine() -> None:  # hashing gives the GIL away
            data = bytes(2**24)
            while not over.is_set():
                hashlib.sha256(data)

        thread = threading.Thread(target=engine)
        process = psutil.Process()
        thread.start()
        meter = LoadMeter()
        before, own_before, begin = psutil.cpu_times(), process.cpu_times(), time.monotonic()
        main_before = time.thread_time()
        while (free := meter.look()) is None:
            pass
        after, own_after, elapsed = psutil.cpu_times(), process.cpu_times(), time.monotonic() - begin
        over.set()
        thread.join()
        kinds = ("user", "nice", "system", "irq", "softirq")
        busy = sum(getattr(after, kind) - getattr(before, kind) for kind in kinds)
        own = own_after.user + own_after.system - own_before.user - own_before.system
        main = time.thread_time() - main_before
        assert free == pytest.approx(CORES - (busy - own + main) / elapsed, abs=0.35 * CORES)

    def test_two_looks_at_once_tell_nothing(self) -> None:
        assert LoadMeter().look() is None
