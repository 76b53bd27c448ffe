"""How many threads llama.cpp may use."""

import os

import psutil

from cyllama_jupyter.engine.container import cpu_quota

__all__ = ["AUTO", "fixed", "most_threads"]

AUTO = "auto"
"""The governor chooses, by what it measures; so do None and cyllama's -1."""


def fixed(n_threads: int | str | None) -> int:
    """Return the number that was set, or 0 where the governor chooses."""
    return n_threads if isinstance(n_threads, int) and n_threads > 0 else 0


def most_threads() -> int:
    """Return the physical cores that this process may use, in a container with a quota no more than that.

    More threads than that never help: ggml's spin at a barrier after every graph node.
    """
    physical = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else physical
    return min(physical, usable, cpu_quota() or physical)
