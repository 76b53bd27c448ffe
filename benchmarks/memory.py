"""What many generations that are cancelled leave behind, in a process of its own: ``python -m benchmarks.memory``."""

import gc
import json
import random
import subprocess
import sys

import psutil

from benchmarks.figure import Figure
from benchmarks.models import prose
from benchmarks.peers import ROOT
from cyllama_jupyter import LLM, GenerationConfig

WARM_UP = 100
ROUNDS = 1_000
LONGEST = 16
MEBIBYTE = 2**20


def measure() -> list[Figure]:
    """Generate and cancel on SmolLM2."""
    command = [sys.executable, "-m", "benchmarks.memory"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    grown, cancelled = json.loads(done.stdout)
    note = (
        f"resident set after {ROUNDS:,} rounds on SmolLM2, {cancelled:,} cancelled in time, after {WARM_UP} to warm up"
    )
    return [Figure("memory that generating and cancelling leaves behind", grown, "MiB", 5.0, note=note)]


def _generate_and_cancel(llm: LLM, seed: int) -> bool:
    """Cancel at a token that is drawn; return whether the cancel came in time."""
    choose = random.Random(seed)
    generation = llm.submit(
        prose(seed, choose.randint(1, 8)), GenerationConfig(max_tokens=2 * LONGEST, temperature=0.0)
    )
    token = choose.randint(0, LONGEST)
    while generation.progress.generated_tokens < token and not generation.done():
        generation.wait(0.001)
    generation.cancel()
    return generation.result().finish_reason == "cancelled"


def _resident() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)


def main() -> None:
    """Print the growth in MiB, and how many rounds were cancelled."""
    with LLM() as llm:
        for seed in range(WARM_UP):
            _generate_and_cancel(llm, seed)
        before = _resident()
        cancelled = sum(_generate_and_cancel(llm, WARM_UP + seed) for seed in range(ROUNDS))
        print(json.dumps([(_resident() - before) / MEBIBYTE, cancelled]))


if __name__ == "__main__":
    main()
