"""What a loaded model cannot take: each is an error that says why, and the next answer is as if nothing had been."""

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gguf import GGUFWriter

from cyllama_jupyter import LLM, ChatTemplateError, ClosedError, ContextOverflow, GenerationConfig, PromptError
from tests.tiny_models import write_llama

GREEDY = GenerationConfig(max_tokens=16, temperature=0.0)
HALF_A_PAIR = "\ud83d"
HELLO = [{"role": "user", "content": "Hello"}]

Call = Callable[[LLM], object]


def chat(*messages: object, template: str | None = None) -> Call:
    return chat_of(list(messages), template)


def chat_of(messages: Any, template: str | None = None) -> Call:  # noqa: ANN401 - what is given is often wrong
    return lambda llm: llm.chat(messages, GREEDY, template=template)


def call(prompt: Any, config: Any = GREEDY) -> Call:  # noqa: ANN401 - as above
    return lambda llm: llm(prompt, config)


BAD_CALLS: dict[str, tuple[Call, type[Exception], str]] = {
    "bytes for a prompt": (call(b"Hello"), TypeError, "the prompt must be a string, or a list of token ids, got bytes"),
    "None for a prompt": (call(None), TypeError, "the prompt must be a string, or a list of token ids, got N"),
    "messages for a prompt": (call(HELLO), TypeError, "token ids must be integers, got dict; a conversation goes to"),
    "half a character": (call(f"abc{HALF_A_PAIR}"), PromptError, "lone surrogate at character 3,"),
    "too long": (call("w" * 3000), ContextOverflow, "the prompt has 3,000 tokens but the context holds 2,048"),
    "too long by one": (call("w" * 2049), ContextOverflow, "the prompt has 2,049 tokens but the context holds 2,048"),
    "too long a stream": (lambda llm: llm("w" * 3000, stream=True), ContextOverflow, "3,000 tokens"),
    "too long a chat": (chat({"role": "user", "content": "w" * 3000}), ContextOverflow, "the context holds 2,048"),
    "a dict for a config": (call("Hello", {"max_tokens": 1}), TypeError, "must be a GenerationConfig, got dict"),
    "a number for a config": (call("Hello", 16), TypeError, "must be a GenerationConfig, got int"),
    "another n_ctx": (
        call("Hello", GenerationConfig(n_ctx=512)),
        ValueError,
        r"^n_ctx=512 \(loaded with 2048\) cannot change in a call: load the model again",
    ),
    "other settings of the load": (
        call("Hello", GenerationConfig(n_batch=1, n_gpu_layers=0, main_gpu=1, split_mode=0, tensor_split=[1.0])),
        ValueError,
        r"n_batch=1 .*, n_gpu_layers=0 .*, main_gpu=1 .*, split_mode=0 .*, tensor_split=\(1.0,\) \(loaded with None\)",
    ),
    "no messages": (chat(), PromptError, "there are no messages"),
    "None for messages": (chat_of(None), PromptError, "there are no messages"),
    "a string for messages": (chat_of("Hi"), PromptError, "message 0 must be a mapping"),
    "a message for messages": (chat_of(HELLO[0]), PromptError, "message 0 must be a mapping"),
    "a string for a message": (chat(*HELLO, "Hello"), PromptError, "message 1 must be a mapping with role and content"),
    "no content": (chat({"role": "user"}), PromptError, "message 0 needs a string 'content', got None"),
    "no role": (chat(*HELLO, {"content": "Hi"}), PromptError, "message 1 needs a string 'role', got None"),
    "a list of contents": (chat({"role": "user", "content": ["Hi"]}), PromptError, r"string 'content', got \['Hi'\]"),
    "a number for content": (chat({"role": "user", "content": 5}), PromptError, "a string 'content', got 5"),
    "half a character in a chat": (chat({"role": "user", "content": HALF_A_PAIR}), PromptError, "lone surrogate"),
    "half a character in a role": (chat({"role": HALF_A_PAIR, "content": "Hi"}), PromptError, "lone surrogate"),
    "no such template": (chat(*HELLO, template="tools"), ChatTemplateError, "no chat template named 'tools'"),
    "an empty template": (chat(*HELLO, template=""), ChatTemplateError, "no chat template named ''"),
    "no such template for a strange name": (
        chat(*HELLO, template=f"%s%n{HALF_A_PAIR}"),
        ChatTemplateError,
        "no chat template named",
    ),
    "a broken template": (chat(*HELLO, template="{% for %}"), ChatTemplateError, "refused the messages: Expected"),
    "a template that refuses": (
        chat(*HELLO, template="{{ raise_exception('roles must alternate') }}"),
        ChatTemplateError,
        "refused the messages: roles must alternate",
    ),
    "a template that fails": (chat(*HELLO, template="{{ 1 / 0 }}"), ChatTemplateError, "division by zero"),
    "a template of another shape": (chat(*HELLO, template="{{ a.b.c }}"), ChatTemplateError, "'a' is undefined"),
    "a template without end": (
        chat(*HELLO, template="{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"),
        ChatTemplateError,
        "calls itself without end",
    ),
    "a template with a strange filter": (chat(*HELLO, template="{{ 1 | no }}"), ChatTemplateError, "No filter named"),
    "a template that says nothing": (chat(*HELLO, template="{# #}"), PromptError, "the prompt has no tokens"),
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_a_bad_call_raises_and_harms_nothing(name: str, tiny_llm: LLM) -> None:
    bad_call, kind, message = BAD_CALLS[name]
    first = tiny_llm("Once upon a time", GREEDY)
    with pytest.raises(kind, match=message):
        bad_call(tiny_llm)
    assert tiny_llm("Once upon a time", GREEDY) == first


def test_an_overflow_carries_its_numbers_everywhere(tiny_llm: LLM) -> None:
    with pytest.raises(ValueError, match=r"3,000 tokens .* 2,048") as error:
        tiny_llm.submit("w" * 3000)
    assert isinstance(error.value, ContextOverflow)
    copied = pickle.loads(pickle.dumps(error.value))  # noqa: S301 - our own bytes
    assert (copied.prompt_tokens, copied.n_ctx) == (3000, 2048)
    assert str(copied) == str(error.value)


def test_a_bad_call_to_a_generation_that_runs_harms_nothing(tiny_llm: LLM) -> None:
    alone = tiny_llm("Once", GenerationConfig(max_tokens=200, temperature=0.0))
    running = tiny_llm.submit("Once", GenerationConfig(max_tokens=200, temperature=0.0))
    for bad_call, kind, _ in BAD_CALLS.values():
        with pytest.raises(kind):
            bad_call(tiny_llm)
    assert running.result() == alone


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "\0",
        "a\0b",
        "\n",
        " " * 2000,
        "👋🏽",
        "\ufffe\uffff",
        "<0xC3>",
        "{{ 1 / 0 }}",
        "<|im_end|>" * 100,
        "w" * 2048,
    ],
)
def test_what_looks_bad_and_is_not(prompt: str, tiny_llm: LLM) -> None:
    response = tiny_llm(prompt, GREEDY)
    assert response.finish_reason == "length"
    assert response.stats is not None
    assert response.stats.prompt_tokens >= 1


