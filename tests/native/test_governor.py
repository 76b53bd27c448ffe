"""The governor on simulated machines: tokens a simulated second, compared with the best fixed number of threads."""

import math
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import NamedTuple

import pytest

from cyllama_jupyter._native.governor import ThreadGovernor
from tests.native.machines import BATCH, Machine, Rates

SEEDS = range(15)


class Case(NamedTuple):
    """One kind of step of one model: its size, its tokens a second alone and beside a load."""

    n_tokens: int
    idle: Rates
    busy: Rates
    beside: float  # what is wanted beside the load, of the best number alone


# Measured on two cores; the load is one process in a loop.
SMALL_DECODE = Case(1, {1: 138, 2: 158}, {1: 139, 2: 40}, 0.80)
LARGE_DECODE = Case(1, {1: 22, 2: 30}, {1: 20, 2: 9}, 0.60)
SMALL_PREFILL = Case(BATCH, {1: 228, 2: 436}, {1: 229, 2: 177}, 0.48)
LARGE_PREFILL = Case(BATCH, {1: 73, 2: 138}, {1: 71, 2: 57}, 0.48)
DECODES = pytest.mark.parametrize("case", [SMALL_DECODE, LARGE_DECODE], ids=["135M", "1B"])
PREFILLS = pytest.mark.parametrize("case", [SMALL_PREFILL, LARGE_PREFILL], ids=["135M", "1B"])

# Sixteen cores. Decoding a small model is fastest on eight; a load takes one core, or half of them.
MEMORY_BOUND = {1: 100.0, 2: 170.0, 4: 240.0, 8: 260.0, 15: 230.0, 16: 210.0}
COMPUTE_BOUND = {1: 60.0, 2: 118.0, 4: 230.0, 8: 440.0, 15: 760.0, 16: 790.0}
ONE_CORE_TAKEN = COMPUTE_BOUND | {16: 300.0}
HALF_TAKEN = {1: 60.0, 2: 118.0, 4: 228.0, 8: 420.0, 15: 150.0, 16: 120.0}


class Governed:
    """A machine whose threads the governor chooses."""

    def __init__(self, case: Case, seed: int, *, growth: float = 0.0) -> None:
        self.case = case
        self.machine = Machine(case.idle, case.busy, seed, growth=growth)
        most = max(case.idle)
        self.governor = ThreadGovernor(most, most - 1)
        self.threads: list[int] = []

    def rate(self, steps: int, *, busy: bool = False) -> float:
        return rate(self.machine, self.case.n_tokens, steps, self._step, busy=busy)

    def _step(self, seconds: Callable[[int], float]) -> float:
        threads = self.governor.choose(self.case.n_tokens)
        assert self.governor.choose(self.case.n_tokens) == threads
        self.threads.append(threads)
        spent = seconds(threads)
        self.governor.record(self.case.n_tokens, threads, spent)
        return spent


def rate(
    machine: Machine, n_tokens: int, steps: int, step: Callable[[Callable[[int], float]], float], *, busy: bool
) -> float:
    """Return the tokens a second of one prompt or answer; ``step`` is given what each number of threads would take."""

    def seconds(number: int, threads: int) -> float:
        return machine.seconds(n_tokens, threads, busy=busy, n_past=number * n_tokens)

    spent = sum(step(partial(seconds, number)) for number in range(steps))
    return n_tokens * steps / spent


def best(case: Case, steps: int, *, busy: bool = False, growth: float = 0.0) -> float:
    """Return the tokens a second of the best fixed number, the median over all seeds."""
    machines = [Machine(case.idle, case.busy, seed, growth=growth) for seed in SEEDS]

    def fixed(threads: int) -> float:
        return median(rate(m, case.n_tokens, steps, lambda seconds: seconds(threads), busy=busy) for m in machines)

    return max(fixed(threads) for threads in case.idle)


