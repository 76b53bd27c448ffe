"""The far end of a contestant: each line ``MODE TOKENS PROMPT`` is answered by a line of JSON.

It runs under the interpreters of other packages too, so it imports nothing but the standard library.
"""

import json
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

__all__ = ["Counts", "Settings", "arguments", "serve"]


class Settings(NamedTuple):
    """What all contestants share; 0 threads leave the choice to the contestant."""

    n_ctx: int = 2048
    n_batch: int = 2048
    n_ubatch: int = 512
    n_threads: int = 0
    n_threads_batch: int = 0
    n_parallel: int = 1
    flash_attn: int = 0


class Counts(NamedTuple):
    """How many tokens one call had; ``stats_rate`` is the contestant's own word on its tokens/s, where it has one."""

    prompt_tokens: int
    tokens: int
    stats_rate: float = 0.0


Generate = Callable[[str, int], Counts]


def arguments() -> tuple[str, Settings]:
    """Return the model's path and the settings from the command line."""
    return sys.argv[1], Settings(*map(int, sys.argv[2:]))


def serve(modes: Mapping[str, Generate]) -> None:
    """Answer requests until stdin ends.

    Args:
        modes: What each mode calls, with the prompt and the number of tokens to generate.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have left it ignored
    _reply({"ready": True})
    for line in sys.stdin:
        mode, tokens, prompt = line.rstrip("\n").split(" ", 2)
        _reply(_timed(modes[mode], prompt, int(tokens)))


def _timed(generate: Generate, prompt: str, tokens: int) -> dict[str, float]:
    started = time.perf_counter()
    try:
        counts = generate(prompt, tokens)
    except KeyboardInterrupt:
        counts = Counts(0, 0)
    return {**counts._asdict(), "seconds": time.perf_counter() - started}


def _reply(answer: Mapping[str, float]) -> None:
    print(json.dumps(answer), flush=True)
