"""Cancels at random instants, from everywhere a cancel may come from."""

import asyncio
import faulthandler
import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from cyllama_jupyter import LLM, Generation, LoadCancelled
from tests.stress.answers import ENDLESS, check, check_next, greedy, prompt

__all__ = ["Storm"]

HUNG = 120.0
"""Seconds without a finished round after which all stacks are printed and the process ends."""

LONGEST_DELAY = 0.02
"""Seconds from a call to its cancel, at most: through the queue and the prefill, far into the decoding."""


class Storm:
    """Cancels until it has done so ``count`` times, and checks every answer, and the next one after every round.

    Attributes:
        cancels: How many cancels came from where.
        ends: How the generations ended, and in which phase the cancel found them.
    """

    def __init__(self, path: Path, seed: int = 0) -> None:
        self.cancels: Counter[str] = Counter()
        self.ends: Counter[str] = Counter()
        self._path = path
        self._random = random.Random(seed)
        self._pool = ThreadPoolExecutor(8)
        self._pending: list[Future[None]] = []  # cancels that are still to come
        self._llm = LLM(path, n_parallel=4, n_ctx=2048)

    def run(self, count: int) -> None:
        """Cancel that many times; every generation ends, or the watchdog tells where it hangs."""
        rounds = [self._from_threads, self._all_at_once, self._from_tasks, self._from_a_signal, self._at_the_finish]
        try:
            while self.cancels.total() < count:
                faulthandler.dump_traceback_later(HUNG, exit=True)
                (self._in_a_load if self._random.random() < 0.02 else self._random.choice(rounds))()
                check_next(self._llm)
        finally:
            faulthandler.cancel_dump_traceback_later()
            self._llm.close()
            self._pool.shutdown()

    def _submit(self, max_tokens: int = ENDLESS) -> list[Generation]:
        """Call a few times, or more often than there are sequences."""
        count = self._random.choice([1, 2, 8])
        numbers = [self._random.randrange(1000) for _ in range(count)]
        return [self._llm.submit(prompt(number), greedy(max_tokens)) for number in numbers]

    def _later(self, do: Callable[[], object]) -> None:
        """Do it on another thread, at some instant."""
        delay = self._random.random() ** 2 * LONGEST_DELAY

        def wait_and_do() -> None:
            threading.Event().wait(delay)
            do()

        self._pending.append(self._pool.submit(wait_and_do))

    def _cancel(self, source: str, generation: Generation) -> None:
        self.cancels[source] += 1
        self.ends[f"found in {generation.progress.phase.value}"] += 1
        generation.cancel()

    def _cancel_all(self, source: str, generations: list[Generation]) -> None:
        self.cancels[source] += len(generations)
        self._llm.cancel()

    def _finish(self, generations: list[Generation], max_tokens: int = ENDLESS) -> None:
        for generation in generations:
            response = generation.result(HUNG)
            check(response, max_tokens, "cancelled", "length")
            self.ends[str(response.finish_reason)] += 1
        while self._pending:
            self._pending.pop().result(HUNG)

    def _from_threads(self) -> None:
        generations = self._submit()
        for generation in generations:
            self._later(partial(self._cancel, "thread", generation))
        self._finish(generations)

    def _all_at_once(self) -> None:
        generations = self._submit()
        self._later(lambda: self._cancel_all("all at once", generations))
        self._finish(generations)

    def _at_the_finish(self) -> None:
        max_tokens = self._random.randrange(12)
        generations = self._submit(max_tokens)
        for generation in generations:
            self._later(partial(self._cancel, "thread, short answers", generation))
        self._finish(generations, max_tokens)

    def _from_tasks(self) -> None:
        async def wait_and_cancel(generation: Generation, delay: float) -> None:
            waiting = asyncio.get_running_loop().run_in_executor(self._pool, generation.result, HUNG)
            await asyncio.wait([waiting], timeout=delay)
            self._cancel("asyncio task", generation)
            await waiting

        async def all_of_them() -> None:
            delays = [self._random.random() * LONGEST_DELAY for _ in generations]
            await asyncio.gather(*map(wait_and_cancel, generations, delays))

        generations = self._submit()
        asyncio.run(all_of_them())
        self._finish(generations)

    def _from_a_signal(self) -> None:
        with self._llm.install_sigint_handler():
            generations = self._submit()
            self._later(lambda: os.kill(os.getpid(), signal.SIGINT))
            self._finish(generations)
        self.cancels["SIGINT"] += len(generations)

    def _in_a_load(self) -> None:
        self.cancels["load"] += 1
        try:
            LLM(self._path, n_ctx=256, on_progress=lambda _: self._random.random() < 0.5).close()
        except LoadCancelled:
            self.ends["load cancelled"] += 1
        else:
            self.ends["loaded"] += 1
