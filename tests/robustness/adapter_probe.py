"""Load damaged adapters and generate with each, in a process that may die: ``adapter_probe.py PAIR... < seeds``.

A pair is the path of a model and that of an adapter for it, as two arguments. By turns that adapter's file is damaged,
or another is written that has something wrong with it.
"""

import resource
import sys
from pathlib import Path
from typing import NamedTuple

from cyllama_jupyter import LLM, CyllamaError, GenerationConfig
from tests.robustness.deaths import watched
from tests.robustness.gguf_mutations import Layout, layout, mutate
from tests.robustness.model_probe import MEMORY
from tests.robustness.wrong_adapters import Model, model_of, write_wrong


class Good(NamedTuple):
    """A model and an adapter that fits it."""

    path: Path
    model: Model
    adapter: bytes
    where: Layout


def write_bad(path: Path, good: Good, seed: int) -> str:
    """Write what is to be loaded, and return what was done."""
    if seed % 2:
        return write_wrong(path, good.model, seed)
    done, damaged = mutate(good.adapter, good.where, seed)
    path.write_bytes(damaged)
    return done


def outcome(model: Path, adapter: Path) -> str:
    """Load a model with an adapter, generate, and return what came of it."""
    try:
        with LLM(model, lora=adapter, n_threads=1, n_threads_batch=1) as llm:
            llm("Hello you", GenerationConfig(max_tokens=8, temperature=0.0))
            llm("Hello me and you", GenerationConfig(max_tokens=4, temperature=0.0))
    except (CyllamaError, UserWarning) as error:  # a warning is an error here
        return type(error).__name__
    return "an answer"


def main(paths: list[Path]) -> None:
    """Do what the seeds on stdin say; a line before and a line after each."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    files = [(model, adapter.read_bytes()) for model, adapter in zip(paths[::2], paths[1::2], strict=True)]
    goods = [Good(path, model_of(path), adapter, layout(adapter)) for path, adapter in files]
    scratch = paths[1].with_name(f"{paths[1].stem}-damaged.gguf")
    for line in sys.stdin:
        seed = int(line)
        good = goods[seed // 2 % len(goods)]
        done = write_bad(scratch, good, seed)
        print(f"{seed}\t{good.path.stem}\t{done}", end="\t", flush=True)
        with watched():
            print(outcome(good.path, scratch), flush=True)


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
