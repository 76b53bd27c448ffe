"""Adapters below ``LLM``: who keeps them, and calls that would read freed memory."""

import gc
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cyllama_jupyter import ClosedError, LlamaContext, LlamaModel, LoadError
from cyllama_jupyter._native.adapter import LlamaAdapter, apply
from cyllama_jupyter._native.sampler import LlamaSampler
from tests.native.test_bad_calls import LENGTHS, load
from tests.tiny_models import write_lora


class Loaded(NamedTuple):
    model: LlamaModel
    context: LlamaContext
    adapter: LlamaAdapter
    path: Path


@pytest.fixture
def loaded(tiny_model: Path, tmp_path: Path) -> Iterator[Loaded]:
    model, path = load(tiny_model), write_lora(tmp_path / "lora.gguf", tiny_model)
    adapter = LlamaAdapter(model, str(path).encode())
    context = LlamaContext(model, **LENGTHS)
    yield Loaded(model, context, adapter, path)
    context.close()
    adapter.close()
    model.close()


def answer(loaded: Loaded) -> list[int]:
    context = loaded.context
    context.clear()
    sampler = LlamaSampler(loaded.model)
    sampler.add_greedy()
    context.decode([72, 101, 108])
    tokens = []
    for _ in range(8):
        tokens.append(sampler.sample(context))
        context.decode(tokens[-1:])
    return tokens


def another(loaded: Loaded) -> LlamaAdapter:
    return LlamaAdapter(loaded.model, str(loaded.path).encode())


def of_another_model(loaded: Loaded, tiny_model: Path) -> None:
    model = load(tiny_model)
    apply(loaded.context, [LlamaAdapter(model, str(loaded.path).encode())], [1.0])


def closed(loaded: Loaded) -> None:
    adapter = another(loaded)
    adapter.close()
    apply(loaded.context, [adapter], [1.0])


def on_a_closed_context(loaded: Loaded) -> None:
    context = LlamaContext(loaded.model, **LENGTHS)
    context.close()
    apply(context, [loaded.adapter], [1.0])


BAD_CALLS: dict[str, tuple[Callable[[Loaded], Any], type[Exception], str]] = {
    "no file": (lambda it: LlamaAdapter(it.model, b"nothing.gguf"), LoadError, "could not load the adapter"),
    "no model": (lambda it: LlamaAdapter(None, bytes(it.path)), TypeError, "got NoneType"),  # type: ignore[arg-type]
    "no context": (lambda it: apply(None, [it.adapter], [1.0]), TypeError, "got NoneType"),  # type: ignore[arg-type]
    "None": (lambda it: apply(it.context, [None], [1.0]), TypeError, "None is no adapter"),  # type: ignore[list-item]
    "something else": (lambda it: apply(it.context, [it.path], [1.0]), TypeError, "LlamaAdapter"),  # type: ignore[list-item]
    "no scale": (lambda it: apply(it.context, [it.adapter], []), ValueError, "1 adapters, each once, need as many"),
    "twice": (lambda it: apply(it.context, [it.adapter] * 2, [1.0, 1.0]), ValueError, "2 adapters, each once"),
    "closed": (closed, ClosedError, "the adapter is closed"),
    "a closed context": (on_a_closed_context, ClosedError, "the context is closed"),
    "its model closed": (lambda it: it.model.close(), RuntimeError, "close the model's contexts before"),
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_a_bad_call_raises_and_harms_nothing(name: str, loaded: Loaded) -> None:
    bad_call, kind, message = BAD_CALLS[name]
    apply(loaded.context, [loaded.adapter], [1.0])
    first = answer(loaded)
    with pytest.raises(kind, match=message):
        bad_call(loaded)
    assert answer(loaded) == first


def test_an_adapter_of_another_model(loaded: Loaded, tiny_model: Path) -> None:
    with pytest.raises(ValueError, match="changes the model that it was loaded for, and no other"):
        of_another_model(loaded, tiny_model)


def test_others_take_their_place(loaded: Loaded) -> None:
    bare = answer(loaded)
    apply(loaded.context, [loaded.adapter], [1.0])
    changed = answer(loaded)
    apply(loaded.context, [another(loaded)], [1.0])
    assert loaded.model.open_adapters == 1, "the first one was closed"
    assert answer(loaded) == changed != bare
    apply(loaded.context, [], [])
    assert loaded.model.open_adapters == 0
    assert answer(loaded) == bare


def test_the_last_context_closes_it(loaded: Loaded) -> None:
    model, context, adapter, _ = loaded
    second = LlamaContext(model, **LENGTHS)
    for each in (context, second):
        apply(each, [adapter], [1.0])
    with pytest.raises(RuntimeError, match="close the contexts that use the adapter before it"):
        adapter.close()
    context.close()
    assert model.open_adapters == 1
    second.close()
    assert model.open_adapters == 0


def test_an_open_adapter_keeps_its_model(tiny_model: Path, tmp_path: Path) -> None:
    model = load(tiny_model)
    adapter = LlamaAdapter(model, str(write_lora(tmp_path / "lora.gguf", tiny_model)).encode())
    with pytest.raises(RuntimeError, match="close the model's adapters before the model"):
        model.close()
    adapter.close()
    adapter.close()
    model.close()
    with pytest.raises(ClosedError):
        LlamaAdapter(model, b"a")


def test_garbage_in_a_circle_is_freed_in_order(tiny_model: Path, tmp_path: Path) -> None:
    class Owner:
        """Something that the garbage collector alone can free."""

    path = str(write_lora(tmp_path / "lora.gguf", tiny_model)).encode()
    owner: Any = Owner()
    owner.model = load(tiny_model)
    owner.adapter = LlamaAdapter(owner.model, path)
    owner.context = LlamaContext(owner.model, **LENGTHS)
    apply(owner.context, [owner.adapter], [1.0])
    owner.context.decode([1, 2, 3])
    owner.itself = owner
    gone = weakref.ref(owner)
    del owner
    gc.collect()
    assert gone() is None
