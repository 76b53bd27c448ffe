"""The fake engine's tokens: what it generates can be gone on from, counted and looked at, as a model's can."""

import pandas as pd
import pytest

from cyllama_jupyter import ClosedError, GenerationConfig, PromptError
from cyllama_jupyter.testing import FakeLLM

MESSAGES = [{"role": "user", "content": "Hello there"}]


def test_an_answer_goes_on_where_it_was_cut() -> None:
    with FakeLLM("one two three", chunk=4) as llm:
        first = llm("Count", GenerationConfig(max_tokens=2))
        goes_on = llm.submit("Count", begun=first.token_ids)
        assert goes_on.text.startswith(first.text)
        assert goes_on.result() == "one two three"
        assert goes_on.token_ids[:2] == first.token_ids == goes_on.result().token_ids[:2]
        assert first == "one two "


def test_another_beginning_stays_before_the_text() -> None:
    with FakeLLM("one two") as llm:
        begun = llm.tokenize("Sure: ")
        assert llm.submit_chat(MESSAGES, begun=begun).result() == "Sure: one two"
        assert llm.samples("Count", 2, begun=begun) == ["Sure: one two"] * 2


def test_ids_are_a_prompt() -> None:
    with FakeLLM("yes") as llm:
        ids = llm.tokenize("Really?")
        generation = llm.submit(ids)
        assert generation.prompt_ids == tuple(ids)
        assert llm.asked == [ids]
        with pytest.raises(PromptError, match="token 99 is not in the vocabulary of"):
            llm.submit("a", begun=[99])


def test_the_parts_of_a_conversation_are_its_tokens() -> None:
    with FakeLLM(chunk=2) as llm:
        parts = llm.parts_of_chat(MESSAGES)
        assert [(part.text, part.from_template) for part in parts] == [
            ("<user>", True),
            ("Hello there", False),
            ("<assistant>", True),
        ]
        assert [token for part in parts for token in part.token_ids] == llm.tokenize_chat(MESSAGES)
        assert llm.asked == []
    with pytest.raises(ClosedError):
        llm.tokenize("a")


def test_it_is_certain_of_every_token() -> None:
    with FakeLLM("abcdef", chunk=3) as llm:
        table = llm("Say it", GenerationConfig(logprobs=5)).tokens
        assert isinstance(table, pd.DataFrame)
        assert list(table["text"]) == ["abc", "def"]
        assert list(table["probability"]) == [1.0, 1.0]
        assert table["alternatives"][0] == (("abc", table["id"][0], 1.0),)


def test_it_ignores_a_grammar() -> None:
    with FakeLLM("free") as llm:
        assert llm("Say it", GenerationConfig(grammar="root ::= [")) == "free"