def governed(case: Case, steps: int, *, busy: bool = False, warm: int = 0, growth: float = 0.0) -> float:
    """Return the tokens a second under the governor after ``warm`` steps of the same, the median over all seeds."""
    rates = []
    for seed in SEEDS:
        machine = Governed(case, seed, growth=growth)
        if warm:
            machine.rate(warm, busy=busy)
        rates.append(machine.rate(steps, busy=busy))
    return median(rates)


class TestTwoCores:
    @DECODES
    @pytest.mark.parametrize("steps", [200, 1000])
    def test_decode_alone(self, case: Case, steps: int) -> None:
        assert governed(case, steps) >= 0.97 * best(case, steps)
        assert governed(case, steps, warm=500) >= 0.98 * best(case, steps)

    @DECODES
    @pytest.mark.parametrize("steps", [200, 1000])
    def test_decode_beside_a_busy_process(self, case: Case, steps: int) -> None:
        assert governed(case, steps, busy=True) >= case.beside * best(case, steps)
        assert governed(case, steps, busy=True, warm=500) >= case.beside * best(case, steps)

    @PREFILLS
    @pytest.mark.parametrize("steps", [12, 30, 200])
    def test_prefill_alone(self, case: Case, steps: int) -> None:
        """A first prompt pays for one step on one thread, which only a longer one can make up for."""
        assert governed(case, steps) >= (0.92 if steps < 30 else 0.965) * best(case, steps)
        assert governed(case, steps, warm=60) >= 0.97 * best(case, steps)

    @PREFILLS
    @pytest.mark.parametrize("steps", [12, 30, 200])
    def test_prefill_beside_a_busy_process(self, case: Case, steps: int) -> None:
        assert governed(case, steps, busy=True) >= case.beside * best(case, steps)
        assert governed(case, steps, busy=True, warm=60) >= case.beside * best(case, steps)

    @DECODES
    def test_decode_while_a_load_comes_and_goes(self, case: Case) -> None:
        wanted = {False: 0.94 * best(case, 400), True: case.beside * best(case, 400)}
        rates: dict[bool, list[float]] = {False: [], True: []}
        for seed in SEEDS:
            machine = Governed(case, seed)
            for busy in (False, True) * 4:
                rates[busy].append(machine.rate(400, busy=busy))
        assert {busy: median(rates[busy]) >= wanted[busy] for busy in wanted} == {False: True, True: True}

    @PREFILLS
    def test_a_load_that_comes_is_seen_within_some_steps(self, case: Case) -> None:
        for seed in SEEDS:
            machine = Governed(case, seed)
            machine.rate(60)
            machine.rate(8, busy=True)
            assert 1 in machine.threads[-8:-1]

    def test_an_overloaded_machine_is_left_alone(self) -> None:
        """There a step on two threads can take seconds: what a trial costs must make the next one as much rarer."""
        case = Case(1, {1: 138, 2: 158}, {1: 40, 2: 1}, 0)
        assert governed(case, 4000, busy=True) >= 0.93 * best(case, 4000, busy=True)

    def test_an_answer_that_grows_is_no_load(self) -> None:
        assert governed(SMALL_DECODE, 3000, growth=1e-3) >= 0.98 * best(SMALL_DECODE, 3000, growth=1e-3)

    def test_a_prompt_that_grows_is_no_load(self) -> None:
        """Of five prompts of 3,072 tokens, of which each takes twice as long at its end, a few steps are trials."""
        for seed in SEEDS:
            machine = Governed(SMALL_PREFILL, seed, growth=3e-4)
            for _ in range(5):
                machine.rate(24)
            assert machine.threads.count(1) <= 5


