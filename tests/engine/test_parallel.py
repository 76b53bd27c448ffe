"""Several generations at once on one context: from threads, from tasks, up to the bound of the queue."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cyllama_jupyter import LLM, AsyncLLM, EngineBusy, Generation, GenerationConfig
from cyllama_jupyter.engine.loading import DEFAULT_MAX_QUEUED as MAX_QUEUED
from tests.tiny_models import write_cycle

N_PARALLEL = 4
TEXT = "The quick brown fox jumps over the lazy dog. "
ENDLESS = GenerationConfig(max_tokens=1_000_000, temperature=0.0)
LONG = "word " * 1500
LENGTHS = (50, 10, 120, 1, 80, 33)


def answer(length: int) -> str:
    """Return what the model says in so many tokens, one character each."""
    return (TEXT * (length // len(TEXT) + 1))[:length]


def greedy(length: int) -> GenerationConfig:
    return GenerationConfig(max_tokens=length, temperature=0.0)


def reasons(generations: list[Generation]) -> list[str]:
    return [generation.result(60).finish_reason for generation in generations]


def in_phase(generation: Generation, phase: str) -> Generation:
    while generation.progress.phase != phase:
        assert not generation.wait(0.005)
    return generation


@pytest.fixture(scope="module")
def cycle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LLM]:
    path = write_cycle(tmp_path_factory.mktemp("models") / "cycle.gguf", TEXT)
    with LLM(path, n_parallel=N_PARALLEL) as llm:
        yield llm


class TestAnswers:
    def test_calls_from_several_threads(self, cycle: LLM) -> None:
        with ThreadPoolExecutor(len(LENGTHS)) as pool:
            answers = pool.map(lambda length: cycle(f"Say {length} letters.", greedy(length)), LENGTHS)
            assert list(answers) == [answer(length) for length in LENGTHS]

    def test_streams_in_several_threads(self, cycle: LLM) -> None:
        def read(length: int) -> list[str]:
            return list(cycle(f"Say {length} letters.", greedy(length), stream=True))

        with ThreadPoolExecutor(len(LENGTHS)) as pool:
            assert list(pool.map(read, LENGTHS)) == [list(answer(length)) for length in LENGTHS]

    def test_calls_from_several_tasks(self, cycle: LLM) -> None:
        async def scenario() -> list[str]:
            async with AsyncLLM(cycle) as llm:
                return await asyncio.gather(*(llm(f"Say {length}.", greedy(length)) for length in LENGTHS))

        assert asyncio.run(scenario()) == [answer(length) for length in LENGTHS]

    def test_as_many_as_may_run_do_so_at_once(self, cycle: LLM) -> None:
        running = [cycle.submit(str(index), ENDLESS) for index in range(N_PARALLEL)]
        assert [in_phase(each, "decode").progress.phase.value for each in running] == ["decode"] * N_PARALLEL
        waiting = cycle.submit("one more", greedy(5))
        running[2].cancel()
        assert waiting.result(60) == answer(5)
        cycle.cancel()
        assert reasons(running) == ["cancelled"] * N_PARALLEL

    def test_who_does_not_fit_beside_the_others_waits(self, tmp_path: Path) -> None:
        path = write_cycle(tmp_path / "cycle.gguf", TEXT)
        with LLM(path, n_ctx=256, n_parallel=N_PARALLEL) as llm:
            generations = [llm.submit(str(index), greedy(150)) for index in range(6)]
            assert [generation.result(60) for generation in generations] == [answer(150)] * 6


class TestTheQueue:
    def test_it_has_a_bound_and_says_so(self, slow_llm: LLM) -> None:
        most = N_PARALLEL + MAX_QUEUED
        generations = [slow_llm.submit("a", ENDLESS) for _ in range(most)]
        with pytest.raises(EngineBusy, match=f"{most} generations run or wait already") as caught:
            slow_llm.submit("a")
        assert caught.value.n_open == most
        slow_llm.cancel()
        assert reasons(generations) == ["cancelled"] * most
        assert slow_llm("a", greedy(1)).finish_reason == "length"

    @pytest.mark.parametrize("max_queued", [0, 3])
    def test_the_bound_can_be_set(self, slow_model: Path, max_queued: int) -> None:
        with LLM(slow_model, n_parallel=2, max_queued=max_queued) as llm:
            assert llm.config.max_queued == max_queued
            generations = [llm.submit("a", ENDLESS) for _ in range(2 + max_queued)]
            with pytest.raises(EngineBusy, match=f"{2 + max_queued} generations run or wait already"):
                llm.submit("a")
            llm.cancel()
            assert reasons(generations) == ["cancelled"] * (2 + max_queued)


class TestCancel:
    def test_one_leaves_the_others(self, cycle: LLM) -> None:
        left = [cycle.submit(str(length), greedy(length)) for length in (300, 400)]
        ended = in_phase(cycle.submit("a", ENDLESS), "decode")
        ended.cancel()
        assert [generation.result(60) for generation in left] == [answer(300), answer(400)]
        response = ended.result(60)
        assert response.finish_reason == "cancelled"
        assert response == answer(len(response))

    def test_one_mid_prefill_leaves_the_others(self, slow_llm: LLM) -> None:
        expected = slow_llm("a", greedy(5))
        ended = in_phase(slow_llm.submit(LONG, ENDLESS), "prefill")
        left = slow_llm.submit("a", greedy(5))
        ended.cancel()
        assert left.result(60) == expected
        assert ended.result(60).finish_reason == "cancelled"

    def test_all_are_those_submitted_before(self, cycle: LLM) -> None:
        before = [cycle.submit(str(index), ENDLESS) for index in range(N_PARALLEL + 3)]
        in_phase(before[0], "decode")
        cycle.cancel()
        after = [cycle.submit(str(index), greedy(20)) for index in range(N_PARALLEL + 3)]
        assert reasons(before) == ["cancelled"] * len(before)
        assert [generation.result(60) for generation in after] == [answer(20)] * len(after)


class TestDeadlines:
    def test_in_the_queue(self, slow_llm: LLM) -> None:
        running = [slow_llm.submit(f"{index} {LONG}", ENDLESS) for index in range(N_PARALLEL)]
        waiting = slow_llm.submit("a", ENDLESS, timeout=0.05)
        response = waiting.result(60)
        assert response.finish_reason == "timeout"
        assert waiting.progress.prompt_tokens_read == 0
        assert not any(generation.done() for generation in running)

    def test_mid_prefill(self, slow_llm: LLM) -> None:
        generation = slow_llm.submit(LONG, ENDLESS, timeout=0.5)
        assert generation.result(60).finish_reason == "timeout"
        assert 0 <= generation.progress.prompt_tokens_read < generation.progress.prompt_tokens
        assert generation.text == ""

    def test_while_it_writes(self, slow_llm: LLM) -> None:
        response = slow_llm("a", ENDLESS, timeout=2.0)
        assert response.finish_reason == "timeout"
        assert len(response) > 0
        assert response.stats is not None
        assert response.stats.generated_tokens > 0

    def test_of_one_leaves_the_others(self, slow_llm: LLM) -> None:
        others = [slow_llm.submit(str(index), ENDLESS) for index in range(2)]
        assert slow_llm("a", ENDLESS, timeout=0.05).finish_reason == "timeout"
        assert not any(generation.done() for generation in others)

    @pytest.mark.parametrize("timeout", [0, -1.0, float("nan")])
    def test_a_time_that_is_none_is_refused(self, cycle: LLM, timeout: float) -> None:
        for call in (cycle, cycle.submit, lambda prompt, timeout: cycle.samples(prompt, 2, timeout=timeout)):
            with pytest.raises(ValueError, match="timeout must be a number of seconds above 0, or None, got"):
                call("a", timeout=timeout)
