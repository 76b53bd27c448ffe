"""One rule: a cancel hits every generation whose call was made before it, and none made after."""

import random
import threading
from pathlib import Path
from queue import SimpleQueue

import pytest

from cyllama_jupyter import LLM, Generation, GenerationConfig, LoadCancelled

GREEDY = GenerationConfig(max_tokens=24, temperature=0.0)
ENDLESS = GenerationConfig(max_tokens=1_000_000, temperature=0.0)


def wait_for_phase(generation: Generation, phase: str) -> None:
    while generation.progress.phase != phase and not generation.done():
        generation.wait(0.005)
    assert generation.progress.phase == phase


def test_a_cancel_ends_a_prefill_long_before_it_would_have_ended(slow_llm: LLM) -> None:
    generation = slow_llm.submit("word " * 1500)
    wait_for_phase(generation, "prefill")
    slow_llm.cancel()
    response = generation.result()
    assert response == ""
    assert response.finish_reason == "cancelled"
    assert generation.cancelled()
    assert generation.progress.prompt_tokens_read < generation.progress.prompt_tokens
    assert response.stats is not None
    assert (response.stats.prompt_tokens, response.stats.generated_tokens) == (
        generation.progress.prompt_tokens,
        0,
    )


def test_the_text_so_far_stays_and_the_next_answer_is_as_a_fresh_one(tiny_llm: LLM) -> None:
    expected = tiny_llm("Once upon a time", GREEDY)
    stream = tiny_llm("Once upon a time", ENDLESS, stream=True)
    pieces = [next(stream) for _ in range(5)]
    tiny_llm.cancel()
    pieces += list(stream)
    response = stream.result()
    assert response == "".join(pieces)
    assert response.finish_reason == "cancelled"
    assert response.stats is not None
    assert response.stats.generated_tokens >= 5
    assert response.stats.tokens_per_second > 0
    assert tiny_llm("Once upon a time", GREEDY) == expected


def test_a_cancel_hits_what_runs_and_what_waits_and_nothing_later(tiny_llm: LLM) -> None:
    before = [tiny_llm.submit("a", ENDLESS), tiny_llm("b", ENDLESS, stream=True), tiny_llm.submit("c", ENDLESS)]
    wait_for_phase(before[0], "decode")
    tiny_llm.cancel()
    after = tiny_llm.submit("d", GREEDY)
    assert [generation.result(60).finish_reason for generation in before] == ["cancelled"] * 3
    assert after.result(60).finish_reason == "length"


def test_a_stream_counts_from_its_call_not_from_its_first_next(tiny_llm: LLM) -> None:
    stream = tiny_llm("a", ENDLESS, stream=True)
    tiny_llm.cancel()
    assert "".join(stream) == stream.result()
    assert stream.result().finish_reason == "cancelled"


def test_a_cancel_while_idle_is_seen_until_the_next_call_and_does_not_hit_it(tiny_llm: LLM) -> None:
    tiny_llm("a", GREEDY)
    tiny_llm.cancel()
    assert tiny_llm.cancel_requested
    assert tiny_llm("a", GREEDY).finish_reason == "length"
    assert not tiny_llm.cancel_requested


def test_a_generation_cancelled_in_the_queue_is_done_at_once(slow_llm: LLM) -> None:
    running = slow_llm.submit("word " * 1500)
    wait_for_phase(running, "prefill")
    waiting = slow_llm.submit("word")
    told: list[Generation] = []
    waiting.add_done_callback(told.append)
    assert waiting.cancel()
    assert waiting.done()
    assert told == [waiting]
    assert not waiting.cancel()
    assert waiting.result().finish_reason == "cancelled"
    assert not running.done()
    running.cancel()


def test_a_cancel_of_the_whole_model_reaches_the_queue_while_something_runs(tiny_llm: LLM) -> None:
    running = tiny_llm.submit("a", ENDLESS)
    waiting = tiny_llm.submit("b", ENDLESS)
    tiny_llm.cancel()
    assert waiting.result(60).finish_reason == "cancelled"
    assert running.result(60).finish_reason == "cancelled"


