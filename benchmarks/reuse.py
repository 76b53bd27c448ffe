"""Work that is not repeated: the second turn of a long chat, and a prefill that goes on where a cancel stopped it."""

import statistics
import time

from benchmarks.figure import Figure
from benchmarks.models import prose
from cyllama_jupyter import LLM, GenerationConfig, Progress, Response

TURNS = 5
RESUMES = 4
WORDS = 2_950
STOP_AT = 0.8
ANSWER = GenerationConfig(max_tokens=16, temperature=0.0)
PREFILL = GenerationConfig(max_tokens=1, temperature=0.0)


def measure() -> list[Figure]:
    """Measure both on SmolLM2; every round has a text of its own."""
    with LLM(n_ctx=4096) as llm:
        llm(prose(0, 50), PREFILL)  # warms up
        return [_second_turn(llm), _resumed(llm)]


def _second_turn(llm: LLM) -> Figure:
    rounds = [_two_turns(llm, seed) for seed in range(1, TURNS + 1)]
    _, first, last = rounds[-1]
    note = (
        f"median of {TURNS} chats, a first turn of {_stat(first, 'prompt_tokens'):,.0f} tokens in "
        f"{_stat(first, 'prompt_time'):.1f} s; the second reused {_stat(last, 'reused_tokens'):,.0f} "
        f"of {_stat(last, 'prompt_tokens'):,.0f}"
    )
    ratio = statistics.median(ratio for ratio, *_ in rounds)
    return Figure("time to first token, second turn of a chat ÷ first", ratio, "ratio", 0.05, note=note)


def _two_turns(llm: LLM, seed: int) -> tuple[float, Response, Response]:
    messages = [{"role": "user", "content": prose(seed, WORDS)}]
    first_time, first = _turn(llm, messages)
    messages += [{"role": "assistant", "content": first.text}, {"role": "user", "content": "Go on."}]
    second_time, second = _turn(llm, messages)
    return second_time / first_time, first, second


def _turn(llm: LLM, messages: list[dict[str, str]]) -> tuple[float, Response]:
    """Return the seconds from the call to the first text, and the answer."""
    started = time.perf_counter()
    with llm.chat(messages, ANSWER, stream=True) as generation:
        next(generation, "")
        seconds = time.perf_counter() - started
        return seconds, generation.result()


def _resumed(llm: LLM) -> Figure:
    rounds = [_stop_and_resume(llm, seed) for seed in range(101, 101 + RESUMES)]
    _, full, resumed = rounds[-1]
    note = (
        f"median of {RESUMES} prompts of {_stat(resumed, 'prompt_tokens'):,.0f} tokens stopped at {STOP_AT:.0%}, each "
        f"beside one left alone ({full:.1f} s); the last reused {_stat(resumed, 'reused_tokens'):,.0f}"
    )
    ratio = statistics.median(ratio for ratio, *_ in rounds)
    return Figure("time of a prefill resumed after a cancel ÷ full prefill", ratio, "ratio", 0.25, note=note)


def _stop_and_resume(llm: LLM, seed: int) -> tuple[float, float, Response]:
    full, _ = _timed(llm, prose(2 * seed, WORDS))
    prompt = prose(2 * seed + 1, WORDS)
    stopped = llm.submit(prompt, PREFILL)
    while not _is_far(stopped.progress):
        stopped.wait(0.001)
    stopped.cancel()
    if stopped.result().finish_reason != "cancelled":
        raise RuntimeError("the prefill was over before the cancel")
    again, resumed = _timed(llm, prompt)
    return again / full, full, resumed


def _is_far(progress: Progress) -> bool:
    return progress.prompt_tokens_read >= STOP_AT * progress.prompt_tokens


def _timed(llm: LLM, prompt: str) -> tuple[float, Response]:
    started = time.perf_counter()
    response = llm(prompt, PREFILL)
    return time.perf_counter() - started, response


def _stat(response: Response, name: str) -> float:
    value: float = response.to_dict()["stats"][name]
    return value
