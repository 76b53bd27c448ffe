"""From a cancel, or a Ctrl-C, to everything being ready again."""

import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pexpect

from benchmarks.figure import Figure, percentile
from cyllama_jupyter import LLM, Generation, GenerationConfig
from tests.examples.test_readme import UNINTERRUPTED, WATCH, example
from tests.kernel.client import running_kernel
from tests.tiny_models import write_1b

CANCELS = 40
CTRL_CS = 7
INTERRUPTS = 10
LONG_PROMPT = "word " * 4000
"""4,001 tokens of SmolLM2."""


def measure() -> list[Figure]:
    """Cancel prefills from a thread, from a terminal and from a front end."""
    with tempfile.TemporaryDirectory() as folder:
        big = _prefill_cancels(write_1b(Path(folder) / "1b.gguf"), "1B Q8_0")
    return [*_prefill_cancels(None, "SmolLM2"), *big, *_decode_cancels(), *_ctrl_c(), *_interrupts()]


def _cancel_after(generation: Generation, seconds: float) -> float:
    """Cancel a generation that runs; return the seconds from the cancel until the engine was done with it."""
    while generation.progress.phase == "queued":
        generation.wait(0.001)
    threading.Event().wait(seconds)
    cancelled = time.perf_counter()
    generation.cancel()
    generation.result()
    return 1000 * (time.perf_counter() - cancelled)


def _prefill_cancels(path: Path | None, name: str) -> list[Figure]:
    with LLM(path) as llm:
        prompt = LONG_PROMPT[: 5 * (llm.n_ctx // 8)]
        latencies = [_cancel_after(llm.submit(prompt), 0.05 + 0.02 * round_) for round_ in range(CANCELS)]
    note = f"{CANCELS} cancels by Generation.cancel()"
    return [
        Figure(f"cancel to idle, mid-prefill, {name}, median", statistics.median(latencies), "ms", note=note),
        Figure(f"cancel to idle, mid-prefill, {name}, p95", percentile(latencies, 95), "ms", note=note),
    ]


def _decode_cancels() -> list[Figure]:
    config = GenerationConfig(max_tokens=100_000, temperature=0.0)
    with LLM() as llm:
        latencies = [_cancel_after(llm.submit("word", config), 0.1) for _ in range(CANCELS)]
    note = f"{CANCELS} cancels, SmolLM2"
    return [Figure("cancel to idle, while generating, p95", percentile(latencies, 95), "ms", note=note)]


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
