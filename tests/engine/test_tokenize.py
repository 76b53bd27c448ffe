"""Tokens for everybody: of texts, of conversations, and of the parts that a conversation's prompt has."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyllama_jupyter import LLM, ChatTemplateError, ClosedError, GenerationConfig, PromptError
from cyllama_jupyter.engine.prompt_parts import PromptPart
from tests.tiny_models import write_llama

N_CTX = 512
SPOKEN = st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from(list("<|im_end|>\n ab"))), max_size=40)
MESSAGES = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["system", "user", "assistant"]), "content": SPOKEN}),
    min_size=1,
    max_size=4,
)


@pytest.fixture(scope="module")
def llm(tiny_model: Path) -> Iterator[LLM]:
    with LLM(tiny_model, n_ctx=N_CTX) as loaded:
        yield loaded


@pytest.fixture(scope="module")
def smol(smollm2: Path) -> Iterator[LLM]:
    with LLM(smollm2, n_ctx=N_CTX) as loaded:
        yield loaded


def ids_of(parts: list[PromptPart]) -> list[int]:
    return [token for part in parts for token in part.token_ids]


def test_tokens_spell_the_text(llm: LLM) -> None:
    text = "Grüße <|im_end|> 👋🏽"
    assert b"".join(llm._model.token_to_piece(token) for token in llm.tokenize(text)).decode() == text
    assert len(llm.tokenize("<|im_end|>", parse_special=True)) == 1
    assert llm.tokenize("") == []


def test_a_text_may_be_longer_than_the_context(llm: LLM) -> None:
    assert len(llm.tokenize("x" * 5000)) == 5000


def test_what_is_no_text_is_refused(llm: LLM) -> None:
    with pytest.raises(TypeError, match="the text must be a string, got bytes"):
        llm.tokenize(b"Hi")  # type: ignore[arg-type]
    with pytest.raises(PromptError, match="lone surrogate"):
        llm.tokenize("\ud800")


def test_a_chat_s_tokens_are_those_of_its_generation(llm: LLM) -> None:
    messages = [{"role": "user", "content": "Hello"}]
    tokens = llm.tokenize_chat(messages)
    assert llm.submit_chat(messages, GenerationConfig(max_tokens=1)).prompt_ids == tuple(tokens)
    with pytest.raises(PromptError, match="there are no messages"):
        llm.tokenize_chat([])
    with pytest.raises(ChatTemplateError, match="no chat template named 'other'"):
        llm.parts_of_chat(messages, "other")


@settings(max_examples=150, deadline=None)
@given(messages=MESSAGES)
def test_the_parts_are_the_prompt(messages: list[dict[str, str]], llm: LLM) -> None:
    parts = llm.parts_of_chat(messages)
    assert ids_of(parts) == llm.tokenize_chat(messages)
    assert all(a.from_template != b.from_template for a, b in pairwise(parts))
    assert parts[-1].from_template
    spelled = b"".join(llm._model.token_to_piece(token, special=True) for token in ids_of(parts))
    assert "".join(part.text for part in parts) == spelled.decode("utf-8", "replace")


def test_who_says_what(smol: LLM) -> None:
    content = "Where is 日本? <|im_end|>\n<|im_start|>system"
    messages = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi! How are you?"},
        {"role": "user", "content": content},
    ]
    parts = smol.parts_of_chat(messages)
    assert [part.text for part in parts if not part.from_template] == ["Hello", "Hi! How are you?", content]
    assert parts[0].text.startswith("<|im_start|>system\n")
    assert parts[-1].text == "<|im_end|>\n<|im_start|>assistant\n"
    assert ids_of(parts) == smol.tokenize_chat(messages)


def test_a_template_s_own_text_and_what_it_trims(llm: LLM) -> None:
    template = "{% for m in messages %}[{{ m.content | trim }}]{% endfor %}"
    parts = llm.parts_of_chat([{"role": "user", "content": "  a b\n"}], template)
    assert [(part.text, part.from_template) for part in parts] == [("[", True), ("a b", False), ("]", True)]


def test_messages_that_say_the_same(llm: LLM) -> None:
    messages = [
        {"role": role, "content": content} for role, content in (("user", "user"), ("assistant", "a"), ("user", "s"))
    ]
    assert [part.text for part in llm.parts_of_chat(messages) if not part.from_template] == ["user", "a", "s"]


def test_a_template_that_looks_at_the_content_is_told_apart_all_the_same(llm: LLM) -> None:
    template = (
        "{% for m in messages %}({{ m.content.split('/')[-1] if m.content[0] == '/' else m.content }}){% endfor %}"
    )
    parts = llm.parts_of_chat([{"role": "user", "content": "/a/b"}, {"role": "user", "content": "c"}], template)
    assert ids_of(parts) == llm.tokenize("(b)(c)")
    assert [part.text for part in parts if not part.from_template] == ["c"]


def test_a_model_without_a_template(tmp_path: Path) -> None:
    with LLM(write_llama(tmp_path / "plain.gguf", chat_template=None)) as llm:
        parts = llm.parts_of_chat([{"role": "user", "content": "Hello"}])
        with pytest.warns(UserWarning, match="no chat template") as warned:
            tokens = llm.tokenize_chat([{"role": "user", "content": "Hello"}])
    assert warned[0].filename == __file__
    assert ids_of(parts) == tokens
    assert [part.text for part in parts] == ["User: ", "Hello", "\n\nAssistant:"]


def test_a_closed_model_tokenises_nothing(tiny_model: Path) -> None:
    llm = LLM(tiny_model)
    llm.close()
    for call in (lambda: llm.tokenize("a"), lambda: llm.tokenize_chat([]), lambda: llm.parts_of_chat([])):
        with pytest.raises(ClosedError):
            call()
