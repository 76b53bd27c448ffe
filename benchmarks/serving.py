"""How soon the engine is idle when a server's client hangs up mid-prefill: docs/serving.md under uvicorn."""

import statistics

from benchmarks import models
from benchmarks.figure import Figure
from tests.examples.serving import Served, hang_up_mid_prefill

ROUNDS = 20
FORMS = ("Several clients", "One client")


def measure() -> list[Figure]:
    """Hang up on both of the documented forms."""
    return [figure for form in FORMS for figure in _hang_ups(form)]


def _hang_ups(form: str) -> list[Figure]:
    with Served(form, models.smollm2()) as served:
        prompts = (f"{round_} " + "word " * 4000 for round_ in range(ROUNDS))
        seconds = [hang_up_mid_prefill(served, prompt)[1] for prompt in prompts]
    idle = [1000 * each for each in seconds]
    note = f"{ROUNDS} hang-ups in prompts of 4,000 tokens, SmolLM2; idle: its generation has ended"
    name = f"hang-up of a client mid-prefill to idle, {form.lower()}"
    return [
        Figure(f"{name}, median", statistics.median(idle), "ms", note=note),
        Figure(f"{name}, worst", max(idle), "ms", 200, note=note),
    ]
