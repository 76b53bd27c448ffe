"""What showing the text costs: a ``%%llm`` cell beside the bare engine, in one kernel, interleaved."""

import statistics

from benchmarks.figure import Figure
from tests.kernel.client import Kernel, running_kernel

ROUNDS = 9
PROMPT = "Write a long story about a lighthouse keeper and the sea."
SETTINGS = "max_tokens=256, temperature=0.0"

PREPARE = f"""
from cyllama_jupyter import GenerationConfig
from cyllama_jupyter.notebook import magics
llm = next(iter(magics._registered.values()))._session.shelf.current
config = GenerationConfig({SETTINGS})
def bare():
    return llm.chat([{{"role": "user", "content": {PROMPT!r}}}], config).stats.tokens_per_second
"""
CELL = f"%%llm --max-tokens 256 --temperature 0\n{PROMPT}"


def measure() -> list[Figure]:
    """Generate the same answer in turn, shown and not."""
    with running_kernel() as kernel:
        model = kernel.value("__import__('cyllama_jupyter.models', fromlist='x').resolve_model()")
        kernel.run(f"%llm load {model.removeprefix('PosixPath(').removesuffix(')')}")
        kernel.run(PREPARE)
        pairs = [_pair(kernel) for _ in range(ROUNDS + 1)][1:]  # the first warms up
    bare = statistics.median(pair[0] for pair in pairs)
    cell = statistics.median(pair[1] for pair in pairs)
    ratio = statistics.median(shown / alone for alone, shown in pairs)
    note = f"median of {ROUNDS} interleaved pairs of 256 tokens, SmolLM2; bare {bare:.0f}, %%llm {cell:.0f} tokens/s"
    return [Figure("tokens/s in %%llm over the bare engine", ratio, "ratio", 0.97, higher_is_better=True, note=note)]


def _pair(kernel: Kernel) -> tuple[float, float]:
    alone = float(kernel.value("bare()"))
    kernel.run(CELL)
    return alone, float(kernel.value("_llm.stats.tokens_per_second"))