class TestSixteenCores:
    def test_decode_finds_its_best_number(self) -> None:
        case = Case(1, MEMORY_BOUND, MEMORY_BOUND, 0)
        assert governed(case, 1000) >= 0.97 * best(case, 1000)

    def test_prefill_alone_keeps_them_all(self) -> None:
        case = Case(BATCH, COMPUTE_BOUND, COMPUTE_BOUND, 0)
        assert governed(case, 30) >= 0.96 * best(case, 30)

    @pytest.mark.parametrize("busy", [ONE_CORE_TAKEN, HALF_TAKEN], ids=["one", "half"])
    def test_prefill_leaves_cores_to_others(self, busy: Rates) -> None:
        case = Case(BATCH, COMPUTE_BOUND, busy, 0)
        assert governed(case, 30, busy=True, warm=10) >= 0.90 * best(case, 30, busy=True)

    def test_only_sensible_numbers_are_tried(self) -> None:
        machine = Governed(Case(1, MEMORY_BOUND, HALF_TAKEN, 0), 1)
        for busy in (False, True, False):
            machine.rate(2000, busy=busy)
        assert {4, 8, 15, 16} <= set(machine.threads) <= {1, 2, 4, 8, 15, 16}


class TestBeginning:
    @pytest.mark.parametrize(("most", "first"), [(2, 1), (3, 2), (8, 7), (16, 15), (6, 4)])
    def test_short_steps_begin_as_told_and_long_ones_with_all(self, most: int, first: int) -> None:
        governor = ThreadGovernor(most, first)
        assert {governor.choose(n_tokens) for n_tokens in (1, 5, 63)} == {first}
        assert {governor.choose(n_tokens) for n_tokens in (64, 128, 2048)} == {most}

    def test_a_length_that_is_new_begins_as_its_neighbour(self) -> None:
        case = Case(BATCH, SMALL_PREFILL.idle, SMALL_PREFILL.busy, 0)
        machine = Governed(case, 0)
        while machine.threads[-20:] != [1] * 20:
            machine.rate(1, busy=True)
        assert machine.governor.choose(100) == machine.governor.choose(512) == machine.governor.choose(BATCH)

    @pytest.mark.parametrize(("most", "first"), [(1, 1), (1, 4), (0, 0), (2, 9)])
    def test_one_core_has_one_choice_and_first_is_among_them(self, most: int, first: int) -> None:
        governor = ThreadGovernor(most, first)
        for _ in range(200):
            threads = governor.choose(1)
            assert 1 <= threads <= max(most, 1)
            governor.record(1, threads, 0.01)

    def test_what_was_not_chosen_or_makes_no_sense_is_not_learnt(self) -> None:
        governor = ThreadGovernor(2, 1)
        for _ in range(100):
            governor.record(1, 7, 0.001)
            governor.record(0, 1, 0.001)
            governor.record(-5, 1, 0.001)
            governor.record(1, 1, 0.0)
            governor.record(1, 1, float("nan"))
            assert governor.choose(1) == 1


class TestAStepThatTakesTooLong:
    def test_nothing_is_known_at_first(self) -> None:
        assert math.isinf(ThreadGovernor(2, 1).limit(128, 2))

    def test_one_thread_has_nothing_to_fall_back_to(self) -> None:
        governor = ThreadGovernor(2, 1)
        governor.record(1, 1, 0.007)
        assert math.isinf(governor.limit(128, 1))

    def test_it_may_take_a_few_times_what_fewer_threads_would(self) -> None:
        governor = ThreadGovernor(2, 1)
        governor.record(1, 1, 0.007)
        assert 128 * 0.007 < governor.limit(128, 2) < 4 * 128 * 0.007
        assert governor.limit(1, 2) >= 0.02  # the shortest that a late timer is no reason for

    def test_it_is_done_again_with_fewer(self) -> None:
        governor = ThreadGovernor(2, 1)
        governor.record(1, 1, 0.007)
        assert governor.choose(128) == 2
        governor.give_up(128, 2, 2.2)
        assert governor.choose(128) == 1

    def test_a_trial_that_is_given_up_ends(self) -> None:
        governor = ThreadGovernor(2, 1)
        while governor.choose(1) == 1:
            governor.record(1, 1, 0.007)
        governor.give_up(1, 2, 0.05)
        assert governor.choose(1) == 1
