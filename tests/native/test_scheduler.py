"""A scheduler driven directly, below the engine's thread."""

from pathlib import Path

import pytest

from cyllama_jupyter import ClosedError, EngineBusy, LlamaContext
from cyllama_jupyter._native.cancel import CancelScope, LoadState
from cyllama_jupyter._native.model import LlamaModel
from cyllama_jupyter._native.request import Request
from cyllama_jupyter._native.sampler import LlamaSampler
from cyllama_jupyter._native.scheduler import Scheduler


@pytest.fixture
def model(tiny_model: Path) -> LlamaModel:
    state = LoadState()
    return LlamaModel(str(tiny_model).encode(), n_gpu_layers=0, main_gpu=0, split_mode=1, tensor_split=(), state=state)


@pytest.fixture
def scheduler(model: LlamaModel) -> Scheduler:
    context = LlamaContext(model, n_ctx=512, n_batch=256, n_ubatch=64, n_threads=1, n_threads_batch=1)
    return Scheduler(context, max_queued=4, stash_bytes=0, n_threads=1, n_threads_decode=1)


def request(model: LlamaModel, prompt: list[int]) -> Request:
    sampler = LlamaSampler(model)
    sampler.add_greedy()
    return Request(prompt, CancelScope().issue(), sampler, max_tokens=4)


def test_a_prompt_without_tokens_is_refused(model: LlamaModel, scheduler: Scheduler) -> None:
    with pytest.raises(ValueError, match="without a prompt"):
        scheduler.submit(request(model, []))


def test_what_is_open_at_the_stop_ends_as_closed(model: LlamaModel, scheduler: Scheduler) -> None:
    asked = request(model, [1, 2, 3])
    scheduler.submit(asked)
    scheduler.stop()
    scheduler.run()
    assert asked.done
    assert asked.outcome == "closed"
    assert scheduler.take_ended() == [asked]


def test_whoever_comes_after_the_close_is_refused_and_breaks_nothing(model: LlamaModel, scheduler: Scheduler) -> None:
    scheduler.stop()
    scheduler.run()
    scheduler.close()
    scheduler.close()
    scheduler.stop()
    assert scheduler.take_ended() == []
    with pytest.raises(ClosedError):
        scheduler.submit(request(model, [1, 2, 3]))
    with pytest.raises(ClosedError):
        scheduler.save()
    with pytest.raises(ClosedError):
        scheduler.run()


def test_several_are_taken_in_together_or_not_at_all(model: LlamaModel, scheduler: Scheduler) -> None:
    first = [request(model, [1, 2, 3]) for _ in range(3)]
    scheduler.submit(*first)
    assert scheduler.n_open == 3
    with pytest.raises(EngineBusy, match="does not take 4 more"):
        scheduler.submit(*(request(model, [1, 2, 3]) for _ in range(4)))  # one runs and four may wait
    with pytest.raises(ValueError, match="without a prompt"):
        scheduler.submit(request(model, [1, 2, 3]), request(model, []))
    twice = request(model, [1, 2, 3])
    with pytest.raises(ValueError, match="can be queued once"):
        scheduler.submit(twice, twice)
    assert scheduler.n_open == 3
    scheduler.stop()
    scheduler.run()
    assert scheduler.take_ended() == first
    assert scheduler.n_open == 0


def test_a_grammar_is_not_that_of_another_model(model: LlamaModel, tiny_model: Path) -> None:
    state = LoadState()
    other = LlamaModel(str(tiny_model).encode(), n_gpu_layers=0, main_gpu=0, split_mode=1, tensor_split=(), state=state)
    with pytest.raises(ValueError, match="different models"):
        LlamaSampler(model).constrain_as(LlamaSampler(other))
