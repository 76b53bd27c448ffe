"""Calls below ``LLM`` on which llama.cpp would assert, or read freed memory: errors here, and the next call works."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cyllama_jupyter import ClosedError, ContextOverflow, DecodeError, LlamaContext, LlamaModel
from cyllama_jupyter._native import log
from cyllama_jupyter._native.cancel import LoadState
from cyllama_jupyter._native.sampler import LlamaSampler

LENGTHS: dict[str, Any] = {"n_ctx": 256, "n_batch": 32, "n_ubatch": 16, "n_threads": 1, "n_threads_batch": 1}


class Loaded(NamedTuple):
    model: LlamaModel
    context: LlamaContext
    sampler: LlamaSampler


def load(path: Path) -> LlamaModel:
    log.install()
    return LlamaModel(str(path).encode(), n_gpu_layers=0, main_gpu=0, split_mode=1, tensor_split=(), state=LoadState())


def greedy_sampler(model: LlamaModel) -> LlamaSampler:
    sampler = LlamaSampler(model)
    sampler.add_greedy()
    return sampler


@pytest.fixture
def loaded(tiny_model: Path) -> Iterator[Loaded]:
    model = load(tiny_model)
    context = LlamaContext(model, **LENGTHS)
    yield Loaded(model, context, greedy_sampler(model))
    context.close()
    model.close()


def answer(loaded: Loaded) -> list[int]:
    model, context, _ = loaded
    context.clear()
    context.decode([72, 101, 108])
    sampler = greedy_sampler(model)
    tokens = []
    for _ in range(8):
        tokens.append(sampler.sample(context))
        context.decode(tokens[-1:])
    return tokens


def fill(loaded: Loaded) -> None:
    for _ in range(9):
        loaded.context.decode([1] * 32)


def decode_and_clear(loaded: Loaded) -> None:
    loaded.context.decode([1])
    with pytest.raises(ValueError, match="got 0"):
        loaded.context.decode([])
    loaded.context.clear()
    loaded.sampler.sample(loaded.context)


def narrow_only(loaded: Loaded) -> None:
    sampler = LlamaSampler(loaded.model)
    sampler.add_top_k(5)
    loaded.context.decode([1])
    sampler.sample(loaded.context)


BAD_CALLS: dict[str, tuple[Callable[[Loaded], object], type[Exception], str]] = {
    "no tokens": (lambda it: it.context.decode([]), ValueError, "decode takes 1 to 32 tokens, got 0"),
    "too many tokens": (lambda it: it.context.decode([1] * 33), ValueError, "decode takes 1 to 32 tokens, got 33"),
    "a negative token": (lambda it: it.context.decode([-1]), ValueError, "token -1 is not in the vocabulary of 289"),
    "a token too large": (lambda it: it.context.decode([1, 289]), ValueError, "token 289 is not in the vocabulary"),
    "a token beyond C": (lambda it: it.context.decode([2**40]), OverflowError, "too large"),
    "text for tokens": (lambda it: it.context.decode("Hi"), TypeError, "an integer is required"),  # type: ignore[arg-type]
    "None for tokens": (lambda it: it.context.decode(None), TypeError, "not iterable"),  # type: ignore[arg-type]
    "a full context": (fill, ContextOverflow, "the prompt has 288 tokens but the context holds 256"),
    "nothing decoded": (lambda it: it.sampler.sample(it.context), DecodeError, "no logits to sample from"),
    "nothing left": (decode_and_clear, DecodeError, "no logits to sample from"),
    "a chain that never chooses": (narrow_only, ValueError, "the chain narrows and never chooses"),
    "the spelling of no token": (lambda it: it.model.token_to_piece(289), ValueError, "token 289 is not in the voc"),
    "the bytes of no token": (lambda it: it.model.token_to_piece(-1), ValueError, "token -1 is not in the voc"),
    "a model that is in use": (lambda it: it.model.close(), RuntimeError, "close the model's contexts before"),
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_a_bad_call_raises_and_harms_nothing(name: str, loaded: Loaded) -> None:
    bad_call, kind, message = BAD_CALLS[name]
    first = answer(loaded)
    loaded.context.clear()
    with pytest.raises(kind, match=message):
        bad_call(loaded)
    assert answer(loaded) == first


@pytest.mark.parametrize("name", LENGTHS)
@pytest.mark.parametrize("length", [0, -1])
def test_a_context_without_length_or_threads(name: str, length: int, loaded: Loaded) -> None:
    with pytest.raises(ValueError, match="must be 1 or more"):
        LlamaContext(loaded.model, **{**LENGTHS, name: length})
    assert loaded.model.open_contexts == 1


CLOSED_CONTEXT: list[Callable[[Loaded], object]] = [
    lambda it: it.context.decode([1]),
    lambda it: it.context.clear(),
    lambda it: it.context.n_past,
    lambda it: it.sampler.sample(it.context),
]

CLOSED_MODEL: list[Callable[[Loaded], object]] = [
    lambda it: it.model.tokenize(b"Hi", add_special=False, parse_special=False),
    lambda it: it.model.token_to_piece(1),
    lambda it: it.model.control_tokens(),
    lambda it: it.model.user_defined_tokens(),
    lambda it: it.model.chat_template(),
    lambda it: it.model.metadata("general.name"),
    lambda it: LlamaContext(it.model, **LENGTHS),
    lambda it: LlamaSampler(it.model),
    lambda it: it.sampler.add_penalties(64, 1.1, 0.0, 0.0),
    lambda it: it.sampler.add_dry(1.0, 1.75, 2, 64, ["\n"]),
    lambda it: it.sampler.add_mirostat(1, 5.0, 0.1),
    *(
        lambda it, name=name: getattr(it.model, name)
        for name in ("bos", "eos", "adds_bos", "n_vocab", "n_ctx_train", "n_bytes", "n_params", "description")
    ),
]


def test_what_is_closed_says_so(loaded: Loaded) -> None:
    loaded.context.decode([1])
    loaded.context.close()
    loaded.context.close()
    for bad_call in CLOSED_CONTEXT:
        with pytest.raises(ClosedError, match="the context is closed"):
            bad_call(loaded)
    assert not loaded.context.has_logits
    loaded.model.close()
    loaded.model.close()
    for bad_call in CLOSED_MODEL:
        with pytest.raises(ClosedError, match="the model is closed"):
            bad_call(loaded)


def test_a_sampler_and_a_context_of_different_models(loaded: Loaded, tiny_model: Path) -> None:
    sampler = greedy_sampler(load(tiny_model))
    loaded.context.decode([1])
    with pytest.raises(ValueError, match="the sampler and the context are of different models"):
        sampler.sample(loaded.context)


def test_a_context_and_a_sampler_keep_their_model(tiny_model: Path) -> None:
    model = load(tiny_model)
    context, sampler = LlamaContext(model, **LENGTHS), greedy_sampler(model)
    del model
    context.decode([1])
    assert sampler.sample(context) >= 0


def test_bytes_that_are_no_text_are_tokenized_all_the_same(loaded: Loaded) -> None:
    for text in (b"\xff\xfe", b"abc\xe2\x82", bytes(range(256)), b"\0"):
        assert loaded.model.tokenize(text, add_special=False, parse_special=True)
    assert loaded.model.tokenize(b"", add_special=False, parse_special=True) == []


def test_names_that_are_nowhere(loaded: Loaded) -> None:
    for name in ("", "nothing", "%s%n", "\ud83d", "x" * 100_000):
        assert loaded.model.metadata(name) is None
        assert loaded.model.chat_template(name) is None
