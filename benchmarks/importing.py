"""What an import costs, each in a fresh interpreter."""

import statistics
import subprocess
import sys
import time

from benchmarks.figure import Figure

ROUNDS = 15
TIMED = "import time; t = time.perf_counter(); {}; print(time.perf_counter() - t)"


def measure() -> list[Figure]:
    """Time the package, the engine behind it, and Python itself, interleaved."""
    rounds = [
        (_import("import cyllama_jupyter"), _import("from cyllama_jupyter import LLM"), _start()) for _ in range(ROUNDS)
    ]
    package, engine, python = (1000 * statistics.median(times) for times in zip(*rounds, strict=True))
    note = f"median of {ROUNDS} fresh interpreters"
    return [
        Figure("import cyllama_jupyter", package, "ms", 100, note=note),
        Figure("from cyllama_jupyter import LLM, libllama included", engine, "ms", note=note),
        Figure("start and end of Python itself", python, "ms", note=f"{note}, `python -c pass`"),
    ]


def _import(statement: str) -> float:
    done = subprocess.run([sys.executable, "-c", TIMED.format(statement)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def _start() -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.perf_counter() - started
