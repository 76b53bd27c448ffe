"""The models and the prompts that the suites measure on."""

import atexit
import random
import tempfile
from functools import cache
from pathlib import Path

from cyllama_jupyter.models import resolve_model
from tests.tiny_models import write_1b, write_cycle

__all__ = ["OPENING", "big", "prose", "smollm2", "tiny"]

OPENING = "A"
"""One token in every vocabulary, so that reading it takes one step on the threads of decoding; no answer to it ends."""

_WORDS = (
    "the",
    "of",
    "and",
    "in",
    "on",
    "at",
    "it",
    "is",
    "he",
    "she",
    "they",
    "we",
    "you",
    "was",
    "had",
    "sea",
    "ship",
)


@cache
def _folder() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="benchmarks-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


def smollm2() -> Path:
    """Return the bundled SmolLM2-135M."""
    return Path(resolve_model())


@cache
def big() -> Path:
    """Write the 1B Q8_0 model, once a run; it goes when the run ends."""
    return write_1b(_folder() / "1b.gguf")


@cache
def tiny() -> Path:
    """Write a model so small that the loop around it shows; it speaks ASCII, one letter a token.

    Bytes that are no UTF-8 keep llama-cpp-python's streaming waiting, which would not be a fair comparison.
    """
    return write_cycle(_folder() / "tiny.gguf", "The quick brown fox jumps over the lazy dog. ")


def prose(seed: int, words: int) -> str:
    """Return words at random, a token or two each; no two seeds share a beginning that could be reused."""
    choose = random.Random(seed)
    return f"{seed} " + " ".join(choose.choices(_WORDS, k=words))
