"""How soon a load that is cancelled is over, and that it leaves nothing behind."""

import statistics
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.figure import Figure, percentile
from cyllama_jupyter import LLM, LoadCancelled
from tests.tiny_models import write_1b

ROUNDS = 30
MEBIBYTE = 2**20


def measure() -> list[Figure]:
    """Cancel loads of a 1 GB model at growing moments."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_1b(Path(folder) / "1b.gguf")
        full = _full_load(path)
        latencies = [_cancelled_load(path, full * round_ / ROUNDS) for round_ in range(ROUNDS)]
        before = psutil.Process().memory_info().rss
        for round_ in range(ROUNDS):
            _cancelled_load(path, full * round_ / ROUNDS)
        grown = (psutil.Process().memory_info().rss - before) / MEBIBYTE
    note = f"{len(latencies)} of {ROUNDS} loads of a 1.0 GB model, {full:.2f} s each when left alone"
    hit = [latency for latency in latencies if latency is not None]
    return [
        Figure("cancel of a load to LoadCancelled, median", statistics.median(hit), "s", 0.2, note=note),
        Figure("cancel of a load to LoadCancelled, p95", percentile(hit, 95), "s", 0.2, note=note),
        Figure(f"memory that {ROUNDS} cancelled loads leave behind", grown, "MiB", 5.0, note="resident set"),
    ]


def _full_load(path: Path) -> float:
    started = time.perf_counter()
    LLM(path).close()
    return time.perf_counter() - started


def _cancelled_load(path: Path, moment: float) -> float | None:
    """Cancel a load ``moment`` seconds after its start; return how long it then took to end, None if it had ended."""
    started = time.perf_counter()
    cancelled = 0.0

    def stop(_: float) -> bool:
        nonlocal cancelled
        cancelled = time.perf_counter()
        return cancelled - started < moment

    try:
        LLM(path, on_progress=stop).close()
    except LoadCancelled:
        return time.perf_counter() - cancelled
    return None
