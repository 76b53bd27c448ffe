"""Answers under a grammar: what they are, what they cost, and how they end."""

import json
import re
import time
from pathlib import Path

import pytest

from cyllama_jupyter import LLM, DecodeError, GenerationConfig

JSON = r"""
root ::= object
value ::= object | array | string | number | ("true" | "false" | "null") ws
object ::= "{" ws (string ":" ws value ("," ws string ":" ws value)*)? "}" ws
array ::= "[" ws (value ("," ws value)*)? "]" ws
string ::= "\"" ([^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt/] | "u" [0-9a-fA-F]{4})){0,20} "\"" ws
number ::= "-"? ([0-9] | [1-9] [0-9]{0,5}) ("." [0-9]{1,5})? ws
ws ::= " "?
"""
ASCII = "root ::= [a-z ]{8}"
MESSAGES = [{"role": "user", "content": "Describe a person as JSON with name and age."}]
N_PROMPTS = 6


def of(grammar: str, **settings: float) -> GenerationConfig:
    return GenerationConfig(**{"max_tokens": 200, "temperature": 0.0, **settings}, grammar=grammar)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def smol(smollm2: Path) -> LLM:
    return LLM(smollm2, n_ctx=1024)


def test_an_answer_is_what_the_grammar_says(smol: LLM) -> None:
    answer = smol.chat(MESSAGES, of(JSON))
    assert answer.finish_reason == "stop"
    assert {"name", "age"} <= set(json.loads(answer))


@pytest.mark.parametrize("seed", range(N_PROMPTS))
def test_random_weights_keep_to_it_too(tiny_llm: LLM, seed: int) -> None:
    answer = tiny_llm(f"prompt {seed}", of(JSON, max_tokens=1500, temperature=1.5, seed=seed))
    assert answer.finish_reason == "stop"
    assert isinstance(json.loads(answer), dict)


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": 0.0},
        {"temperature": 0.0, "repeat_penalty": 1.5},
        {"temperature": 1.0, "top_k": 1},
        {"temperature": 1.0, "mirostat": 1},
        {"temperature": 1.0, "mirostat": 2},
        {"temperature": 1.0, "top_n_sigma": 1.0},
        {"temperature": 1.0, "dry_multiplier": 0.8},
    ],
    ids=str,
)
def test_every_chain_of_samplers_obeys(tiny_llm: LLM, settings: dict[str, float]) -> None:
    assert re.fullmatch("[a-z ]{8}", tiny_llm("a", of(ASCII, **settings)))


def test_a_grammar_that_allows_all_changes_nothing(tiny_llm: LLM) -> None:
    free = GenerationConfig(max_tokens=40, temperature=1.0, seed=3)
    bound = of("root ::= ([\\x01-\\U0010FFFF])*", max_tokens=40, temperature=1.0, seed=3)
    assert tiny_llm("a", free).isascii()  # bytes that are no UTF-8 are what it does refuse
    assert tiny_llm("a", bound) == tiny_llm("a", free)


def test_characters_of_many_tokens_are_spelled_out(tiny_llm: LLM) -> None:
    assert tiny_llm("a", of('root ::= "Grüße 👋🏽" [世-界]')).startswith("Grüße 👋🏽")
    assert tiny_llm("a", of("root ::= [😀-😎]{3}")).isprintable()


def test_an_answer_that_can_end_need_not(tiny_llm: LLM) -> None:
    assert tiny_llm("a", of('root ::= "x"*', max_tokens=9)) == "x" * 9
    assert tiny_llm("a", of('root ::= ""')) == ""


def test_samples_are_each_constrained(tiny_llm: LLM) -> None:
    answers = tiny_llm.samples("a", 4, of(ASCII, temperature=2.0, top_k=0, top_p=1.0, min_p=0.0, seed=5))
    assert all(re.fullmatch("[a-z ]{8}", answer) for answer in answers)
    assert len(set(answers)) == 4


def test_what_no_token_can_spell_is_an_error_and_the_model_lives_on(tiny_llm: LLM) -> None:
    with pytest.raises(DecodeError, match="no token of this model goes on with the text as the grammar wants it"):
        tiny_llm("a", of('root ::= . [\\uD800] | "\\U0010FFFF"'))
    assert tiny_llm("a", of('root ::= "yes"')) == "yes"


def test_a_stop_sequence_ends_it_as_ever(tiny_llm: LLM) -> None:
    config = GenerationConfig(temperature=0.0, grammar='root ::= "abc" "def"', stop_sequences=["cd"])
    answer = tiny_llm("a", config)
    assert (answer.text, answer.finish_reason) == ("ab", "stop")


def test_a_deadline_and_a_cancel_end_it_in_the_middle(tiny_llm: LLM) -> None:
    endless = of('root ::= ("x" | "y" root "z")+', max_tokens=1_000_000)
    assert tiny_llm("a", endless, timeout=0.05).finish_reason == "timeout"
    generation = tiny_llm.submit("a", endless)
    while generation.progress.generated_tokens < 5:
        assert not generation.wait(0.001)
    begin = time.perf_counter()
    assert generation.cancel()
    assert generation.result(10).finish_reason == "cancelled"
    assert time.perf_counter() - begin < 1.0
