"""Load damaged models and generate from each, in a process that may die: ``model_probe.py MODEL... < seeds``."""

import resource
import sys
from pathlib import Path

from cyllama_jupyter import LLM, CyllamaError, GenerationConfig
from tests.robustness.deaths import watched
from tests.robustness.gguf_mutations import layout, mutate

MEMORY = 24 * 2**30
"""Bytes of address space: what a damaged file asks for must not take the machine down."""


def outcome(path: Path) -> str:
    """Load a model, generate from it, and return what came of it."""
    try:
        with LLM(path, n_threads=1, n_threads_batch=1) as llm:
            llm("Hello you", GenerationConfig(max_tokens=8, temperature=0.0))
            llm("Hello me and you", GenerationConfig(max_tokens=4, temperature=0.0))
    except CyllamaError as error:
        return type(error).__name__
    return "an answer"


def main(models: list[Path]) -> None:
    """Do what the seeds on stdin say; a line before and a line after each."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    goods = [model.read_bytes() for model in models]
    wheres = [layout(good) for good in goods]
    scratch = models[0].with_name(f"{models[0].stem}-damaged.gguf")
    for line in sys.stdin:
        seed = int(line)
        which = seed % len(goods)
        done, damaged = mutate(goods[which], wheres[which], seed)
        print(f"{seed}\t{models[which].stem}\t{done}", end="\t", flush=True)
        scratch.write_bytes(damaged)
        with watched():
            print(outcome(scratch), flush=True)


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
