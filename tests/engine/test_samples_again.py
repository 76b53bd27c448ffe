"""Several answers to one prompt come out the same again, on an engine that does nothing else."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cyllama_jupyter import LLM, EngineBusy, GenerationConfig
from cyllama_jupyter.engine.loading import DEFAULT_MAX_QUEUED as MAX_QUEUED
from cyllama_jupyter.testing import FakeLLM

SEEDED = GenerationConfig(max_tokens=16, temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, seed=7)
ENDLESS = GenerationConfig(max_tokens=1_000_000, temperature=0.0)
PROMPTS = {
    "short": "The sky",
    "of a few words": "Once upon a time there was a tokenizer that was afraid of",
    "longer than a step": "word and more " * 60 + "so",  # with what lies in memory of it worth to be kept
}
N_PARALLEL = 4


@pytest.fixture(scope="module")
def smol(smollm2: Path) -> Iterator[LLM]:
    with LLM(smollm2, n_ctx=2048) as llm:
        yield llm


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
@pytest.mark.parametrize("n", [3, 6], ids=["at once", "more than run at once"])
def test_a_seed_gives_the_same_answers_again(prompt: str, n: int, smol: LLM) -> None:
    answers = set()
    for other in ("", "", "Something else.", "", prompt[: len(prompt) // 2]):  # read anew, in memory, put away
        if other:
            smol(other, SEEDED)
        answers.add(tuple(answer.token_ids for answer in smol.samples(prompt, n, SEEDED)))
    assert len(answers) == 1
    assert len(set(answers.pop())) > 1


@pytest.mark.accept
@pytest.mark.timeout(600)
def test_so_it_is_twenty_times(smollm2: Path, smol: LLM) -> None:
    config = replace(SEEDED, max_tokens=60)
    messages = [{"role": "user", "content": "Write a haiku about the sea."}]
    answers = {tuple(smol.samples(messages, 4, config)) for _ in range(20)}
    for _ in range(2):
        with LLM(smollm2, n_ctx=2048) as fresh:
            answers.add(tuple(fresh.samples(messages, 4, config)))
    assert len(answers) == 1


def test_begun_answers_do_too(smol: LLM) -> None:
    begun = smol.tokenize(" blue because of the way in which")
    answers = {
        tuple(answer.token_ids for answer in smol.samples(PROMPTS["of a few words"], 3, SEEDED, begun=begun))
        for _ in range(3)
    }
    assert len(answers) == 1


def test_answers_under_a_grammar_have_it_in_common(tiny_llm: LLM) -> None:
    config = replace(SEEDED, grammar='root ::= ("yes" | "no") " " [0-9]{4}', max_tokens=40)
    answers = tiny_llm.samples("a", 6, config)
    assert all(answer.split()[0] in {"yes", "no"} and len(answer.split()[1]) == 4 for answer in answers)
    assert len(set(answers)) > 1
    alone = [tiny_llm("a", replace(config, seed=7 + index)) for index in range(6)]
    assert answers == alone


def test_where_there_is_no_place_for_all_none_is_left(slow_llm: LLM) -> None:
    most = N_PARALLEL + MAX_QUEUED
    running = slow_llm.submit_samples("a", most - 2, ENDLESS)
    with pytest.raises(
        EngineBusy, match=f"^{most - 2} generations run or wait, and this LLM does not take 3 more"
    ) as caught:
        slow_llm.submit_samples("b", 3, ENDLESS)
    assert (caught.value.n_open, caught.value.n_asked) == (most - 2, 3)
    assert slow_llm.n_open == most - 2
    last = slow_llm.submit_samples("b", 2, ENDLESS)
    assert slow_llm.n_open == most
    assert not any(generation.done() for generation in running)
    slow_llm.cancel()
    assert {each.result(60).finish_reason for each in (*running, *last)} == {"cancelled"}
    assert slow_llm.n_open == 0


def test_what_was_cancelled_in_the_queue_makes_place(slow_llm: LLM) -> None:
    most = N_PARALLEL + MAX_QUEUED
    running = slow_llm.submit_samples("a", most, ENDLESS)
    for generation in running[-3:]:
        generation.cancel()
    assert len(slow_llm.submit_samples("b", 3, ENDLESS)) == 3
    slow_llm.cancel()


def test_whoever_sees_an_end_finds_it_counted_no_more() -> None:
    with FakeLLM("abc " * 1000, rate=1000) as fake:
        assert fake.n_open == 0
        generations = fake.submit_samples("a", 3)
        assert fake.n_open == 3
        generations[1].cancel()
        generations[1].result(10)
        assert fake.n_open == 2
        fake.cancel()
        for generation in generations:
            generation.result(10)
        assert fake.n_open == 0
    assert fake.n_open == 0
