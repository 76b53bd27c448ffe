"""Nothing is computed twice, and no answer depends on what was computed before it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cyllama_jupyter import LLM, GenerationConfig
from tests.tiny_models import write_gemma3, write_jamba, write_llama, write_mamba

GREEDY = GenerationConfig(max_tokens=24, temperature=0.0)
LONG = " ".join(f"word{number}" for number in range(150))
MODELS: dict[str, Callable[[Path], Path]] = {
    "attention": write_llama,
    "recurrent": write_mamba,
    "hybrid": write_jamba,
    "sliding window": write_gemma3,
}


@pytest.fixture(params=MODELS)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return MODELS[request.param](tmp_path / "model.gguf")


@pytest.fixture
def llm(path: Path) -> Iterator[LLM]:
    with LLM(path, n_ubatch=64) as llm:
        yield llm


def reused(llm: LLM, prompt: str) -> tuple[str, int]:
    """Return a greedy answer and how many tokens of its prompt were not computed again."""
    response = llm(prompt, GREEDY)
    assert response.stats is not None
    return response.text, response.stats.reused_tokens


def fresh(path: Path, *prompts: str) -> str:
    """Return the answer to the last prompt of a model that was asked these in turn."""
    with LLM(path, n_ubatch=64) as llm:
        return [llm(prompt, GREEDY).text for prompt in prompts][-1]


def test_a_prompt_that_goes_on_is_not_read_again(llm: LLM, path: Path) -> None:
    reused(llm, LONG)
    longer = f"{LONG} and more"
    text, count = reused(llm, longer)
    assert count > 400
    assert text == fresh(path, LONG, longer)


def test_the_same_prompt_again_gives_the_same_answer(tiny_llm: LLM, tiny_model: Path) -> None:
    first = tiny_llm(LONG, GREEDY).text
    text, count = reused(tiny_llm, LONG)
    assert (text, count > 400) == (first, True)
    assert text == fresh(tiny_model, LONG)


def test_what_was_asked_in_between_changes_nothing(smollm2: Path) -> None:
    questions = ["Once upon a time, in a land of hills,", LONG, "The capital of France is", "One, two, three,"]
    with LLM(smollm2) as llm:
        alone = {question: llm(question, GREEDY).text for question in questions}
        for question in [*reversed(questions), *questions]:
            assert llm(question, GREEDY).text == alone[question]


def test_a_conversation_that_was_left_is_found_again(smollm2: Path) -> None:
    with LLM(smollm2) as llm:
        first, _ = reused(llm, LONG)
        reused(llm, "Something else entirely. " * 30)
        again, count = reused(llm, LONG)
        assert (again, count > 400) == (first, True)


def test_a_prefill_that_was_stopped_goes_on_where_it_was(slow_llm: LLM, slow_model: Path) -> None:
    prompt = "word " * 700
    stopped = slow_llm.submit(prompt, GREEDY)
    while stopped.progress.prompt_tokens_read < 256:
        stopped.wait(0.005)
    stopped.cancel()
    assert stopped.result(60).finish_reason == "cancelled"
    read = stopped.progress.prompt_tokens_read
    assert 256 <= read < stopped.progress.prompt_tokens
    text, count = reused(slow_llm, prompt)
    assert count == read
    assert text == fresh(slow_model, prompt)


def test_a_cancel_leaves_every_kind_of_memory_right(path: Path) -> None:
    """Whatever an abort leaves behind, the next answers are those of a model that was never stopped."""
    expected = fresh(path, LONG)
    with LLM(path, n_ubatch=64) as llm:
        for after in (0, 1, 64, 200, 400):
            generation = llm.submit(f"{LONG} {after}", GenerationConfig(max_tokens=2000, temperature=0.0))
            while generation.progress.prompt_tokens_read < after:
                generation.wait(0.0005)
            generation.cancel()
            assert generation.result(60).finish_reason == "cancelled"
            assert llm(LONG, GREEDY).text == expected


@pytest.mark.parametrize("prompt_tokens", [1, 2, 3, 63, 64, 65, 66, 128, 129, 130, 193])
def test_the_length_of_a_prompt_does_not_matter(tiny_model: Path, prompt_tokens: int) -> None:
    """Steps of 64 tokens would leave one alone at the end, which llama.cpp computes by other code."""
    config = GenerationConfig(max_tokens=16, temperature=0.0, add_bos=False)
    prompt = "a" * prompt_tokens
    with LLM(tiny_model, n_ubatch=64) as small, LLM(tiny_model, n_ubatch=512) as large:
        first = small(prompt, config)
        assert first.stats is not None
        assert small(prompt, config) == first == large(prompt, config)


def test_on_a_backend_that_ignores_the_abort_callback_a_cancel_waits_for_one_step(slow_model: Path) -> None:
    with LLM(slow_model, n_ubatch=32) as llm:
        scheduler = llm._engine.scheduler
        assert scheduler is not None
        scheduler.ignore_abort()
        generation = llm.submit("word " * 1500, GREEDY)
        while generation.progress.prompt_tokens_read == 0:
            generation.wait(0.005)
        generation.cancel()
        assert generation.result(60).finish_reason == "cancelled"
        read = generation.progress.prompt_tokens_read
        assert read % 32 == 0
        assert read < 1500
        assert llm("word", GREEDY) == fresh(slow_model, "word")


def test_what_was_computed_beside_others_changes_no_lone_answer(slow_model: Path) -> None:
    prompt = "word " * 300
    with LLM(slow_model) as llm:
        for _ in range(2):
            beside = [llm.submit(f"{prompt}{number}", GREEDY) for number in ("one", "two", "three")]
            for generation in beside:
                generation.result(120)
        alone = llm(f"{prompt}and more", GREEDY).text
    assert alone == fresh(slow_model, f"{prompt}and more")
