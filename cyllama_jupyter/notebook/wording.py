"""What a cell says about itself, in words."""

import time
from collections.abc import Callable
from pathlib import Path

from cyllama_jupyter.config import GenerationConfig
from cyllama_jupyter.engine.llm import LLM
from cyllama_jupyter.engine.memory import size
from cyllama_jupyter.engine.response import Phase, Progress, Response
from cyllama_jupyter.errors import LoadCancelled
from cyllama_jupyter.notebook.sinks.base import Ending, Outcome, Status

__all__ = [
    "NO_TEMPLATE",
    "Meter",
    "Narrator",
    "answered",
    "broken",
    "count",
    "failed",
    "fetching",
    "loaded",
    "loading",
    "model_name",
    "stop_line",
]

NO_TEMPLATE = "this model has no chat template: the text was sent as it is"


def count(number: int, noun: str) -> str:
    """Return "1 token", "1,536 tokens".

    Args:
        number: How many.
        noun: Of what, in the singular.
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


class Meter:
    """Tokens a second since the first token that it was told of.

    Args:
        clock: Tells the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._first: tuple[float, int] | None = None

    def rate(self, tokens: int) -> float | None:
        """Return the rate, or None while it is too early to tell.

        Args:
            tokens: Tokens generated so far.
        """
        now = self._clock()
        if self._first is None:
            self._first = (now, tokens) if tokens else None
            return None
        since, before = self._first
        return (tokens - before) / (now - since) if now > since and tokens > before else None


def loading(name: str, fraction: float, needs: str = "") -> Status:
    """Return the status of a load.

    Args:
        name: File name of the model.
        fraction: How much of it is loaded.
        needs: What memory it takes.
    """
    return Status("loading", " · ".join(filter(None, (f"loading {name}", needs, f"{fraction:.0%}"))), fraction)


def fetching(reference: str, done: int, total: int) -> Status:
    """Return the status of a download.

    Args:
        reference: What the model is called.
        done: Bytes that are there.
        total: All bytes; 0 while nobody knows.
    """
    if not total:
        return Status("loading", f"looking for {reference}")
    label = f"fetching {reference} · {size(done)} of {size(total)} · {done / total:.0%}"
    return Status("loading", label, done / total)


class Narrator:
    """Says what a generation is doing, how fast it goes and how long the prompt will still take.

    Args:
        clock: Tells the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._reading = Meter(clock)
        self._writing = Meter(clock)

    def status(self, progress: Progress) -> Status:
        """Return the status of a generation.

        Args:
            progress: How far it is.
        """
        if progress.phase is Phase.QUEUED:
            return Status("queued", "waiting for the model")
        if progress.phase is Phase.PREFILL:
            return self._prefill(progress.prompt_tokens_read, progress.prompt_tokens)
        rate = self._writing.rate(progress.generated_tokens)
        speed = f" · {rate:,.0f} tokens/s" if rate else ""
        return Status("decode", f"writing · {count(progress.generated_tokens, 'token')}{speed}")

    def _prefill(self, read: int, total: int) -> Status:
        rate = self._reading.rate(read)
        seconds = f", about {max(1, round((total - read) / rate))} s left" if rate else ""
        label = f"reading the prompt · {read:,} of {count(total, 'token')}{seconds}"
        return Status("prefill", label, read / max(1, total))


def answered(response: Response, config: GenerationConfig, progress: Progress, notice: str = "") -> Ending:
    """Return the ending of a generation that came to a response.

    Args:
        response: The answer, whole, cut off or stopped.
        config: The settings it was written with.
        progress: How far it came.
        notice: A remark that belongs to the output.
    """
    tokens = response.stats.generated_tokens if response.stats else progress.generated_tokens
    remarks = (notice,) if notice else ()
    if response.finish_reason == "cancelled":
        return Ending(response.text, (*remarks, _stopped_after(tokens, progress)), _timings(response), Outcome.STOPPED)
    facts = (*remarks, count(tokens, "token"))
    if response.finish_reason == "timeout":
        facts += ("cut off at --timeout",)
    if response.finish_reason == "length":
        full = f"cut off: the context of {count(config.n_ctx or 0, 'token')} is full"
        facts += ("cut off at --max-tokens" if tokens >= config.max_tokens else full,)
    return Ending(response.text, facts, _timings(response))


def _stopped_after(tokens: int, progress: Progress) -> str:
    stopped = f"stopped after {count(tokens, 'token')}"
    if tokens or progress.prompt_tokens_read >= progress.prompt_tokens:
        return stopped
    return f"{stopped}, with {progress.prompt_tokens_read:,} of {count(progress.prompt_tokens, 'prompt token')} read"


def _timings(response: Response) -> tuple[str, ...]:
    stats = response.stats
    if stats is None:
        return ()
    speed = (f"{stats.tokens_per_second:,.0f} tokens/s",) if stats.generated_tokens else ()
    return (*speed, f"{stats.total_time:,.1f} s")


def broken(error: BaseException, text: str) -> Ending:
    """Return the ending of a cell that came to no response, and raises an error that says why.

    Args:
        error: What ended it.
        text: What there is of the answer.
    """
    if isinstance(error, (KeyboardInterrupt, LoadCancelled)):
        return Ending(text, (str(error) or "stopped at once",), outcome=Outcome.STOPPED)
    return Ending(text, (f"failed: {type(error).__name__}",), outcome=Outcome.FAILED, raised=True)


def failed(error: BaseException, text: str) -> Ending:
    """Return the ending of what failed where nobody waits for it, so that the output alone can say why.

    Args:
        error: What ended it.
        text: What there is of the answer.
    """
    if isinstance(error, LoadCancelled):
        return broken(error, text)
    reason = " ".join(str(error).split())
    fact = f"failed: {type(error).__name__}: {reason}" if reason else f"failed: {type(error).__name__}"
    return Ending(text, (fact,), outcome=Outcome.FAILED)


def stop_line(response: Response, names: tuple[str, ...]) -> str:
    """Return what an interrupted cell says of its answer.

    Args:
        response: The answer.
        names: Variables that hold it.
    """
    where = " and ".join(f"`{name}`" for name in names)
    if response.finish_reason != "cancelled":
        return f"the answer was already complete; it is in {where}"
    tokens = response.stats.generated_tokens if response.stats else 0
    return f"stopped after {count(tokens, 'token')}; {'the partial' if response else 'an empty'} answer is in {where}"


def model_name(llm: LLM) -> str:
    """Return how a model is called in an output: the name of its file.

    Args:
        llm: The model.
    """
    return Path(llm.model_path).name


def loaded(llm: LLM) -> Ending:
    """Return the ending of a load that came to its end.

    Args:
        llm: The model.
    """
    takes = (f"takes about {llm.memory}",) if llm.memory else ()
    return Ending("", (f"loaded {model_name(llm)}", f"context of {count(llm.config.n_ctx or 0, 'token')}", *takes))
