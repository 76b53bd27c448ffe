"""A loaded model for asyncio."""

import asyncio
import threading
import weakref
from collections.abc import Callable, Sequence
from os import PathLike
from types import TracebackType
from typing import Any

from cyllama_jupyter.config import GenerationConfig
from cyllama_jupyter.engine.async_generation import AsyncGeneration, result_of
from cyllama_jupyter.engine.chat import Message
from cyllama_jupyter.engine.generation import Generation
from cyllama_jupyter.engine.llm import LLM
from cyllama_jupyter.engine.reading import Prompt
from cyllama_jupyter.engine.response import Response
from cyllama_jupyter.engine.waker import LoopWaker
from cyllama_jupyter.errors import CyllamaError

__all__ = ["AsyncLLM"]

_Wakers = dict[asyncio.AbstractEventLoop, LoopWaker]


class AsyncLLM:
    """An ``LLM`` whose answers are awaited: no call blocks the event loop, and cancelling a task cancels its answer.

    Prompts are tokenised on the loop's thread, at the call.

    Args:
        llm: A loaded model. ``close()`` leaves it open; that of ``AsyncLLM.load`` closes.
    """

    def __init__(self, llm: LLM) -> None:
        self.llm = llm
        self._owns = False
        self._begun: weakref.WeakSet[Generation] = weakref.WeakSet()
        self._wakers: _Wakers = {}
        self._finalizer = weakref.finalize(self, _stop, self._wakers)
        self._finalizer.atexit = False  # wakers have an exit hook, which also waits

    @classmethod
    async def load(
        cls,
        model_path: str | PathLike[str] | None = None,
        config: GenerationConfig | None = None,
        *,
        on_progress: Callable[[float], object] | None = None,
        **overrides: Any,  # noqa: ANN401 - the fields of GenerationConfig, which checks them
    ) -> "AsyncLLM":
        """Load a model beside the event loop; cancelling the task stops the load.

        Args:
            model_path: A GGUF file; without one, the same as for ``LLM``.
            config: The settings of every call that brings none of its own.
            on_progress: Called on the loop's thread with the fraction loaded, 0.0 to 1.0; what it returns is ignored.
            **overrides: Fields of ``GenerationConfig`` that replace those of ``config``.

        Raises:
            ModelError: No model was found, or its file is not one that can be loaded.
            LoadError: llama.cpp could not load it.
            ValueError: A setting is out of range; all are named.
        """
        loop = asyncio.get_running_loop()
        given_up = threading.Event()

        def report(fraction: float) -> bool:
            if on_progress is not None and not given_up.is_set():
                loop.call_soon_threadsafe(on_progress, fraction)
            return not given_up.is_set()

        loading = loop.run_in_executor(None, lambda: LLM(model_path, config, on_progress=report, **overrides))
        try:
            llm = await asyncio.shield(loading)
        except asyncio.CancelledError:
            given_up.set()  # a model that is loaded all the same is dropped with the future, and freed
            raise
        loaded = cls(llm)
        loaded._owns = True
        return loaded

    async def __call__(
        self,
        prompt: str | Sequence[int],
        config: GenerationConfig | None = None,
        timeout: float | None = None,
        *,
        begun: Sequence[int] = (),
    ) -> Response:
        """Generate from a prompt as it stands; the arguments and errors are those of ``LLM.submit``."""
        return await result_of(self._begin(self.llm.submit(prompt, config, timeout, begun=begun)))

    async def chat(  # noqa: PLR0913 - one argument for each thing that a call may bring
        self,
        messages: Sequence[Message],
        config: GenerationConfig | None = None,
        template: str | None = None,
        timeout: float | None = None,
        *,
        begun: Sequence[int] = (),
        known: Sequence[int] = (),
    ) -> Response:
        """Answer a conversation; the arguments and errors are those of ``LLM.submit_chat``."""
        return await result_of(
            self._begin(self.llm.submit_chat(messages, config, template, timeout, begun=begun, known=known))
        )

    async def samples(  # noqa: PLR0913 - one argument for each thing that a call may bring
        self,
        prompt: Prompt,
        n: int,
        config: GenerationConfig | None = None,
        timeout: float | None = None,
        *,
        begun: Sequence[int] = (),
        known: Sequence[int] = (),
    ) -> list[Response]:
        """Generate several answers to one prompt; the arguments and errors are those of ``LLM.samples``."""
        generations = [
            self._begin(each) for each in self.llm.submit_samples(prompt, n, config, timeout, begun=begun, known=known)
        ]
        try:
            return [await result_of(generation) for generation in generations]
        finally:
            for generation in generations:
                generation.cancel()

    def stream(
        self,
        prompt: str | Sequence[int],
        config: GenerationConfig | None = None,
        timeout: float | None = None,
        *,
        begun: Sequence[int] = (),
    ) -> AsyncGeneration:
        """Queue a generation and return its handle, to be read with ``async for``; the arguments are those of a call.

        Raises:
            RuntimeError: No event loop runs in this thread.
        """
        waker = self._waker()
        return AsyncGeneration(self._begin(self.llm.submit(prompt, config, timeout, begun=begun)), waker, self)

    def stream_chat(  # noqa: PLR0913 - one argument for each thing that a call may bring
        self,
        messages: Sequence[Message],
        config: GenerationConfig | None = None,
        template: str | None = None,
        timeout: float | None = None,
        *,
        begun: Sequence[int] = (),
        known: Sequence[int] = (),
    ) -> AsyncGeneration:
        """Queue the answer to a conversation and return its handle, to be read with ``async for``.

        Raises:
            RuntimeError: No event loop runs in this thread.
        """
        waker = self._waker()
        generation = self.llm.submit_chat(messages, config, template, timeout, begun=begun, known=known)
        return AsyncGeneration(self._begin(generation), waker, self)

    def cancel(self) -> None:
        """Cancel every generation of the model whose call was made before, and none made after (``LLM.cancel``)."""
        self.llm.cancel()

    async def close(self) -> None:
        """Cancel what was begun here and wait for its end; free the model where ``AsyncLLM.load`` loaded it."""
        begun, wakers = list(self._begun), dict(self._wakers)
        self._wakers.clear()  # whatever begins from here on gets a new one
        for generation in begun:
            generation.cancel()
        if self._owns:
            await asyncio.to_thread(self.llm.close)
        for generation in begun:
            await _ended(generation)
        _stop(wakers)  # last: the readers of those generations are woken once more

    async def __aenter__(self) -> "AsyncLLM":
        """Return itself; leaving the block closes it."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        await self.close()

    def __repr__(self) -> str:
        """Show the model and its context."""
        return f"<AsyncLLM of {self.llm!r}>"

    def _begin(self, generation: Generation) -> Generation:
        self._begun.add(generation)
        return generation

    def _waker(self) -> LoopWaker:
        """Return the waker of the running loop; those of loops that are closed go."""
        for loop in [loop for loop, waker in self._wakers.items() if waker.is_of_no_use]:
            self._wakers.pop(loop).stop()
        loop = asyncio.get_running_loop()
        if loop not in self._wakers:
            self._wakers[loop] = LoopWaker(loop)
        return self._wakers[loop]


def _stop(wakers: _Wakers) -> None:
    while wakers:
        wakers.popitem()[1].stop()


async def _ended(generation: Generation) -> None:
    try:
        await result_of(generation)
    except CyllamaError:
        return  # whoever waits for it is told
