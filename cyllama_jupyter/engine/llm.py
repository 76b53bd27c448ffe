"""A loaded model to call."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from os import PathLike
from typing import Any, Literal, overload

from cyllama_jupyter._native.cancel import CancelScope
from cyllama_jupyter._native.sampler import LlamaSampler
from cyllama_jupyter.config import GenerationConfig
from cyllama_jupyter.engine import loading, logs, memory, settings
from cyllama_jupyter.engine.chat import ChatFormat, Message
from cyllama_jupyter.engine.fingerprint import ModelFile
from cyllama_jupyter.engine.generation import Generation, collect, consume
from cyllama_jupyter.engine.keeping import StateKeeper
from cyllama_jupyter.engine.memory import MemoryNeed
from cyllama_jupyter.engine.opening import open_engine
from cyllama_jupyter.engine.owner import EngineOwner
from cyllama_jupyter.engine.reading import Prompt, PromptReader
from cyllama_jupyter.engine.response import Response
from cyllama_jupyter.engine.run import Call, Run
from cyllama_jupyter.engine.sampling import make_samplers
from cyllama_jupyter.engine.tokens import Tokenizer, check_prompt
from cyllama_jupyter.engine.worker import EngineThread
from cyllama_jupyter.errors import ClosedError
from cyllama_jupyter.references import resolve

__all__ = ["LLM"]

OnToken = Callable[[str], object]


class LLM(EngineOwner, PromptReader, StateKeeper):
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
        self._file = ModelFile(self.model_path)
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

    def submit(
        self,
        prompt: str | Sequence[int],
        config: GenerationConfig | None = None,
        timeout: float | None = None,
        *,
        begun: Sequence[int] = (),
    ) -> Generation:
        """Queue a generation and return its handle at once.

        Args:
            prompt: The text to go on with, or its token ids.
            config: The settings of this call; ``max_tokens`` counts new tokens alone.
            timeout: Seconds from now after which it ends.
            begun: Tokens that the answer begins with, such as the ``token_ids`` of one that was cancelled. They are
                computed after the prompt, one at a time as they were written, so a greedy answer goes on to what it
                would have been; their text is the beginning of the generation's.

        Raises:
            GrammarError: The grammar is not valid, or does not allow that beginning.
            PromptError: Something is no token of this model.
        """
        return self._submit(partial(self._prompt_tokens, prompt), config, timeout=timeout, begun=begun)[0]

    def submit_chat(  # noqa: PLR0913 - one argument for each thing that a call may bring
        self,
        messages: Sequence[Message],
        config: GenerationConfig | None = None,
        template: str | None = None,
        timeout: float | None = None,
        *,
        begun: Sequence[int] = (),
        known: Sequence[int] = (),
    ) -> Generation:
        """Queue the answer to a conversation; other arguments and errors are those of ``chat`` and ``submit``.

        Args:
            messages: Mappings with ``role`` and ``content``.
            config: The settings of this call.
            template: Jinja source, or the name of one of the model's templates.
            timeout: Seconds from now after which it ends.
            begun: Tokens that the answer begins with.
            known: The tokens of this conversation up to its last answer, ``prompt_ids`` and ``token_ids`` of the
                generation that wrote it. What a model writes may be read again as other tokens, and would then be
                computed again. They are taken only as far as they say what the messages say.
        """
        tokenize = partial(self._chat.tokenize, messages, template=template, known=known)
        return self._submit(tokenize, config, timeout=timeout, begun=begun)[0]

    def samples(  # noqa: PLR0913 - one argument for each thing that a call may bring
        self,
        prompt: Prompt,
        n: int,
        config: GenerationConfig | None = None,
        timeout: float | None = None,
        *,
        begun: Sequence[int] = (),
        known: Sequence[int] = (),
    ) -> list[Response]:
        """Generate several answers to one prompt, which is read once; the arguments are those of ``submit_samples``."""
        return collect(self.submit_samples(prompt, n, config, timeout, begun=begun, known=known))

    def submit_samples(  # noqa: PLR0913 - one argument for each thing that a call may bring
        self,
        prompt: Prompt,
        n: int,
        config: GenerationConfig | None = None,
        timeout: float | None = None,
        *,
        begun: Sequence[int] = (),
        known: Sequence[int] = (),
    ) -> list[Generation]:
        """Queue several answers to one prompt and return their handles at once.

        They are taken in together, so a seed gives the same answers again where nothing else runs.

        Args:
            prompt: A text to go on with as it stands, the messages of a conversation, or token ids.
            n: How many answers.
            config: The settings of all; a seed s becomes s, s + 1, s + 2 and so on.
            timeout: Seconds from now after which each ends, with ``finish_reason == "timeout"``.
            begun: Tokens that each of them begins with.
            known: As for ``submit_chat``; for messages alone.

        Raises:
            EngineBusy: There is no place for all of them; none is queued.
            ValueError: ``n`` is not a number from 1 up, or tokens are known of what is no conversation.
        """
        if n < 1:
            raise ValueError(f"n must be a number of answers from 1 up, got {n!r}")
        is_chat = not isinstance(prompt, str) and (not prompt or isinstance(prompt[0], Mapping))
        if known and not is_chat:
            raise ValueError("known tokens are those of a conversation: give its messages, or put them into the prompt")
        tokenize: Callable[..., list[int]] = (
            partial(self._chat.tokenize, known=known) if is_chat else self._prompt_tokens
        )
        return self._submit(partial(tokenize, prompt), config, timeout=timeout, n=n, begun=begun)

    def _submit(  # noqa: PLR0913 - one argument for each thing that a call may bring
        self,
        tokenize: Callable[[GenerationConfig], list[int]],
        config: GenerationConfig | None,
        *,
        on_token: OnToken | None = None,
        timeout: float | None = None,
        n: int = 1,
        begun: Sequence[int] = (),
    ) -> list[Generation]:
        tokens = [self._scope.issue() for _ in range(n)]  # first of all: a cancel from here on hits this call
        created = time.perf_counter()
        if self.closed:
            raise ClosedError("the LLM is closed")
        settings.check_timeout(timeout)
        chosen = settings.of_call(config, self.config)
        read = tokenize(chosen)
        first = self._spelled(begun)
        check_prompt(read, self._ctx.n_ctx, len(first))
        configs = list(settings.seeded(chosen, n))
        calls = [
            Call(read, each, self.model_path, created, sampler, timeout, first)
            for each, sampler in zip(configs, self._samplers(configs, read, begun), strict=True)
        ]
        runs = [Run(call, token) for call, token in zip(calls, tokens, strict=True)]
        generations = [Generation(run, self, on_token) for run in runs]  # first: dropped, they cancel their runs
        try:
            self._engine.submit(*runs)
        except BaseException:  # an interrupt, whose traceback keeps them
            for generation in generations:
                generation.cancel()
            raise
        return generations

    def _samplers(
        self, configs: Sequence[GenerationConfig], prompt: Sequence[int], begun: Sequence[int]
    ) -> Sequence[LlamaSampler | None]:
        return make_samplers(self._model, configs, self._ctx.n_ctx, prompt, begun)

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