def test_cancelling_one_generation_leaves_the_others_alone(tiny_llm: LLM) -> None:
    first = tiny_llm.submit("a", GREEDY)
    second = tiny_llm.submit("b", ENDLESS)
    third = tiny_llm.submit("c", GREEDY)
    second.cancel()
    assert [first.result(60).finish_reason, third.result(60).finish_reason] == ["length", "length"]
    assert second.result(60).finish_reason == "cancelled"


def test_ctx_cancel_hits_what_runs_and_not_what_waits(tiny_model: Path) -> None:
    with LLM(tiny_model, n_parallel=1) as llm:
        running = llm.submit("a", ENDLESS)
        waiting = llm.submit("b", GREEDY)
        wait_for_phase(running, "decode")
        llm._ctx.cancel = True
        assert running.result(60).finish_reason == "cancelled"
        assert waiting.result(60).finish_reason == "length"


def test_a_dropped_or_closed_stream_is_cancelled(tiny_llm: LLM) -> None:
    dropped = tiny_llm("a", ENDLESS, stream=True)
    run = dropped._run
    del dropped
    closed = tiny_llm("a", ENDLESS, stream=True)
    next(closed)
    closed.close()
    with tiny_llm("a", ENDLESS, stream=True) as left:
        next(left)
    assert closed.result(60).finish_reason == "cancelled"
    assert left.result(60).finish_reason == "cancelled"
    assert run.response is not None
    assert run.response.finish_reason == "cancelled"


def test_a_dropped_generation_with_a_done_callback_goes_on(tiny_llm: LLM) -> None:
    told: SimpleQueue[Generation] = SimpleQueue()
    tiny_llm.submit("a", GREEDY).add_done_callback(told.put)
    assert told.get(timeout=60).result().finish_reason == "length"


def cancel_at_random(llm: LLM, count: int, expected: str) -> int:
    """Cancel ``count`` generations, each from another thread at a random moment, and return how many were hit."""
    moment = random.Random(count)
    hit = 0
    for _ in range(count):
        generation = llm.submit("Once upon a time " * 60, ENDLESS)
        timer = threading.Timer(moment.uniform(0, 0.03), llm.cancel)
        timer.start()
        response = generation.result(timeout=60)
        timer.join()
        assert response.finish_reason == "cancelled"
        assert generation.text == response
        hit += 1
        assert llm("Once upon a time", GREEDY) == expected
    return hit


def test_cancels_at_random_moments(tiny_llm: LLM) -> None:
    assert cancel_at_random(tiny_llm, 60, tiny_llm("Once upon a time", GREEDY)) == 60


@pytest.mark.accept
def test_500_cancels_at_random_moments(tiny_llm: LLM) -> None:
    assert cancel_at_random(tiny_llm, 500, tiny_llm("Once upon a time", GREEDY)) == 500


def test_a_cancel_from_many_threads_at_once(tiny_llm: LLM) -> None:
    for _ in range(10):
        generation = tiny_llm.submit("a", ENDLESS)
        threads = [threading.Thread(target=target) for target in (tiny_llm.cancel, generation.cancel) * 4]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert generation.result(60).finish_reason == "cancelled"


def test_a_load_is_cancelled_by_its_progress_callback(slow_model: Path) -> None:
    seen: list[float] = []

    def stop(fraction: float) -> bool:
        seen.append(fraction)
        return False

    with pytest.raises(LoadCancelled):
        LLM(slow_model, on_progress=stop)
    assert len(seen) == 1
    with LLM(slow_model, on_progress=seen.append) as llm:
        assert llm("a", GenerationConfig(max_tokens=1)).finish_reason == "length"
    assert seen[-1] == 1.0
    assert all(0.0 <= fraction <= 1.0 for fraction in seen)
