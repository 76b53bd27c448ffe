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
from cyllama_jupyter.engine.tokens import check_kind
from cyllama_jupyter.errors import LoadCancelled
from cyllama_jupyter.testing.chat import FakeChat
from cyllama_jupyter.testing.engine import FakeEngine, Script
from cyllama_jupyter.testing.vocabulary import FakeVocabulary

if TYPE_CHECKING:
    from cyllama_jupyter._native.context import LlamaContext
    from cyllama_jupyter.engine.chat import ChatFormat, Message

__all__ = ["FakeLLM"]

_TICK = 1 / 30  # seconds between two reports of a load's progress
_ALL = 2**31 - 1
_ORIGIN = {"model": "fake"}

Asked = str | list[dict[str, Any]] | list[int]
"""A prompt, a conversation, or the token ids of either."""


class FakeLLM(LLM):
    """An ``LLM`` that answers every prompt with the same text, a few characters a token.

    It has an engine thread, a queue, tickets and handles as an ``LLM`` does, and honours ``max_tokens`` and
    ``stop_sequences``; a cancel ends its generations within 10 ms. Tokens are chunks of text: what it generates has ids
    that it can go on from (``begun``), and with ``logprobs`` each has probability 1. Other settings, a grammar among
    them, have no effect, and its context never fills while it generates.

    Args:
        text: What it answers.
        config: The settings of every call that brings none of its own.
        chunk: Characters of a token.
        rate: Tokens a second; None is as fast as it can.
        prompt_tokens: Length of every prompt in tokens, but of those that are given as token ids.
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
        self._vocabulary = FakeVocabulary(chunk)
        self._chat = cast("ChatFormat", FakeChat(self.asked, self._prompt, self._vocabulary, template))
        _load(load_seconds, on_progress)
        scope = CancelScope()
        EngineOwner.__init__(self, FakeEngine(script, self._vocabulary, scope), scope)
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

    def tokenize(self, text: str, *, parse_special: bool = False) -> list[int]:  # noqa: ARG002 - the real one's
        """Return a token for every few characters of a text, as many as ``chunk`` says."""
        self._refuse_closed()
        return self._vocabulary.tokenize(text)

    def tokenize_chat(
        self,
        messages: "Sequence[Message]",
        config: GenerationConfig | None = None,  # noqa: ARG002 - the real one's arguments
        template: str | None = None,
    ) -> list[int]:
        """Return the tokens of all parts of a conversation."""
        return [token for part in self.parts_of_chat(messages, template) for token in part.token_ids]

    def _samplers(
        self,
        configs: Sequence[GenerationConfig],
        prompt: Sequence[int],  # noqa: ARG002 - the real one's arguments
        begun: Sequence[int],  # noqa: ARG002 - the same
    ) -> list[None]:
        """Choose nothing: the text is given."""
        return [None] * len(configs)

    def _prompt_tokens(self, prompt: str | Sequence[int], config: GenerationConfig) -> list[int]:  # noqa: ARG002 - the same
        check_kind(prompt)
        if isinstance(prompt, str):
            self.asked.append(prompt)
            return self._prompt
        self.asked.append(list(prompt))
        return list(prompt)

    def _spelled(self, tokens: Sequence[int]) -> list[tuple[int, bytes]]:
        return self._vocabulary.spell(tokens)


class _Context(NamedTuple):
    """What an ``LLM`` asks its context for."""

    n_ctx: int


def _load(seconds: float, on_progress: Callable[[float], object] | None) -> None:
    begin = time.monotonic()
    loaded = 0.0
    while loaded < 1.0:
        spent = time.monotonic() - begin
        loaded = spent / seconds if spent < seconds else 1.0
        if on_progress is not None and on_progress(loaded) is False:
            raise LoadCancelled("on_progress returned False")
        time.sleep(min(_TICK, max(0.0, seconds - spent)))
