"""A loaded model to call."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from os import PathLike
from typing import Any, Literal, overload

from cyllama_jupyter._native.cancel import CancelScope
from cyllama_jupyter.config import GenerationConfig
from cyllama_jupyter.engine import loading, logs, memory, settings
from cyllama_jupyter.engine.chat import ChatFormat, Message
from cyllama_jupyter.engine.fingerprint import ModelFile
from cyllama_jupyter.engine.generation import Generation, consume
from cyllama_jupyter.engine.keeping import StateKeeper
from cyllama_jupyter.engine.memory import MemoryNeed
from cyllama_jupyter.engine.opening import open_engine
from cyllama_jupyter.engine.response import Response
from cyllama_jupyter.engine.submitting import OnToken, Submitter
from cyllama_jupyter.engine.tokens import Tokenizer
from cyllama_jupyter.engine.worker import EngineThread
from cyllama_jupyter.references import resolve

__all__ = ["LLM"]


class LLM(Submitter, StateKeeper):
    """A model in memory, with an engine that generates from it, several answers at once; the others queue.

    Args:
        model_path: A GGUF file, an alias, or ``hf:owner/repo[:file-or-quant]``, which is fetched where it is not in the
            cache; without one, what ``%llm load`` loaded or ``CYLLAMA_MODEL`` names, else the SmolLM2 of
            ``cyllama-jupyter[demo]``.
        config: The settings of every call that brings none of its own.
        verbose: Print llama.cpp's log to stderr, from here on for every model of this process.
        on_progress: Called with the fraction loaded, 0.0 to 1.0, some thirty times a second on this thread; returning
            False cancels the load. A model that has to be fetched is told of first, in the same way.
        force: Load also what does not fit beside all else in memory; the machine may slow down to a crawl, or the
            system end this process.
        **overrides: Fields of ``GenerationConfig`` that replace those of ``config``.

    Raises:
        ModelError: No model was found, or its file is not one that can be loaded.
        DownloadError: It could not be fetched.
        LoadError: It does not fit the memory, or llama.cpp could not load it.
        LoadCancelled: ``on_progress`` returned False. After that and after Ctrl-C nothing of the load is left in
            memory.
        ValueError: A setting is out of range; all are named.
    """

    memory: MemoryNeed | None = None
    """About what it takes, told from its file; None for one without a file."""

    def __init__(
        self,
        model_path: str | PathLike[str] | None = None,
        config: GenerationConfig | None = None,
        *,
        verbose: bool = False,
        on_progress: Callable[[float], object] | None = None,
        force: bool = False,
        **overrides: Any,  # noqa: ANN401 - the fields of GenerationConfig, which checks them
    ) -> None:
        requested = replace(config or GenerationConfig(), **overrides)
        settings.check_load(requested)
        path = resolve(model_path, settings.fractions(on_progress))
        if verbose:
            logs.show()
        loading.check(path, requested)
        self.memory = memory.check(path, requested, force=force)
        self.model_path = str(path)
        self._file = ModelFile(self.model_path, requested.adapters)
        scope = CancelScope()
        super().__init__(EngineThread(self.model_path, requested, scope), scope)
        try:
            self._model, self._ctx = open_engine(self._engine, on_progress)
        except BaseException:
            self._finalizer.detach()  # or its registry would hold the engine
            raise
        self.config = settings.of_load(requested, self._ctx)
        self._tokenizer = Tokenizer(self._model, self._ctx.n_ctx)
        self._chat = ChatFormat(self._model, self._tokenizer)

    @overload
    def __call__(
        self,
        prompt: str,
        config: GenerationConfig | None = None,
        stream: Literal[False] = False,  # noqa: FBT002 - cyllama's signature
        on_token: OnToken | None = None,
        timeout: float | None = None,
    ) -> Response: ...

    @overload
    def __call__(
        self,
        prompt: str,
        config: GenerationConfig | None = None,
        *,
        stream: Literal[True],
        on_token: OnToken | None = None,
        timeout: float | None = None,
    ) -> Generation: ...

    def __call__(
        self,
        prompt: str,
        config: GenerationConfig | None = None,
        stream: bool = False,  # noqa: FBT001, FBT002 - cyllama's signature
        on_token: OnToken | None = None,
        timeout: float | None = None,
    ) -> Response | Generation:
        """Generate from a prompt as it stands, without a chat template.

        Args:
            prompt: The text to go on with.
            config: The settings of this call.
            stream: Return the Generation, an iterator over the text, at once.
            on_token: Called on this thread with each piece of text.
            timeout: Seconds from now after which it ends, with ``finish_reason == "timeout"`` and the text so far.

        Raises:
            EngineBusy: As many generations as may wait do so.
            ContextOverflow: The prompt has more tokens than the context.
            KeyboardInterrupt: Ctrl-C, which has cancelled the generation.
        """
        [generation] = self._submit(partial(self._prompt_tokens, prompt), config, on_token=on_token, timeout=timeout)
        return generation if stream else consume(generation)

    @overload
    def chat(
        self,
        messages: Sequence[Message],
        config: GenerationConfig | None = None,
        stream: Literal[False] = False,  # noqa: FBT002 - cyllama's signature
        template: str | None = None,
        timeout: float | None = None,
    ) -> Response: ...

    @overload
    def chat(
        self,
        messages: Sequence[Message],
        config: GenerationConfig | None = None,
        *,
        stream: Literal[True],
        template: str | None = None,
        timeout: float | None = None,
    ) -> Generation: ...

    def chat(
        self,
        messages: Sequence[Message],
        config: GenerationConfig | None = None,
        stream: bool = False,  # noqa: FBT001, FBT002 - cyllama's signature
        template: str | None = None,
        timeout: float | None = None,
    ) -> Response | Generation:
        """Answer a conversation through the model's own chat template.

        A model without one gets the messages as plain text, and you a warning.

        Args:
            messages: Mappings with ``role`` and ``content``.
            config: The settings of this call.
            stream: Return the Generation, an iterator over the text, at once.
            template: Jinja source, or the name of one of the model's templates.
            timeout: Seconds from now after which it ends, with ``finish_reason == "timeout"`` and the text so far.

        Raises:
            PromptError: A message lacks its role or content, the template refuses them, or they do not fit the context.
            KeyboardInterrupt: Ctrl-C, which has cancelled the generation.
        """
        generation = self._submit(partial(self._chat.tokenize, messages, template=template), config, timeout=timeout)[0]
        return generation if stream else consume(generation)

    @property
    def n_ctx(self) -> int:
        """Length of the context in tokens, as llama.cpp rounded it."""
        return self._ctx.n_ctx

    def __enter__(self) -> "LLM":
        """Return itself; leaving the block closes it."""
        return self

    def __repr__(self) -> str:
        """Show the model and its context."""
        state = "closed" if self.closed else f"n_ctx={self.n_ctx}"
        return f"<LLM {self.model_path!r} {state}>"
