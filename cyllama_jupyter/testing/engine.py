"""The thread of a fake model: it plays a text at a given pace, and can be cancelled like the real one."""

import queue
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cyllama_jupyter._native.cancel import CancelScope
from cyllama_jupyter.config import GenerationConfig
from cyllama_jupyter.engine.response import FinishReason
from cyllama_jupyter.engine.run import Run
from cyllama_jupyter.engine.worker import EngineThread
from cyllama_jupyter.errors import ClosedError
from cyllama_jupyter.testing.vocabulary import FakeVocabulary

__all__ = ["FakeEngine", "Script"]

_LOOK = 0.004  # seconds between two looks at the cancel flag; a cancel is promised within 10 ms


@dataclass(frozen=True)
class Script:
    """What every generation of a fake engine does.

    Args:
        text: What it answers.
        chunk: Characters of a token.
        rate: Tokens a second; None is as fast as it can.
        prefill_seconds: How long it reads the prompt.
        fail_with: What is raised where the text ends.
    """

    text: str
    chunk: int
    rate: float | None
    prefill_seconds: float
    fail_with: Exception | None

    def __post_init__(self) -> None:
        """Check the numbers."""
        if self.chunk < 1:
            raise ValueError(f"chunk must be 1 character or more, got {self.chunk}")
        if self.rate is not None and self.rate <= 0:
            raise ValueError(f"rate must be above 0 tokens a second, or None for as fast as it can, got {self.rate}")

    def tokens(self, begun: str = "") -> Iterator[str]:
        """Yield the text in chunks, and fail at its end if that is wanted.

        Args:
            begun: How the answer begins; where the text begins so too, only what is left of it comes.
        """
        said = len(begun) if self.text.startswith(begun) else 0
        for start in range(said, len(self.text), self.chunk):
            yield self.text[start : start + self.chunk]
        if self.fail_with is not None:
            raise self.fail_with


class FakeEngine(EngineThread):
    """Serves runs one after the other, from a script instead of a model.

    Args:
        script: What every run does.
        vocabulary: Its tokens.
        scope: Cancels every run of this engine.
    """

    def __init__(self, script: Script, vocabulary: FakeVocabulary, scope: CancelScope) -> None:
        self._script = script
        self._vocabulary = vocabulary
        self._runs: queue.SimpleQueue[Run | None] = queue.SimpleQueue()
        self._open: deque[Run] = deque()  # those that may not have ended yet
        super().__init__("", GenerationConfig(), scope)

    @property
    def n_open(self) -> int:
        """How many runs have not come to their end."""
        return sum(not run.done for run in list(self._open))

    def _queue(self, runs: Sequence[Run]) -> None:
        if not self._stopped:
            for run in runs:
                self._open.append(run)
                self._runs.put(run)
        if self._stopped:  # before or since: nobody may come for it any more
            raise ClosedError("the LLM is closed")

    def _halt(self) -> None:
        self._runs.put(None)

    def _serve(self) -> None:
        self._announce()
        while (run := self._runs.get()) is not None:
            if run.claim():
                _perform(run, self._script, self._vocabulary)
            run.report()
            self._open.remove(run)
            del run  # while idle, keep nothing of the last one alive
        while not self._runs.empty():
            left = self._runs.get()
            if left is not None:
                left.abandon()
                self._open.remove(left)


def _perform(run: Run, script: Script, vocabulary: FakeVocabulary) -> None:
    run.start()
    try:
        reason = _play(run, script, vocabulary)
    except Exception as error:  # noqa: BLE001 - raised by whoever asks for the result
        run.fail(error)
    else:
        run.finish(reason)


def _play(run: Run, script: Script, vocabulary: FakeVocabulary) -> FinishReason:
    if not _prefill(run, script.prefill_seconds):
        return run.interruption or "cancelled"
    run.start_decoding()
    reason = _decode(run, script, vocabulary)
    return run.interruption or reason


def _prefill(run: Run, seconds: float) -> bool:
    """Read the prompt, evenly over some seconds; return False when it has to end."""
    total, begin = run.prompt_tokens, time.perf_counter()
    while run.prompt_read < total:
        spent = time.perf_counter() - begin
        run.advance(total if spent >= seconds else int(total * spent / seconds))
        if not _pause(run, _LOOK if run.prompt_read < total else 0.0):
            return False
    return run.interruption is None


def _decode(run: Run, script: Script, vocabulary: FakeVocabulary) -> FinishReason:
    tokens, begin = script.tokens(vocabulary.text_of(run.begun)), time.perf_counter()
    while run.generated < run.config.max_tokens:
        due = begin + (run.generated + 1) / script.rate if script.rate else 0.0
        if not _pause(run, due - time.perf_counter()):
            return run.interruption or "cancelled"
        token = next(tokens, None)
        if token is None or _push(run, token, vocabulary.id_of(token)):
            return "stop"
    return "length"


def _push(run: Run, text: str, token: int) -> bool:
    """Write a token, of which the model was certain; return whether a stop sequence is complete."""
    piece = text.encode("utf-8", "surrogatepass")
    certain = (token, piece, 1.0)
    wanted = run.config.logprobs
    return run.push(piece, token, () if wanted is None else (certain,) * (1 + min(wanted, 1)))


def _pause(run: Run, seconds: float) -> bool:
    """Wait; return False as soon as the run has to end."""
    end = time.perf_counter() + seconds
    while run.interruption is None:
        left = end - time.perf_counter()
        if left <= 0:
            return True
        time.sleep(min(_LOOK, left))
    return False
