"""Event loops for the tests of AsyncLLM."""

import asyncio
import gc
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from cyllama_jupyter import AsyncGeneration, Generation

T = TypeVar("T")


def run(scenario: Callable[[], Awaitable[T]]) -> T:
    """Run a coroutine with a bound that says which one hung."""

    async def bounded() -> T:
        return await asyncio.wait_for(scenario(), 120)

    return asyncio.run(bounded())


async def until(holds: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    while not holds():  # noqa: ASYNC110 - nothing tells of it; the loop goes round meanwhile
        await asyncio.sleep(0)


async def in_phase(generation: Generation | AsyncGeneration, phase: str) -> None:
    """Wait until a generation is in a phase; it must not end before."""
    await until(lambda: generation.progress.phase == phase or generation.done())
    assert generation.progress.phase == phase


@contextmanager
def no_thread_left() -> Iterator[None]:
    """Check that no thread that wakes a loop outlives what it was for."""
    before = set(threading.enumerate())
    yield
    gc.collect()
    for thread in set(threading.enumerate()) - before:
        if thread.name == "cyllama-async":
            thread.join(60)
            assert not thread.is_alive()
