"""The handle of one generation."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from cyllama_jupyter._native.wakeup import Wakeup
from cyllama_jupyter.config import GenerationConfig
from cyllama_jupyter.engine.response import Progress, Response
from cyllama_jupyter.engine.run import Run
from cyllama_jupyter.engine.waiting import SLICE

if TYPE_CHECKING:
    from types import TracebackType

    from cyllama_jupyter.engine.owner import EngineOwner

__all__ = ["Generation", "collect", "consume"]


class Generation(Iterator[str]):
    """One generation: cancel it, wait for it, ask how far it is, or iterate over its text as it comes.

    The words are those of ``concurrent.futures.Future``, but ``result()`` of a cancelled generation is the text so
    far, never a CancelledError. It is its own iterator, with one position; nobody has to read it. Ctrl-C while it is
    waited for cancels it and raises KeyboardInterrupt. A generation that nobody refers to any more is cancelled,
    unless a done callback still waits for it.

    Made by ``LLM.submit``, or by calling an ``LLM`` with ``stream=True``.
    """

    def __init__(self, run: Run, llm: "EngineOwner", on_token: Callable[[str], object] | None = None) -> None:
        self._run = run
        self._llm = llm  # a model lives as long as its generations
        self._on_token = on_token
        self._position = 0

    def cancel(self) -> bool:
        """End it at once, from any thread; the text so far stays. Return False when it was done already."""
        if self._run.done:
            return False
        self._run.token.cancel()
        self._run.settle()
        return True

    def cancelled(self) -> bool:
        """Whether it ended because it was cancelled."""
        response = self._run.response
        return response is not None and response.finish_reason == "cancelled"

    def done(self) -> bool:
        """Whether it came to its end."""
        self._run.settle()
        return self._run.done

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is done, at most ``timeout`` seconds; return whether it is. Ctrl-C does not cancel it here."""
        return self._wait(self._run.finished, lambda: self._run.done, timeout)

    def result(self, timeout: float | None = None) -> Response:
        """Wait for the answer.

        Args:
            timeout: Seconds to wait; None waits as long as it takes. Running out of it cancels nothing.

        Raises:
            TimeoutError: It is not done yet.
            CyllamaError: It failed.
            KeyboardInterrupt: Ctrl-C, which has cancelled it.
        """
        error = self.exception(timeout)
        if error is not None:
            raise error
        response = self._run.response
        if response is None:
            raise RuntimeError("a generation without an error has a response")
        return response

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for the end and return what made it fail, or None; see ``result``."""
        try:
            if not self.wait(timeout):
                raise TimeoutError(f"the generation is not done after {timeout} s")
        except KeyboardInterrupt:
            self.cancel()
            raise
        return self._run.error

    def add_done_callback(self, callback: Callable[["Generation"], object]) -> None:
        """Call ``callback(generation)`` on a thread of the engine, or now if it is done; what it raises is logged."""
        self._run.call_when_done(lambda: callback(self))

    @property
    def progress(self) -> Progress:
        """How far it is."""
        self._run.settle()
        return self._run.progress

    @property
    def config(self) -> GenerationConfig:
        """The settings it runs with, complete."""
        return self._run.config

    @property
    def tells_tokens(self) -> bool:
        """Whether somebody is called with each piece that is iterated over."""
        return self._on_token is not None

    @property
    def text(self) -> str:
        """The text so far."""
        self._run.settle()
        return "".join(self._run.pieces)

    @property
    def prompt_ids(self) -> tuple[int, ...]:
        """The prompt's tokens, without those that the answer begins with."""
        return self._run.prompt

    @property
    def token_ids(self) -> tuple[int, ...]:
        """The answer's tokens: those that it was begun with, then those generated so far."""
        self._run.settle()
        return self._run.token_ids

    def ready(self) -> bool:
        """Whether ``next()`` would give a piece of text, or end, without waiting."""
        done = self._run.done  # first: what is drained then is all of it
        self._run.drain()
        return done or self._position < len(self._run.pieces)

    def report_to(self, listener: Wakeup) -> None:
        """Let a wake-up be notified of more text and of the end, by whatever thread brings them, from now on.

        Args:
            listener: Several generations may share one; look whether they are ``ready()`` after this call too.

        Raises:
            RuntimeError: It reports to another one.
        """
        self._run.report_to(listener)

    def __next__(self) -> str:
        """Wait for the next piece of text.

        Raises:
            StopIteration: It is done, cancelled or not; ``result()`` tells.
            CyllamaError: It failed.
        """
        try:
            if not self._wait(self._run.progressed, self.ready):
                raise RuntimeError("a wait without a timeout ended")
            piece = self._take()
        except KeyboardInterrupt:
            self.cancel()
            raise
        if self._on_token is not None:
            self._on_token(piece)
        return piece

    def _take(self) -> str:
        if self._position < len(self._run.pieces):
            self._position += 1
            return self._run.pieces[self._position - 1]
        if self._run.error is not None:
            raise self._run.error
        raise StopIteration

    def _wait(self, wakeup: Wakeup, ready: Callable[[], bool], timeout: float | None = None) -> bool:
        """Wait in slices: each can be interrupted, and sees a cancel that reached it in the queue."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not ready():
            self._llm.refuse_to_wait()
            left = SLICE if deadline is None else min(SLICE, deadline - time.monotonic())
            if left < 0:
                return False
            wakeup.wait(left)
            self._run.settle()
        wakeup.notify()  # for whoever else waits
        return True

    def close(self) -> None:
        """Cancel it if it is not done."""
        self.cancel()

    def __enter__(self) -> "Generation":
        """Return itself; leaving the block closes it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: "TracebackType | None"
    ) -> None:
        """Cancel it if it is not done."""
        self.close()

    def __del__(self) -> None:
        """Cancel what nobody can read any more; the engine ends it."""
        run: Run | None = getattr(self, "_run", None)
        if run is not None:
            run.token.cancel()

    def __repr__(self) -> str:
        """Show how far it is."""
        progress = self._run.progress
        return f"<Generation {progress.phase.value}, {progress.generated_tokens} tokens>"


def consume(generation: Generation) -> Response:
    """Read a generation to its end on this thread; an error on the way cancels it."""
    with generation:
        if generation.tells_tokens:  # else nobody wants to be woken for each
            for _ in generation:
                pass
        return generation.result()


def collect(generations: Sequence[Generation]) -> list[Response]:
    """Wait for all of them; an error of one, or Ctrl-C, cancels the others."""
    try:
        return [generation.result() for generation in generations]
    finally:
        for generation in generations:
            generation.cancel()
