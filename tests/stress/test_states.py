"""One LLM under any order of what can be done to it."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from cyllama_jupyter import LLM, ClosedError, EngineBusy, Generation
from tests.stress.answers import ENDLESS, TEXT, check, check_next, greedy, prompt, submit
from tests.tiny_models import write_cycle, write_llama

PATIENCE = 60.0
"""Seconds after which what has not ended is taken to hang."""

MANY_STEPS = settings(
    max_examples=30,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


class Expected:
    """A generation, what it was asked for and what it may end with.

    Attributes:
        streamed: The text that was read piece by piece.
    """

    def __init__(self, generation: Generation, max_tokens: int, *reasons: str) -> None:
        self.generation = generation
        self.max_tokens = max_tokens
        self.reasons = {"length", *reasons}
        self.streamed = ""
        self.told: list[Generation] = []
        generation.add_done_callback(lambda _: self.told.append(generation))

    def check_end(self) -> None:
        error = self.generation.exception(PATIENCE)
        if error is not None:
            assert isinstance(error, ClosedError)
            assert "closed" in self.reasons
            return
        response = self.generation.result()
        check(response, self.max_tokens, *self.reasons)
        assert response.startswith(self.streamed)
        self.streamed += "".join(self.generation)
        assert self.streamed == response


class OneLLM(RuleBasedStateMachine):
    """The texts are exact: the model is one that answers the same in every company.

    Everything open counts as to be cancelled by what cancels all; the engine itself must know which those are.
    """

    path: Path
    generations = Bundle("generations")

    @initialize()
    def load(self) -> None:
        self.llm = LLM(self.path, n_parallel=4, n_ctx=1024, n_ubatch=64)
        self.open: list[Expected] = []

    def submit(self, number: int, max_tokens: int, timeout: float | None = None) -> Expected:
        return self.expect(submit(self.llm, number, max_tokens, timeout), max_tokens, timeout)

    def expect(self, generation: Generation, max_tokens: int, timeout: float | None = None) -> Expected:
        expected = Expected(generation, max_tokens, *(() if timeout is None else ("timeout",)))
        self.open.append(expected)
        return expected

    @rule(target=generations, number=st.integers(0, 19), max_tokens=st.sampled_from([0, 1, 7, 60, ENDLESS]))
    def submit_one(self, number: int, max_tokens: int) -> Expected:
        return self.submit(number, max_tokens)

    @rule(target=generations, number=st.integers(0, 19), timeout=st.floats(1e-6, 0.05))
    def submit_with_a_timeout(self, number: int, timeout: float) -> Expected:
        return self.submit(number, ENDLESS, timeout)

    @rule()
    def fill_the_queue(self) -> None:
        with pytest.raises(EngineBusy):
            self.submit_for_ever()
        self.cancel_all()

    def submit_for_ever(self) -> NoReturn:
        while True:
            self.expect(self.llm.submit(prompt(len(self.open)), greedy(ENDLESS)), ENDLESS)

    @rule(expected=generations)
    def cancel_one(self, expected: Expected) -> None:
        expected.reasons.add("cancelled")
        expected.generation.cancel()

    def _cancelling_all(self, cancel: Callable[[], object]) -> None:
        for expected in self.open:
            expected.reasons.add("cancelled")
        cancel()

    @rule()
    def cancel_all(self) -> None:
        self._cancelling_all(self.llm.cancel)

    @rule()
    def cancel_by_the_context(self) -> None:
        self._cancelling_all(lambda: setattr(self.llm._ctx, "cancel", True))

    @rule(expected=generations, count=st.integers(1, 5))
    def read_some(self, expected: Expected, count: int) -> None:
        with suppress(ClosedError):
            for _ in range(count):
                expected.streamed += next(expected.generation, "")

    @rule(expected=consumes(generations))
    def wait(self, expected: Expected) -> None:
        if expected.max_tokens == ENDLESS:
            self.cancel_one(expected)
        expected.check_end()

    @rule(number=st.integers(0, 19))
    def drop(self, number: int) -> None:
        next(submit(self.llm, number, ENDLESS), "")

    @rule()
    def ask(self) -> None:
        self.cancel_all()
        check_next(self.llm)

    @rule()
    def close_and_load_again(self) -> None:
        for expected in self.open:
            expected.reasons |= {"cancelled", "closed"}
        self.llm.close()
        assert all(expected.generation.done() for expected in self.open)
        self.load_again()

    def load_again(self) -> None:
        for expected in self.open:
            expected.check_end()
        self.load()

    @invariant()
    def told_of_at_most_once(self) -> None:
        assert all(len(expected.told) <= 1 for expected in self.open)

    def teardown(self) -> None:
        if not hasattr(self, "llm"):
            return
        self.cancel_all()
        for expected in self.open:
            expected.check_end()
        check_next(self.llm)
        self.llm.close()
        assert all(len(expected.told) == 1 for expected in self.open)


def test_whatever_is_done_to_it_every_answer_ends_and_is_right(tmp_path: Path) -> None:
    class OnThisModel(OneLLM):
        path = write_cycle(tmp_path / "cycle.gguf", TEXT)

    run_state_machine_as_test(OnThisModel, settings=MANY_STEPS)


@pytest.mark.accept
@pytest.mark.timeout(1800)
def test_the_same_many_times(tmp_path: Path) -> None:
    class OnThisModel(OneLLM):
        path = write_cycle(tmp_path / "cycle.gguf", TEXT)

    run_state_machine_as_test(OnThisModel, settings=settings(MANY_STEPS, max_examples=500))


def test_alone_a_random_model_answers_as_before_whatever_was_cancelled(tmp_path: Path) -> None:
    with LLM(write_llama(tmp_path / "llama.gguf"), n_parallel=4, n_ctx=1024, n_ubatch=64) as llm:
        references = [llm(prompt(number), greedy(24)) for number in range(8)]
        for turn in range(40):
            doomed = [llm.submit(prompt(turn + other), greedy(ENDLESS)) for other in range(turn % 6)]
            for generation in doomed[: turn % 3]:
                next(generation, None)
            llm.cancel()
            number = turn * 5 % 8
            assert llm(prompt(number), greedy(24)) == references[number]
            assert all(generation.cancelled() for generation in doomed)
