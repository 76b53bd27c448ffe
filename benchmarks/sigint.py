"""Ctrl-C mid-prefill, ours and the peers', with everyone's default batch.

From SIGINT until the call has returned and one for a single token after it too: then the engine is ready again.
"""

import statistics
import time
from pathlib import Path

from benchmarks import models
from benchmarks.contestants import Contestant, equal, running
from benchmarks.figure import Figure
from benchmarks.models import OPENING, prose
from benchmarks.peers import CYLLAMA

PRESSES = 3
WORDS = 1_900
AFTER = 0.3
N_BATCH = {"ours": 2048, "llama-cpp-python": 512, f"cyllama {CYLLAMA}": 2048}
MODES = {f"cyllama {CYLLAMA}": "interrupted"}


def measure() -> list[Figure]:
    """Interrupt each on SmolLM2."""
    return [_interrupted(name, models.smollm2()) for name in N_BATCH]


def _interrupted(name: str, model: Path) -> Figure:
    title = f"SIGINT mid-prefill to ready, {name}, median"
    with running(model, equal()._replace(n_ctx=4096, n_batch=N_BATCH[name]), (name,)) as field:
        if name in field.missing:
            return Figure(title, None, "s", note=field.missing[name])
        contestant = field.here[name]
        mode = MODES.get(name, "call")
        full = contestant.generate(prose(0, WORDS), 1, mode)
        times = [_press(contestant, prose(1 + press, WORDS), mode) for press in range(PRESSES)]
    prefill = f"a prefill of {full.prompt_tokens:,} tokens, {full.seconds:.1f} s when left alone"
    note = f"{PRESSES} presses {AFTER} s into {prefill}"
    return Figure(title, statistics.median(times), "s", note=note)


def _press(contestant: Contestant, prompt: str, mode: str) -> float:
    contestant.request(prompt, 1, mode)
    time.sleep(AFTER)
    pressed = time.perf_counter()
    contestant.interrupt()
    contestant.answer()
    contestant.generate(OPENING, 1, mode)
    return time.perf_counter() - pressed
