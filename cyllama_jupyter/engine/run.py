"""What the engine and the handle of a generation share."""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from cyllama_jupyter._native.cancel import CancelToken
from cyllama_jupyter._native.request import Request
from cyllama_jupyter._native.sampler import LlamaSampler
from cyllama_jupyter.config import GenerationConfig
from cyllama_jupyter.engine.probabilities import probability_of
from cyllama_jupyter.engine.response import FinishReason, GenerationStats, Phase, Progress, Response
from cyllama_jupyter.engine.threads import fixed
from cyllama_jupyter.errors import ClosedError, DecodeError

__all__ = ["Call", "Run"]

_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "cancelled": "cancelled",
    "timeout": "timeout",
}
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Call:
    """What somebody asked for.

    Args:
        prompt: Token ids of the prompt.
        config: The settings, complete.
        model: Path of the model, for the Response.
        created: ``time.perf_counter()`` at the call.
        sampler: The chain that chooses its tokens; None for an engine that has no model.
        timeout: Seconds from the call after which it ends; None is never.
        begun: Token ids of the answer's beginning, and the bytes of each.
    """

    prompt: Sequence[int]
    config: GenerationConfig
    model: str
    created: float
    sampler: LlamaSampler | None = None
    timeout: float | None = None
    begun: Sequence[tuple[int, bytes]] = ()


class Run(Request):
    """One generation: the native request, and what Python makes of its end.

    Args:
        call: What to generate.
        token: The cancel flag of this call.
    """

    def __new__(cls, call: Call, token: CancelToken) -> "Run":  # noqa: D102 - see the class
        run = super().__new__(
            cls,
            call.prompt,
            token,
            call.sampler,
            max_tokens=call.config.max_tokens,
            begun=[token for token, _ in call.begun],
            stop_sequences=call.config.stop_sequences,
            n_likely=-1 if call.config.logprobs is None else call.config.logprobs,
            n_threads=fixed(call.config.n_threads),
            n_threads_batch=fixed(call.config.n_threads_batch),
            timeout=call.timeout or 0.0,
            age=time.perf_counter() - call.created,
        )
        for _, piece in call.begun:
            run.begin_with(piece)
        return cast("Run", run)

    def __init__(self, call: Call, token: CancelToken) -> None:  # noqa: ARG002 - __new__ has taken it
        self.prompt = tuple(call.prompt)
        self.begun = tuple(token for token, _ in call.begun)
        self.config = call.config
        self._model = call.model
        self._failure: BaseException | None = None
        self._response: dict[str, Response] = {}  # one setdefault decides, and decides the same when asked again
        self._error: dict[str, BaseException] = {}
        self._callbacks: deque[Callable[[], object]] = deque()

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return Progress(Phase(self.phase), self.prompt_read, self.prompt_tokens, self.generated)

    @property
    def token_ids(self) -> tuple[int, ...]:
        """The answer's tokens so far, with those that it began with."""
        self.drain()
        return (*self.begun, *self.generated_ids)

    @property
    def response(self) -> Response | None:
        """What came of it; None as long as it is not done, and where it failed."""
        if not self.done or self.outcome not in _REASONS:
            return None
        return self._response.get("") or self._response.setdefault("", self._respond())

    @property
    def error(self) -> BaseException | None:
        """What made it fail."""
        if not self.done or self.outcome in _REASONS:
            return None
        return self._error.get("") or self._error.setdefault("", self._fail())

    def fail(self, error: BaseException) -> None:
        """End it with an error; for an engine that is written in Python."""
        self._failure = error
        self.finish("failed")

    def settle(self) -> None:
        """Take in what has come, and end it when it was cancelled before the engine came to it.

        An interrupt may break this off anywhere; the next call goes on with it.
        """
        if self.end_if_queued():
            self.report()
        self.drain()

    def abandon(self) -> None:
        """End it because its engine has stopped: as cancelled if the call came before the stop, else as an error."""
        self.settle()
        if self.claim():
            self.finish("closed")
        self.report()

    def call_when_done(self, callback: Callable[[], object]) -> None:
        """Call ``callback()`` once: when it is done, or now."""
        self._callbacks.append(callback)
        if self.done:
            self.report()

    def report(self) -> None:
        """Run the callbacks of what is done, each once."""
        while self._callbacks:
            try:
                callback = self._callbacks.popleft()
            except IndexError:
                return  # another thread took the last one
            try:
                callback()
            except BaseException:  # on the engine's thread nobody else could see it
                _LOGGER.exception("a callback of a finished generation raised")

    def _respond(self) -> Response:
        token_ids = self.token_ids  # which takes in the last text and probabilities too
        tokens = None if self.config.logprobs is None else tuple(map(probability_of, self.likely))
        return Response("".join(self.pieces), self._stats(), _REASONS[self.outcome], self._model, token_ids, tokens)

    def _fail(self) -> BaseException:
        if self.outcome == "closed":
            return ClosedError("the LLM is closed")
        if self.outcome == "raised" and self.callback_error is not None:
            return self.callback_error
        return self._failure or DecodeError(self.message)

    def _stats(self) -> GenerationStats:
        total_time, prompt_time, generation_time = self.seconds
        return GenerationStats(
            prompt_tokens=self.prompt_tokens,
            generated_tokens=self.generated,
            total_time=total_time,
            tokens_per_second=self.generated / generation_time if generation_time > 0 else 0.0,
            prompt_time=prompt_time,
            generation_time=generation_time,
            reused_tokens=self.reused,
        )
