"""What the engine thread and the handle of a generation share."""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence

from cyllama_jupyter._native.cancel import CancelToken
from cyllama_jupyter.config import GenerationConfig
from cyllama_jupyter.engine.response import FinishReason, GenerationStats, Phase, Progress, Response
from cyllama_jupyter.engine.wakeup import Wakeup
from cyllama_jupyter.errors import ClosedError

__all__ = ["Run"]

_CANCELLER = "somebody who cancelled it in the queue"
_CLOSER = "the close of its LLM"
_LOGGER = logging.getLogger(__name__)


class Run:
    """One generation as the engine sees it.

    Written by one thread at a time: whoever wins ``claim`` (the engine to run it, or a canceller while it is still
    queued) writes until ``phase`` is DONE. Anybody may read. Text only grows; what is appended before DONE is seen by
    whoever sees DONE.

    Args:
        prompt: Token ids of the prompt.
        config: The settings, complete.
        token: The cancel flag of this call.
        model: Path of the model, for the Response.
        created: ``time.perf_counter()`` at the call.
    """

    def __init__(
        self, prompt: Sequence[int], config: GenerationConfig, token: CancelToken, model: str, created: float
    ) -> None:
        self.prompt = prompt
        self.config = config
        self.token = token
        self.phase = Phase.QUEUED
        self.prompt_read = 0
        self.generated = 0
        self.pieces: list[str] = []
        self.response: Response | None = None
        self.error: BaseException | None = None
        self.progressed = Wakeup()
        self.finished = Wakeup()
        self._model = model
        self._created = created
        self._started = self._prefilled = 0.0
        self._claims: dict[str, object] = {}  # one setdefault decides, and decides the same when it is asked again
        self._callbacks: deque[Callable[[], object]] = deque()

    @property
    def done(self) -> bool:
        """Whether it came to its end, good or bad."""
        return self.phase is Phase.DONE

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return Progress(self.phase, self.prompt_read, len(self.prompt), self.generated)

    def claim(self, claimant: object) -> bool:
        """Take the right to write; True for the first claimant alone, however often it asks.

        Args:
            claimant: Who asks.
        """
        return self._claims.setdefault("owner", claimant) is claimant

    def start(self) -> None:
        """Begin the prefill."""
        self._started = time.perf_counter()
        self.phase = Phase.PREFILL

    def start_decoding(self) -> None:
        """Begin to generate."""
        self._prefilled = time.perf_counter()
        self.phase = Phase.DECODE

    def emit(self, text: str) -> None:
        """Append text to the answer."""
        if text:
            self.pieces.append(text)
            self.progressed.notify()

    def finish(self, reason: FinishReason) -> None:
        """End it with what was generated."""
        if self.response is None:
            self.response = Response("".join(self.pieces), self._stats(), reason, self._model)
        self._end()

    def fail(self, error: BaseException) -> None:
        """End it with an error."""
        self.error = error
        self._end()

    def settle(self) -> None:
        """End it at once when it was cancelled before the engine came to it.

        An interrupt may break this off anywhere; the next call goes on with it.
        """
        if self.token.cancelled and self.phase is Phase.QUEUED and self.claim(_CANCELLER):
            self.finish("cancelled")
        elif self.done:
            self._run_callbacks()

    def abandon(self) -> None:
        """End it because its engine has stopped: as cancelled if the call came before the stop, else as an error."""
        self.settle()
        if self.claim(_CLOSER):
            self.fail(ClosedError("the LLM is closed"))

    def call_when_done(self, callback: Callable[[], object]) -> None:
        """Call ``callback()`` once: when it is done, or now."""
        self._callbacks.append(callback)
        if self.done:
            self._run_callbacks()

    def _end(self) -> None:
        self.phase = Phase.DONE
        self.progressed.notify()
        self.finished.notify()
        self._run_callbacks()

    def _run_callbacks(self) -> None:
        while self._callbacks:
            try:
                callback = self._callbacks.popleft()
            except IndexError:
                return  # another thread took the last one
            try:
                callback()
            except BaseException:  # on the engine's thread nobody else could see it
                _LOGGER.exception("a callback of a finished generation raised")

    def _stats(self) -> GenerationStats:
        end = time.perf_counter()
        started = self._started or end
        prefilled = self._prefilled or end
        generation_time = end - prefilled
        return GenerationStats(
            prompt_tokens=len(self.prompt),
            generated_tokens=self.generated,
            total_time=end - self._created,
            tokens_per_second=self.generated / generation_time if generation_time > 0 else 0.0,
            prompt_time=prefilled - started,
            generation_time=generation_time,
        )