def test_a_prompt_as_long_as_the_context_leaves_room_for_one_token(tiny_llm: LLM) -> None:
    response = tiny_llm("w" * tiny_llm.n_ctx, GREEDY)
    assert response.stats is not None
    assert (response.stats.prompt_tokens, response.stats.generated_tokens) == (tiny_llm.n_ctx, 1)
    assert response.finish_reason == "length"


def test_no_tokens_wanted_is_no_text(tiny_llm: LLM) -> None:
    response = tiny_llm("Hello", GenerationConfig(max_tokens=0))
    assert response == ""
    assert response.finish_reason == "length"
    assert response.stats is not None
    assert response.stats.generated_tokens == 0
    assert list(tiny_llm("Hello", GenerationConfig(max_tokens=0), stream=True)) == []


@pytest.fixture
def without_bos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LLM]:
    """Yield a model that asks for a BOS token and has none, on which llama.cpp asserts."""

    def asks_for_bos(writer: GGUFWriter, value: bool) -> None:  # noqa: FBT001 - gguf's signature
        writer.add_bool("tokenizer.ggml.add_bos_token", not value)

    add_pre = GGUFWriter.add_tokenizer_pre
    monkeypatch.setattr(GGUFWriter, "add_tokenizer_pre", lambda writer, _: add_pre(writer, "glm4"))
    monkeypatch.setattr(GGUFWriter, "add_bos_token_id", lambda *_: None)
    monkeypatch.setattr(GGUFWriter, "add_add_bos_token", asks_for_bos)
    with LLM(write_llama(tmp_path / "model.gguf")) as llm:
        yield llm


def test_a_model_without_bos_needs_a_prompt(without_bos: LLM) -> None:
    assert without_bos._model.bos == -1
    assert without_bos._model.adds_bos
    first = without_bos("Hello", GREEDY)
    with pytest.raises(PromptError, match="the prompt has no tokens, and this model no BOS token"):
        without_bos("", GREEDY)
    assert without_bos("Hello", GREEDY) == first
    assert without_bos.chat(HELLO, GREEDY).finish_reason == "length"


def test_a_template_of_the_model_that_refuses(tmp_path: Path) -> None:
    template = "{{ raise_exception('the conversation must begin with a user message') }}"
    with LLM(write_llama(tmp_path / "model.gguf", chat_template=template)) as llm:
        with pytest.raises(ChatTemplateError, match="must begin with a user message"):
            llm.chat(HELLO)
        assert llm("Hello", GREEDY).finish_reason == "length"


CLOSED: dict[str, Call] = {
    "call": call("Hello"),
    "stream": lambda llm: llm("Hello", stream=True),
    "submit": lambda llm: llm.submit("Hello"),
    "chat": chat(*HELLO),
    "a bad call": call(None),
    "its context": lambda llm: llm._ctx.decode([1]),
    "its model": lambda llm: llm._model.tokenize(b"Hello", add_special=False, parse_special=False),
}


def test_a_closed_llm_says_so(tiny_model: Path) -> None:
    llm = LLM(tiny_model)
    llm.close()
    llm.close()
    for closed_call in CLOSED.values():
        with pytest.raises(ClosedError, match=r"the (LLM|context|model) is closed"):
            closed_call(llm)
    llm.cancel()
    assert repr(llm) == f"<LLM {str(tiny_model)!r} closed>"
