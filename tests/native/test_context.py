"""A context driven directly, below ``LLM``."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cyllama_jupyter import LLM, DecodeAborted, DecodeError, LlamaContext
from cyllama_jupyter._native.cancel import LoadState
from cyllama_jupyter._native.model import LlamaModel
from cyllama_jupyter._native.sampler import LlamaSampler


def load(path: Path) -> LlamaModel:
    return LlamaModel(str(path).encode(), n_gpu_layers=0, main_gpu=0, split_mode=1, tensor_split=(), state=LoadState())


def make_context(model: LlamaModel) -> LlamaContext:
    return LlamaContext(model, n_ctx=1024, n_batch=256, n_ubatch=64, n_threads=1, n_threads_batch=1)


def greedy(model: LlamaModel, context: LlamaContext, prompt: list[int], count: int) -> list[int]:
    sampler = LlamaSampler(model)
    sampler.add_greedy()
    context.clear()
    context.decode(prompt)
    tokens = []
    for _ in range(count):
        tokens.append(sampler.sample(context))
        context.decode(tokens[-1:])
    return tokens


@pytest.fixture
def model(tiny_model: Path) -> LlamaModel:
    return load(tiny_model)


@pytest.fixture
def context(model: LlamaModel) -> Iterator[LlamaContext]:
    context = make_context(model)
    yield context
    context.close()


PROMPT = list(range(100, 200))


def test_cancel_reads_and_writes_and_aborts_the_next_decode(model: LlamaModel, context: LlamaContext) -> None:
    expected = greedy(model, context, PROMPT, 8)
    context.clear()
    context.cancel = True
    assert context.cancel is True
    with pytest.raises(DecodeAborted):
        context.decode(PROMPT)
    assert not context.has_logits
    context.cancel = False
    assert context.cancel is False
    assert greedy(model, context, PROMPT, 8) == expected


def test_nothing_is_sampled_after_an_aborted_decode(model: LlamaModel, context: LlamaContext) -> None:
    sampler = LlamaSampler(model)
    sampler.add_greedy()
    context.decode(PROMPT)
    sampler.sample(context)
    context.cancel = True
    with pytest.raises(DecodeAborted):
        context.decode([5])
    with pytest.raises(DecodeError, match="no logits"):
        sampler.sample(context)


def test_an_abort_callback_adds_to_cancel(context: LlamaContext) -> None:
    asked = []

    def callback() -> bool:
        asked.append(1)
        return len(asked) > 10

    context.set_abort_callback(callback)
    with pytest.raises(DecodeAborted):
        context.decode(PROMPT)
    assert len(asked) == 11
    context.set_abort_callback(lambda: False)
    context.cancel = True
    with pytest.raises(DecodeAborted):
        context.decode(PROMPT)


def test_what_an_abort_callback_raises_is_raised_by_decode(context: LlamaContext) -> None:
    def callback() -> bool:
        raise ZeroDivisionError("mine")

    context.set_abort_callback(callback)
    with pytest.raises(ZeroDivisionError, match="mine"):
        context.decode(PROMPT)
    context.set_abort_callback(None)
    context.clear()
    context.decode(PROMPT)
    assert context.has_logits


def test_an_abort_callback_must_be_callable(context: LlamaContext) -> None:
    with pytest.raises(TypeError, match="must be callable"):
        context.set_abort_callback(3)  # type: ignore[arg-type]


def test_ctrl_c_ends_a_decode_on_the_main_thread(slow_model: Path) -> None:
    context = LlamaContext(load(slow_model), n_ctx=2048, n_batch=2048, n_ubatch=512, n_threads=1, n_threads_batch=1)

    def interrupt() -> None:
        while True:
            try:
                _ = context.n_past
            except RuntimeError:  # noqa: PERF203 - the context is in use: the decode runs
                os.kill(os.getpid(), signal.SIGINT)
                return

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        context.decode([7] * 2000)
    thread.join()
    assert context.n_past < 2000  # it came in the middle
    assert not context.has_logits
    context.decode([7])
    context.close()


def test_a_second_thread_is_refused_not_mixed_in(slow_model: Path) -> None:
    model = load(slow_model)
    context = LlamaContext(model, n_ctx=2048, n_batch=2048, n_ubatch=512, n_threads=1, n_threads_batch=1)
    inside = threading.Event()

    def report() -> bool:
        inside.set()
        return False

    def decode() -> None:
        with pytest.raises(DecodeAborted):
            context.decode([7] * 2000)

    context.set_abort_callback(report)
    thread = threading.Thread(target=decode)
    thread.start()
    assert inside.wait(60)
    for use in (context.clear, context.close, lambda: context.decode([1])):
        with pytest.raises(RuntimeError, match="is in use"):
            use()
    context.cancel = True
    thread.join(60)
    assert not thread.is_alive()
    context.cancel = False
    context.clear()
    context.close()
    model.close()


def test_the_document_s_example_4(tiny_llm: LLM) -> None:
    list(tiny_llm("warm up", stream=True))
    ctx = tiny_llm._ctx
    ctx.cancel = True
    assert ctx.cancel is True
    assert tiny_llm("a stale flag does not leak into the next call").finish_reason != "cancelled"
    assert ctx.cancel is False


@pytest.mark.parametrize("n_ubatch", [32, 128])
@pytest.mark.parametrize("n_threads", [1, 2])
def test_logits_do_not_depend_on_threads_ubatches_or_splits(model: LlamaModel, n_threads: int, n_ubatch: int) -> None:
    prompt = [(i * 7) % 256 for i in range(700)]
    whole = LlamaContext(model, n_ctx=1024, n_batch=1024, n_ubatch=512, n_threads=1, n_threads_batch=1)
    expected = greedy(model, whole, prompt, 32)
    other = LlamaContext(
        model, n_ctx=1024, n_batch=1024, n_ubatch=n_ubatch, n_threads=n_threads, n_threads_batch=n_threads
    )
    assert greedy(model, other, prompt, 32) == expected
    other.clear()
    for start in range(0, len(prompt), 300):
        other.decode(prompt[start : start + 300])
    sampler = LlamaSampler(model)
    sampler.add_greedy()
    assert sampler.sample(other) == expected[0]
