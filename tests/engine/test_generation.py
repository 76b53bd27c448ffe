"""The handle of one generation, and calling a model."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

import pytest

from cyllama_jupyter import LLM, Generation, GenerationConfig, Phase, Response

GREEDY = GenerationConfig(max_tokens=24, temperature=0.0)
ENDLESS = GenerationConfig(max_tokens=1_000_000, temperature=0.0)


def test_a_call_gives_a_response_with_its_figures(tiny_llm: LLM) -> None:
    response = tiny_llm("Once upon a time", GREEDY)
    assert isinstance(response, Response)
    assert response.finish_reason == "length"
    assert response.model == tiny_llm.model_path
    stats = response.stats
    assert stats is not None
    assert stats.prompt_tokens == len(
        tiny_llm._model.tokenize(b"Once upon a time", add_special=True, parse_special=True)
    )
    assert stats.generated_tokens == 24
    assert stats.prompt_time > 0
    assert stats.generation_time > 0
    assert stats.total_time >= stats.prompt_time + stats.generation_time
    assert stats.tokens_per_second == pytest.approx(24 / stats.generation_time)


def test_a_stream_is_its_own_iterator_and_gives_the_same_text(tiny_llm: LLM) -> None:
    stream = tiny_llm("Once upon a time", GREEDY, stream=True)
    assert isinstance(stream, Generation)
    assert iter(stream) is stream
    assert "".join(stream) == tiny_llm("Once upon a time", GREEDY) == stream.result()
    with pytest.raises(StopIteration):
        next(stream)


def test_on_token_runs_on_the_callers_thread(tiny_llm: LLM) -> None:
    heard: list[tuple[str, threading.Thread]] = []

    def on_token(text: str) -> None:
        heard.append((text, threading.current_thread()))

    response = tiny_llm("a", GREEDY, on_token=on_token)
    streamed = list(tiny_llm("a", GREEDY, stream=True, on_token=on_token))
    assert "".join(text for text, _ in heard) == response + "".join(streamed)
    assert {thread for _, thread in heard} == {threading.current_thread()}


def test_what_on_token_raises_reaches_the_caller_and_cancels(tiny_llm: LLM) -> None:
    def on_token(_: str) -> None:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        tiny_llm("a", ENDLESS, on_token=on_token)
    assert tiny_llm("a", GREEDY).finish_reason == "length"


def test_an_unread_stream_never_blocks_the_queue(tiny_llm: LLM) -> None:
    unread = tiny_llm("a", GenerationConfig(max_tokens=400, temperature=0.0), stream=True)
    assert tiny_llm("b", GREEDY).finish_reason == "length"
    assert unread.wait(60)
    assert "".join(unread) == unread.result()


def test_progress_goes_through_the_phases(slow_llm: LLM) -> None:
    first = slow_llm.submit("word " * 300, GREEDY)
    second = slow_llm.submit("word", GREEDY)
    assert second.progress.phase is Phase.QUEUED
    seen = {first.progress.phase}
    while not first.done():
        seen.add(first.progress.phase)
        first.wait(0.005)
    assert {Phase.PREFILL, Phase.DECODE} <= seen
    assert first.progress.phase is Phase.DONE
    assert first.progress.prompt_tokens_read == first.progress.prompt_tokens
    assert first.progress.generated_tokens == 24
    second.result()


def test_result_times_out_and_cancels_nothing(tiny_llm: LLM) -> None:
    generation = tiny_llm.submit("a", GenerationConfig(max_tokens=1500, temperature=0.0))
    with pytest.raises(TimeoutError, match=r"not done after 0\.001 s"):
        generation.result(timeout=0.001)
    with pytest.raises(TimeoutError):
        generation.exception(timeout=0)
    assert generation.result().finish_reason == "length"


def test_done_callbacks_run_once_each_even_late_and_may_fail(tiny_llm: LLM, caplog: pytest.LogCaptureFixture) -> None:
    told: SimpleQueue[str] = SimpleQueue()
    generation = tiny_llm.submit("a", GREEDY)

    def fail(_: Generation) -> None:
        raise ZeroDivisionError("mine")

    generation.add_done_callback(fail)
    generation.add_done_callback(lambda done: told.put(done.result().text))
    assert told.get(timeout=60) == generation.result()
    generation.add_done_callback(lambda done: told.put(done.result().text))
    assert told.get(timeout=60) == generation.text
    assert told.empty()
    assert "mine" in caplog.text


def test_many_threads_are_served_one_after_the_other(tiny_llm: LLM) -> None:
    prompts = [f"prompt number {i}" for i in range(8)]
    expected = [tiny_llm(prompt, GREEDY) for prompt in prompts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda prompt: tiny_llm(prompt, GREEDY), prompts)) == expected


def test_several_threads_may_wait_for_one_generation(tiny_llm: LLM) -> None:
    generation = tiny_llm.submit("a", GenerationConfig(max_tokens=300, temperature=0.0))
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: generation.result(60), range(4)))
    assert results == [generation.text] * 4


def test_the_context_s_end_is_a_length(tiny_llm: LLM) -> None:
    response = tiny_llm("a " * 100, ENDLESS)
    assert response.finish_reason == "length"
    assert response.stats is not None
    assert response.stats.prompt_tokens + response.stats.generated_tokens == tiny_llm.n_ctx + 1


def test_a_generation_keeps_its_model_alive(tiny_model: object) -> None:
    stream = LLM(str(tiny_model))("a", GREEDY, stream=True)
    assert "".join(stream) == stream.result()
    assert stream.result().finish_reason == "length"


def test_close_ends_what_runs_and_what_waits(tiny_model: object) -> None:
    llm = LLM(str(tiny_model))
    running, waiting = llm.submit("a", ENDLESS), llm.submit("b", ENDLESS)
    llm.close()
    llm.close()
    assert [running.result(60).finish_reason, waiting.result(60).finish_reason] == ["cancelled", "cancelled"]
    assert llm.closed


def test_a_done_callback_may_close_the_model(tiny_model: object) -> None:
    llm = LLM(str(tiny_model))
    llm.submit("a", GREEDY).add_done_callback(lambda _: llm.close())
    deadline = time.monotonic() + 60
    while not llm.closed:
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)
    llm.close()


def test_memory_of_a_dropped_model_is_freed(tiny_model: object) -> None:
    llm = LLM(str(tiny_model))
    engine = llm._engine
    del llm
    engine.join(60)
    assert not engine.alive
