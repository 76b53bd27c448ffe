"""The handle of one generation, for asyncio."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING

from cyllama_jupyter.engine.generation import Generation
from cyllama_jupyter.engine.response import Progress, Response
from cyllama_jupyter.engine.waker import LoopWaker

if TYPE_CHECKING:
    from types import TracebackType

    from cyllama_jupyter.engine.asynchronous import AsyncLLM

__all__ = ["AsyncGeneration", "result_of"]


class AsyncGeneration(AsyncIterator[str]):
    """One generation: iterate over its text as it comes with ``async for``, await its result, cancel it.

    A task that is cancelled while it waits for it cancels it. So does leaving the ``async for`` where nobody else has
    it; ``async with`` does it in any case. One task at a time may read it.

    Made by ``AsyncLLM.stream`` and ``AsyncLLM.stream_chat``.

    Args:
        generation: What is read; it reports to nobody yet.
        waker: Wakes the running loop.
        llm: Stops the waker when nobody refers to it any more.
    """

    def __init__(self, generation: Generation, waker: LoopWaker, llm: "AsyncLLM") -> None:
        self._generation = generation
        self._llm = llm
        self._waiter: asyncio.Future[None] | None = None
        waker.add(self)
        generation.report_to(waker.wakeup)

    async def __anext__(self) -> str:
        """Wait for the next piece of text.

        Raises:
            StopAsyncIteration: It is done, cancelled or not; ``result()`` tells.
            CyllamaError: It failed.
            RuntimeError: Another task waits for the next piece.
        """
        while not self._generation.ready():
            await self._progress()
        try:
            return next(self._generation)
        except StopIteration:
            raise StopAsyncIteration from None

    async def result(self) -> Response:
        """Wait for the answer; of a cancelled generation it is the text so far.

        Raises:
            CyllamaError: It failed.
            CancelledError: The task was cancelled, and with it the generation.
        """
        return await result_of(self._generation)

    def cancel(self) -> bool:
        """End it at once, from any thread; the text so far stays. Return False when it was done already."""
        return self._generation.cancel()

    async def aclose(self) -> None:
        """Cancel it if it is not done."""
        self.cancel()

    async def __aenter__(self) -> "AsyncGeneration":
        """Return itself; leaving the block closes it."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: "TracebackType | None"
    ) -> None:
        """Cancel it if it is not done."""
        self.cancel()

    def done(self) -> bool:
        """Whether it came to its end."""
        return self._generation.done()

    def cancelled(self) -> bool:
        """Whether it ended because it was cancelled."""
        return self._generation.cancelled()

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return self._generation.progress

    @property
    def text(self) -> str:
        """The text so far."""
        return self._generation.text

    @property
    def prompt_ids(self) -> tuple[int, ...]:
        """The prompt's tokens, without those that the answer begins with."""
        return self._generation.prompt_ids

    @property
    def token_ids(self) -> tuple[int, ...]:
        """The answer's tokens: those that it was begun with, then those generated so far."""
        return self._generation.token_ids

    def wake(self) -> None:
        """Let the task that waits for text go on if there is some."""
        if self._waiter is not None and not self._waiter.done() and self._generation.ready():
            self._waiter.set_result(None)

    async def _progress(self) -> None:
        if self._waiter is not None:
            raise RuntimeError("another task reads this generation: make a stream for each")
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        except BaseException:  # CancelledError, or GeneratorExit where the coroutine is thrown away
            self._generation.cancel()
            raise
        finally:
            self._waiter = None

    def __repr__(self) -> str:
        """Show how far it is."""
        return repr(self._generation).replace("<", "<Async", 1)


async def result_of(generation: Generation) -> Response:
    """Wait for an answer without a thread; a task that is cancelled meanwhile cancels the generation.

    Args:
        generation: Any generation.

    Raises:
        CyllamaError: It failed.
    """
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def tell(_: Generation) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(done.set)

    generation.add_done_callback(tell)
    try:
        await done.wait()
    except BaseException:
        generation.cancel()
        raise
    return generation.result()
