"""From a cancel, or a Ctrl-C, to everything being ready again."""

import re
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import pexpect

from benchmarks import models, sigint, ubatch
from benchmarks.figure import Figure, percentile
from benchmarks.models import OPENING, prose
from cyllama_jupyter import LLM, Generation, GenerationConfig
from tests.examples.test_readme import UNINTERRUPTED, WATCH, example
from tests.kernel.client import running_kernel

CANCELS = 40
BIG_CANCELS = 100
MOMENTS = 80
CTRL_CS = 7
INTERRUPTS = 10
LONG_PROMPT = "word " * 4000
"""4,001 tokens of SmolLM2."""


def measure() -> list[Figure]:
    """Cancel from a thread, from a terminal and from a front end; then interrupt the peers."""
    return [
        *_prefill_cancels(None, "SmolLM2", CANCELS),
        *_prefill_cancels(models.big(), "1B Q8_0", BIG_CANCELS, goal=25),
        *ubatch.measure(),
        _decode_cancels(None, "SmolLM2"),
        _decode_cancels(models.big(), "1B Q8_0"),
        *_ctrl_c(),
        *_interrupts(),
        *sigint.measure(),
    ]


def _cancel_after(generation: Generation, seconds: float) -> float:
    """Cancel a generation that runs; return the milliseconds from the cancel until the engine was done with it."""
    while generation.progress.phase == "queued":
        generation.wait(0.001)
    threading.Event().wait(seconds)
    cancelled = time.perf_counter()
    generation.cancel()
    generation.result()
    return 1000 * (time.perf_counter() - cancelled)


def _prefill_cancels(path: Path | None, name: str, cancels: int, goal: float | None = None) -> list[Figure]:
    """Cancel at moments of the prefill's first second, each time in a new prompt, so that none goes on from another."""
    with LLM(path) as llm:
        latencies = [_cancel_prefill(llm, round_) for round_ in range(cancels)]
    note = f"{cancels} cancels by Generation.cancel()"
    return [
        Figure(f"cancel to idle, mid-prefill, {name}, median", statistics.median(latencies), "ms", note=note),
        Figure(f"cancel to idle, mid-prefill, {name}, p95", percentile(latencies, 95), "ms", goal, note=note),
    ]


def _cancel_prefill(llm: LLM, round_: int) -> float:
    # A word is one token of SmolLM2 and two or three of the test models; either prefill takes seconds.
    generation = llm.submit(prose(round_, llm.n_ctx // 4))
    latency = _cancel_after(generation, 0.05 + 0.01 * (round_ % MOMENTS))
    if generation.progress.generated_tokens:
        raise RuntimeError("the prefill was over before the cancel")
    return latency


def _decode_cancels(path: Path | None, name: str) -> Figure:
    """Cancel between tokens, beside the median time of a token of the same generations."""
    config = GenerationConfig(max_tokens=100_000, temperature=0.0)
    latencies, token_times = [], []
    with LLM(path) as llm:
        for _ in range(CANCELS):
            generation = llm.submit(OPENING, config)
            latencies.append(_cancel_after(generation, 0.2))
            stats = generation.result().stats
            if stats is None or not stats.generated_tokens:
                raise RuntimeError("nothing was generated before the cancel")
            token_times.append(1000 * stats.generation_time / stats.generated_tokens)
    token = statistics.median(token_times)
    note = f"{CANCELS} cancels; the goal is one token, {token:.1f} ms, and 2 ms"
    return Figure(
        f"cancel to idle, between tokens, {name}, p95", percentile(latencies, 95), "ms", round(token + 2, 1), note=note
    )


def _ctrl_c() -> list[Figure]:
    """Run the README's example under a pseudo-terminal and press Ctrl-C in its prefill."""
    model = Path(LLM().model_path)
    code = WATCH + example("Ctrl-C in a script, even mid-prefill", model) + UNINTERRUPTED
    times, prefills = zip(*(_one_ctrl_c(code) for _ in range(CTRL_CS)), strict=True)
    note = f"{CTRL_CS} times, a prefill of {statistics.median(prefills):.1f} s when left alone"
    return [
        Figure(
            "Ctrl-C in a terminal to the next line of the script, median",
            statistics.median(times),
            "s",
            0.15,
            note=note,
        ),
        Figure("Ctrl-C in a terminal to the next line of the script, worst", max(times), "s", 0.15, note=note),
    ]


def _one_ctrl_c(code: str) -> tuple[float, float]:
    child = pexpect.spawn(sys.executable, ["-c", code], timeout=120, encoding="utf-8", echo=False)
    child.expect_exact("DECODING")
    pressed = time.perf_counter()
    child.sendintr()
    child.expect_exact("-- back to normal --")
    took = time.perf_counter() - pressed
    child.expect(r"UNINTERRUPTED ([\d.]+)")
    prefill = float(child.match.group(1)) if isinstance(child.match, re.Match) else 0.0
    child.expect(pexpect.EOF)
    child.close()
    if child.exitstatus != 0:
        raise subprocess.CalledProcessError(child.exitstatus or 1, "the README's example")
    return took, prefill


def _interrupts() -> list[Figure]:
    """Press the front end's ■ in the prefill of a ``%%llm`` cell."""
    with running_kernel() as kernel:
        times = []
        for _ in range(INTERRUPTS):
            request, seen = kernel.run_until(f"%%llm\n{LONG_PROMPT}", lambda html: "reading the prompt" in html)
            pressed = time.perf_counter()
            kernel.interrupt()
            kernel.finish(request, seen)
            kernel.value("1 + 1")
            times.append(time.perf_counter() - pressed)
    note = f"{INTERRUPTS} prompts of 4,000 tokens, SmolLM2; ready: it has run the next cell"
    return [
        Figure("interrupt of a cell mid-prefill to the kernel ready, median", statistics.median(times), "s", note=note),
        Figure("interrupt of a cell mid-prefill to the kernel ready, worst", max(times), "s", note=note),
    ]
