"""An LLM without a model."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from cyllama_jupyter._native.cancel import CancelScope
from cyllama_jupyter.config import MAX_DEFAULT_N_CTX, GenerationConfig
from cyllama_jupyter.engine import state
from cyllama_jupyter.engine.llm import LLM
from cyllama_jupyter.engine.owner import EngineOwner
from cyllama_jupyter.errors import LoadCancelled
from cyllama_jupyter.testing.engine import FakeEngine, Script

if TYPE_CHECKING:
    from cyllama_jupyter._native.context import LlamaContext
    from cyllama_jupyter.engine.chat import ChatFormat, Message

__all__ = ["FakeLLM"]

_TICK = 1 / 30  # seconds between two reports of a load's progress
_ALL = 2**31 - 1
_ORIGIN = {"model": "fake"}

Asked = str | list[dict[str, Any]]
"""A prompt, or a conversation."""


class FakeLLM(LLM):
    """An ``LLM`` that answers every prompt with the same text, a few characters a token.

    It has an engine thread, a queue, tickets and handles as an ``LLM`` does, and honours ``max_tokens`` and
    ``stop_sequences``; a cancel ends its generations within 10 ms. Other settings have no effect, and its context never
    fills while it generates.

    Args:
        text: What it answers.
        config: The settings of every call that brings none of its own.
        chunk: Characters of a token.
        rate: Tokens a second; None is as fast as it can.
        prompt_tokens: Length of every prompt in tokens.
        prefill_seconds: How long it reads a prompt.
        load_seconds: How long the constructor takes.
        on_progress: Called with the fraction loaded, some thirty times a second on this thread; returning False cancels
            the load.
        fail_with: What every generation fails with once the whole text is out.
        has_chat_template: Whether it says that it has one; without one, conversations are answered all the same.
        model_path: What it calls its file, which need not be there.
        **overrides: Fields of ``GenerationConfig`` that replace those of ``config``.

    Raises:
        LoadCancelled: ``on_progress`` returned False.
        ValueError: ``chunk``, ``rate`` or a setting is out of range.
    """

    def __init__(  # noqa: PLR0913 - one argument for each thing that a test may want to see
        self,
        text: str = "This text was written by no model.",
        config: GenerationConfig | None = None,
        *,
        chunk: int = 3,
        rate: float | None = None,
        prompt_tokens: int = 40,
        prefill_seconds: float = 0.0,
        load_seconds: float = 0.0,
        on_progress: Callable[[float], object] | None = None,
        fail_with: Exception | None = None,
        has_chat_template: bool = True,
        model_path: str = "fake.gguf",
        **overrides: Any,  # noqa: ANN401 - the fields of GenerationConfig, which checks them
    ) -> None:
        script = Script(text, chunk, rate, prefill_seconds, fail_with)
        requested = replace(config or GenerationConfig(max_tokens=_ALL), **overrides)
        self.asked: list[Asked] = []
        """The prompts and conversations that it was asked, the first one first."""
        self.model_path = model_path
        self.config = replace(requested, n_ctx=requested.n_ctx or MAX_DEFAULT_N_CTX)
        self._prompt = list(range(prompt_tokens))
        self._ctx = cast("LlamaContext", _Context(self.config.n_ctx or MAX_DEFAULT_N_CTX))
        template = "{{ messages }}" if has_chat_template else None
        self._chat = cast("ChatFormat", _Chat(self.asked, self._prompt, template))
        _load(load_seconds, on_progress)
        scope = CancelScope()
        EngineOwner.__init__(self, FakeEngine(script, scope), scope)
        self._engine.start()

    def __enter__(self) -> "FakeLLM":
        """Return itself; leaving the block closes it."""
        return self

    def save_state(self, path: str | PathLike[str]) -> int:
        """Write a file of nothing, since nothing was computed."""
        return state.write(path, (), _ORIGIN)

    def load_state(self, path: str | PathLike[str]) -> int:
        """Read what ``save_state`` wrote; it raises what a real one raises."""
        return len(state.read(path, _ORIGIN, 0, 0))

    def _sampler(self, config: GenerationConfig, prompt: Sequence[int]) -> None:
        """Choose nothing: the text is given."""

    def _prompt_tokens(self, prompt: str, config: GenerationConfig) -> list[int]:  # noqa: ARG002 - the real one's
        if not isinstance(prompt, str):
            raise TypeError(f"the prompt must be a string, got {type(prompt).__name__}")
        self.asked.append(prompt)
        return self._prompt


class _Context(NamedTuple):
    """What an ``LLM`` asks its context for."""

    n_ctx: int


class _Chat(NamedTuple):
    """What an ``LLM`` asks its chat format for."""

    asked: list[Asked]
    prompt: list[int]
    default_template: str | None

    def tokenize(
        self,
        messages: "Sequence[Message]",
        config: GenerationConfig,  # noqa: ARG002 - the real one's arguments
        template: str | None = None,  # noqa: ARG002 - the same
    ) -> list[int]:
        self.asked.append([dict(message) for message in messages])
        return self.prompt


def _load(seconds: float, on_progress: Callable[[float], object] | None) -> None:
    begin = time.monotonic()
    loaded = 0.0
    while loaded < 1.0:
        spent = time.monotonic() - begin
        loaded = spent / seconds if spent < seconds else 1.0
        if on_progress is not None and on_progress(loaded) is False:
            raise LoadCancelled("on_progress returned False")
        time.sleep(min(_TICK, max(0.0, seconds - spent)))
