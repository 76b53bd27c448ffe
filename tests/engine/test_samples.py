"""Several answers to one prompt."""

from dataclasses import replace

import pytest

from cyllama_jupyter import LLM, EngineBusy, GenerationConfig, Response
from cyllama_jupyter.engine.loading import DEFAULT_MAX_QUEUED as MAX_QUEUED

GREEDY = GenerationConfig(max_tokens=8, temperature=0.0)
SEEDED = GenerationConfig(max_tokens=8, temperature=1.5, top_k=0, top_p=1.0, min_p=0.0, seed=7)
ENDLESS = GenerationConfig(max_tokens=1_000_000, temperature=0.0)
PROMPT = "Once upon a time there was a tokenizer. " * 2
N_PARALLEL = 4
LAST_SEED = 0xFFFFFFFE  # the next one stands for a random seed


def reused(response: Response) -> int:
    assert response.stats is not None
    return response.stats.reused_tokens


def test_greedy_answers_are_equal(tiny_llm: LLM) -> None:
    assert tiny_llm.samples("a", 3, GREEDY) == [tiny_llm("a", GREEDY)] * 3


def test_a_seed_counts_up(tiny_llm: LLM) -> None:
    answers = tiny_llm.samples("a", 3, SEEDED)
    assert answers == [tiny_llm("a", replace(SEEDED, seed=seed)) for seed in (7, 8, 9)]
    assert len(set(answers)) == 3


def test_the_last_seed_is_followed_by_the_first(tiny_llm: LLM) -> None:
    generations = tiny_llm.submit_samples("a", 3, replace(SEEDED, seed=LAST_SEED))
    assert [generation.config.seed for generation in generations] == [LAST_SEED, 0, 1]


def test_a_random_seed_stays_random(tiny_llm: LLM) -> None:
    assert len(set(tiny_llm.samples("a", 3, replace(SEEDED, seed=-1)))) == 3


@pytest.mark.parametrize("prompt", [PROMPT, [{"role": "user", "content": PROMPT}]], ids=["text", "messages"])
def test_the_prompt_is_computed_once(tiny_model: object, prompt: str | list[dict[str, str]]) -> None:
    with LLM(str(tiny_model)) as llm:
        first, *others = llm.samples(prompt, 6, SEEDED)
    assert first.stats is not None
    assert reused(first) == 0
    assert [reused(other) for other in others] == [first.stats.prompt_tokens - 2] * 5


def test_messages_are_answered_as_in_a_chat(tiny_llm: LLM) -> None:
    messages = [{"role": "user", "content": "Hello"}]
    assert tiny_llm.samples(messages, 2, GREEDY) == [tiny_llm.chat(messages, GREEDY)] * 2


def test_handles_can_be_cancelled_one_by_one(tiny_llm: LLM) -> None:
    generations = tiny_llm.submit_samples("a", 3, ENDLESS)
    generations[1].cancel()
    tiny_llm.submit("b", GREEDY).result(60)
    assert generations[1].result(60).finish_reason == "cancelled"
    assert not generations[0].done()
    assert not generations[2].done()


def test_a_cancel_hits_all(tiny_llm: LLM) -> None:
    generations = tiny_llm.submit_samples("a", 6, ENDLESS)
    tiny_llm.cancel()
    assert [each.result(60).finish_reason for each in generations] == ["cancelled"] * 6


def test_a_deadline_holds_for_all(slow_llm: LLM) -> None:
    answers = slow_llm.samples("word " * 1500, 3, timeout=0.05)
    assert [answer.finish_reason for answer in answers] == ["timeout"] * 3


def test_more_than_fit_the_queue_are_none(slow_llm: LLM) -> None:
    with pytest.raises(EngineBusy):
        slow_llm.submit_samples("a", N_PARALLEL + MAX_QUEUED + 1, ENDLESS)
    assert slow_llm("a", GREEDY).finish_reason == "length"  # those that were queued before have lost their places


@pytest.mark.parametrize("n", [0, -1])
def test_a_number_of_answers_begins_at_one(tiny_llm: LLM, n: int) -> None:
    with pytest.raises(ValueError, match=f"n must be a number of answers from 1 up, got {n}"):
        tiny_llm.samples("a", n)
