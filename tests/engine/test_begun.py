"""Answers that are begun already: they go on as if they had never been interrupted."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cyllama_jupyter import LLM, ContextOverflow, Generation, GenerationConfig, GrammarError, PromptError
from tests.tiny_models import write_cycle, write_mamba

GREEDY = GenerationConfig(max_tokens=40, temperature=0.0)
ENDLESS = GenerationConfig(max_tokens=1_000_000, temperature=0.0)
SAYING = "Grüße 👋🏽 世界, "
MESSAGES = [{"role": "user", "content": "Count to ten, with a 👋 after each number."}]


@pytest.fixture(scope="module")
def saying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LLM]:
    """Yield a model that says SAYING for ever, one byte a token."""
    with LLM(write_cycle(tmp_path_factory.mktemp("models") / "saying.gguf", SAYING)) as llm:
        yield llm


@pytest.fixture(scope="module")
def smol(smollm2: Path) -> Iterator[LLM]:
    with LLM(smollm2, n_ctx=1024) as llm:
        yield llm


def cancelled_at(generation: Generation, count: int) -> tuple[int, ...]:
    while generation.progress.generated_tokens < count:
        assert not generation.wait(0.0005)
    generation.cancel()
    return generation.result(60).token_ids


def test_a_character_cut_in_half_is_whole_again(saying: LLM) -> None:
    whole = saying("Say it", GREEDY)
    for count in range(len(whole.token_ids) + 1):
        config = replace(GREEDY, max_tokens=GREEDY.max_tokens - count)
        goes_on = saying.submit("Say it", config, begun=whole.token_ids[:count])
        text = whole.text.encode()[:count].decode(errors="ignore")
        assert goes_on.text.startswith(text)
        assert "".join(goes_on) == goes_on.result() == whole
        assert goes_on.token_ids == goes_on.result().token_ids == whole.token_ids


def test_a_real_answer_goes_on_from_wherever_it_was_cancelled(smol: LLM) -> None:
    prompt = smol.tokenize_chat(MESSAGES)
    whole = smol.submit(prompt, replace(GREEDY, max_tokens=60)).result()
    for count in (1, 2, 5, 17, 30, 47):
        token_ids = cancelled_at(smol.submit(prompt, ENDLESS), count)
        assert whole.token_ids[: len(token_ids)] == token_ids[: len(whole.token_ids)]
        left = replace(GREEDY, max_tokens=max(0, 60 - len(token_ids)))
        goes_on = smol.submit(prompt, left, begun=token_ids[:60]).result()
        assert goes_on == whole
        assert goes_on.token_ids == whole.token_ids


def test_it_goes_on_so_where_nothing_of_it_is_in_memory(smollm2: Path, smol: LLM) -> None:
    whole = smol.submit_chat(MESSAGES, GREEDY).result()
    for count in (1, 2, 20):
        with LLM(smollm2, n_ctx=512) as fresh:
            left = replace(GREEDY, max_tokens=40 - count)
            goes_on = fresh.submit_chat(MESSAGES, left, begun=whole.token_ids[:count]).result()
        assert goes_on == whole
        assert goes_on.stats is not None
        assert goes_on.stats.reused_tokens == 0


def test_what_is_in_memory_is_not_computed_again(tiny_llm: LLM) -> None:
    prompt = tiny_llm.tokenize("Once upon a time, here")
    token_ids = cancelled_at(tiny_llm.submit(prompt, ENDLESS), 10)
    goes_on = tiny_llm.submit(prompt, GREEDY, begun=token_ids).result()
    assert goes_on.stats is not None
    assert goes_on.stats.prompt_tokens == len(prompt) + len(token_ids)
    assert goes_on.stats.reused_tokens == goes_on.stats.prompt_tokens - 1
    assert goes_on.stats.generated_tokens == 40


def test_a_recurrent_model_goes_on_too(tmp_path: Path) -> None:
    with LLM(write_mamba(tmp_path / "mamba.gguf")) as llm:
        whole = llm("Once upon a time", GREEDY)
        for count in (1, 7, 39):
            left = replace(GREEDY, max_tokens=40 - count)
            assert llm.submit("Once upon a time", left, begun=whole.token_ids[:count]).result() == whole


def test_a_stop_sequence_over_the_border_is_found(saying: LLM) -> None:
    begun = saying("Say it", replace(GREEDY, max_tokens=4)).token_ids
    stopping = replace(GREEDY, stop_sequences=["üße"])
    answer = saying.submit("Say it", stopping, begun=begun).result()
    assert (answer.text, answer.finish_reason) == ("Gr", "stop")


def test_a_beginning_that_holds_a_stop_sequence_is_the_end(saying: LLM) -> None:
    begun = saying("Say it", replace(GREEDY, max_tokens=9)).token_ids
    answer = saying.submit("Say it", replace(GREEDY, stop_sequences=["üße"]), begun=begun).result()
    assert (answer.text, answer.finish_reason, answer.token_ids) == ("Gr", "stop", begun)


def test_penalties_see_the_beginning(tiny_llm: LLM) -> None:
    config = replace(GREEDY, repeat_penalty=1.8)
    whole = tiny_llm("Once", config)
    goes_on = tiny_llm.submit("Once", replace(config, max_tokens=20), begun=whole.token_ids[:20]).result()
    assert goes_on == whole


def test_a_grammar_goes_on_where_the_beginning_ends(tiny_llm: LLM) -> None:
    config = replace(GREEDY, grammar='root ::= "yes, " [0-9]{3} "!"')
    begun = tiny_llm.tokenize("yes, 4")
    answer = tiny_llm.submit("a", config, begun=begun).result()
    assert answer.startswith("yes, 4")
    assert answer.endswith("!")
    assert len(answer) == len("yes, 444!")
    with pytest.raises(GrammarError, match="does not fit the grammar: the grammar does not allow 'n' there"):
        tiny_llm.submit("a", config, begun=tiny_llm.tokenize("no"))


def test_no_new_token_gives_the_beginning_back(saying: LLM) -> None:
    begun = saying("Say it", replace(GREEDY, max_tokens=5)).token_ids
    answer = saying.submit("Say it", replace(GREEDY, max_tokens=0), begun=begun).result()
    assert (answer.text, answer.token_ids, answer.finish_reason) == ("Grü", begun, "length")


def test_each_of_several_samples_begins_so(tiny_llm: LLM) -> None:
    begun = tiny_llm.tokenize("It was")
    config = GenerationConfig(max_tokens=8, temperature=2.0, top_k=0, top_p=1.0, min_p=0.0, seed=1)
    for prompt in ("Once", tiny_llm.tokenize("Once"), [{"role": "user", "content": "Once"}]):
        answers = tiny_llm.samples(prompt, 3, config, begun=begun)
        assert all(answer.startswith("It was") and len(answer.token_ids) == len(begun) + 8 for answer in answers)
        assert len(set(answers)) == 3


def test_ids_and_text_are_the_same_prompt(tiny_llm: LLM) -> None:
    ids = tiny_llm.tokenize("Once upon")
    generation = tiny_llm.submit(ids, GREEDY, begun=ids[:1])
    assert generation.prompt_ids == tuple(ids)
    assert generation.token_ids[0] == ids[0]
    assert tiny_llm.submit(ids, GREEDY).result() == tiny_llm("Once upon", GREEDY)


def test_what_is_no_token_is_refused(tiny_llm: LLM) -> None:
    for wrong in ([-1], [289], [2**70]):
        with pytest.raises(PromptError, match="is not in the vocabulary of 289"):
            tiny_llm.submit(wrong, GREEDY)
        with pytest.raises(PromptError, match="is not in the vocabulary of 289"):
            tiny_llm.submit("a", GREEDY, begun=wrong)
    with pytest.raises(TypeError, match="token ids must be integers, got float"):
        tiny_llm.submit([1.0], GREEDY)  # type: ignore[list-item]
    with pytest.raises(PromptError, match="the prompt has no tokens"):
        tiny_llm.submit([], GREEDY)


def test_the_beginning_counts_for_the_context(tiny_llm: LLM) -> None:
    with pytest.raises(ContextOverflow, match="2,100 tokens"):
        tiny_llm.submit([1] * 2000, GREEDY, begun=[1] * 100)
