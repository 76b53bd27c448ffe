"""How many threads llama.cpp gets."""

import os

import psutil

__all__ = ["decode_threads", "prefill_threads"]

AUTO = -1
LONG_STEP = 64
"""Prompt tokens from which on all cores are worth their risk."""


def decode_threads(n_threads: int | None) -> int:
    """Return the threads for generating: all physical cores but one, unless a number is given.

    ggml's threads spin at a barrier after every graph node, so one that loses its core stalls all others; the
    notebook, its browser and the person's own Python need a core.
    """
    return max(1, _physical_cores() - 1) if n_threads in (None, AUTO) else n_threads


def prefill_threads(n_threads_batch: int | None, n_tokens: int = LONG_STEP) -> int:
    """Return the threads for reading a prompt: all physical cores, unless a number is given or the step is short.

    With another process on its core a four-token prompt took 0.2 to 4 s on two threads and 0.03 s on one; the second
    thread could have saved 9 ms.

    Args:
        n_threads_batch: The person's number; None or -1 leaves it to us.
        n_tokens: Length of the step in tokens.
    """
    if n_threads_batch not in (None, AUTO):
        return n_threads_batch
    return _physical_cores() if n_tokens >= LONG_STEP else decode_threads(AUTO)


def _physical_cores() -> int:
    physical = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else physical
    return min(physical, usable)
