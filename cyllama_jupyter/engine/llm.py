"""A loaded model to call."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from os import PathLike
from typing import Any, Literal, overload

from cyllama_jupyter._native.cancel import CancelScope
from cyllama_jupyter._native.sampler import LlamaSampler
from cyllama_jupyter.config import GenerationConfig
from cyllama_jupyter.engine import loading, logs, settings, state
from cyllama_jupyter.engine.chat import ChatFormat, Message
from cyllama_jupyter.engine.fingerprint import ModelFile
from cyllama_jupyter.engine.generation import Generation, collect, consume
from cyllama_jupyter.engine.opening import open_engine
from cyllama_jupyter.engine.owner import EngineOwner
from cyllama_jupyter.engine.response import Response
from cyllama_jupyter.engine.run import Call, Run
from cyllama_jupyter.engine.sampling import make_sampler
from cyllama_jupyter.engine.tokens import Tokenizer, check_prompt
from cyllama_jupyter.engine.worker import EngineThread
from cyllama_jupyter.errors import ClosedError
from cyllama_jupyter.models import resolve_model

__all__ = ["LLM"]

OnToken = Callable[[str], object]
Prompt = str | Sequence[Message]


class LLM(EngineOwner):
    """A model in memory, with an engine that generates from it, several answers at once; the others queue.

    Args:
        model_path: A GGUF file; without one, what ``%llm load`` loaded or ``CYLLAMA_MODEL`` names, else the SmolLM2 of
            ``cyllama-jupyter[demo]``.
        config: The settings of every call that brings none of its own.
        verbose: Print llama.cpp's log to stderr, from here on for every model of this process.
        on_progress: Called with the fraction loaded, 0.0 to 1.0, some thirty times a second on this thread; returning
            False cancels the load.
        **overrides: Fields of ``GenerationConfig`` that replace those of ``config``.

    Raises:
        ModelError: No model was found, or its file is not one that can be loaded.
        LoadError: llama.cpp could not load it.
        LoadCancelled: ``on_progress`` returned False. After that and after Ctrl-C nothing of the load is left in
            memory.
        ValueError: A setting is out of range; all are named.
    """

    def __init__(
        self,
        model_path: str | PathLike[str] | None = None,
        config: GenerationConfig | None = None,
        *,
        verbose: bool = False,
        on_progress: Callable[[float], object] | None = None,
        **overrides: Any,  # noqa: ANN401 - the fields of GenerationConfig, which checks them
    ) -> None:
        requested = replace(config or GenerationConfig(), **overrides)
        path = resolve_model(model_path)
        if verbose:
            logs.show()
        loading.check(path)
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
        [generation] = self._submit(partial(self._prompt_tokens, prompt), config, on_token, timeout)
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

    def submit(self, prompt: str, config: GenerationConfig | None = None, timeout: float | None = None) -> Generation:
        """Queue a generation and return its handle at once; the arguments are those of a call."""
        return self._submit(partial(self._prompt_tokens, prompt), config, timeout=timeout)[0]

    def submit_chat(
        self,
        messages: Sequence[Message],
        config: GenerationConfig | None = None,
        template: str | None = None,
        timeout: float | None = None,
    ) -> Generation:
        """Queue the answer to a conversation and return its handle at once; the arguments are those of ``chat``."""
        return self._submit(partial(self._chat.tokenize, messages, template=template), config, timeout=timeout)[0]

    def samples(
        self, prompt: Prompt, n: int, config: GenerationConfig | None = None, timeout: float | None = None
    ) -> list[Response]:
        """Generate several answers to one prompt, which is read once; the arguments are those of ``submit_samples``."""
        return collect(self.submit_samples(prompt, n, config, timeout))

    def submit_samples(
        self, prompt: Prompt, n: int, config: GenerationConfig | None = None, timeout: float | None = None
    ) -> list[Generation]:
        """Queue several answers to one prompt and return their handles at once.

        Args:
            prompt: A text to go on with as it stands, or the messages of a conversation.
            n: How many answers.
            config: The settings of all; a seed s becomes s, s + 1, s + 2 and so on.
            timeout: Seconds from now after which each ends, with ``finish_reason == "timeout"``.

        Raises:
            EngineBusy: There is no place for all of them; those that had one are cancelled.
            ValueError: ``n`` is not a number from 1 up.
        """
        if n < 1:
            raise ValueError(f"n must be a number of answers from 1 up, got {n!r}")
        tokenize = (
            partial(self._prompt_tokens, prompt) if isinstance(prompt, str) else partial(self._chat.tokenize, prompt)
        )
        return self._submit(tokenize, config, timeout=timeout, n=n)

    def _submit(
        self,
        tokenize: Callable[[GenerationConfig], list[int]],
        config: GenerationConfig | None,
        on_token: OnToken | None = None,
        timeout: float | None = None,
        n: int = 1,
    ) -> list[Generation]:
        tokens = [self._scope.issue() for _ in range(n)]  # first of all: a cancel from here on hits this call
        created = time.perf_counter()
        if self.closed:
            raise ClosedError("the LLM is closed")
        settings.check_timeout(timeout)
        chosen = settings.of_call(config, self.config)
        read = tokenize(chosen)
        check_prompt(read, self._ctx.n_ctx)
        generations: list[Generation] = []
        try:
            for token, each in zip(tokens, settings.seeded(chosen, n), strict=True):
                call = Call(read, each, self.model_path, created, self._sampler(each, read), timeout)
                run = Run(call, token)
                generations.append(
                    Generation(run, self, on_token)
                )  # first: dropped by an interrupt, it cancels the run
                self._engine.submit(run)
        except BaseException:
            for generation in generations:
                generation.cancel()
            raise
        return generations

    def _sampler(self, config: GenerationConfig, prompt: Sequence[int]) -> LlamaSampler | None:
        return make_sampler(self._model, config, self._ctx.n_ctx, prompt)

    def _prompt_tokens(self, prompt: str, config: GenerationConfig) -> list[int]:
        return self._tokenizer.prompt(prompt, add_bos=config.add_bos, parse_special=config.parse_special)

    @property
    def has_chat_template(self) -> bool:
        """Whether the model brings a chat template."""
        return self._chat.default_template is not None

    @property
    def n_ctx(self) -> int:
        """Length of the context in tokens, as llama.cpp rounded it."""
        return self._ctx.n_ctx

    def save_state(self, path: str | PathLike[str]) -> int:
        """Write what was computed to a file, so that prompts that begin so are not read again after a restart.

        It is taken between two steps of what runs. Only you may read the file: it holds your conversations.

        Args:
            path: Where to; ``~`` is the home folder. An old file is replaced as a whole, or left as it is.

        Returns:
            How many tokens were saved, over all sequences.

        Raises:
            OSError: The file cannot be written.
            StateError: The model's file has changed since it was loaded.
        """
        origin = self._file.origin(self.config)  # first: it may refuse
        return state.write(path, self._engine.save(), origin)

    def load_state(self, path: str | PathLike[str]) -> int:
        """Take in what ``save_state`` wrote; load your own files only, for a checksum tells damage and not intent.

        Returns:
            How many tokens that is; the oldest sequences are left out where memory is short.

        Raises:
            StateNotFoundError: There is no such file.
            StateError: It is damaged, or was saved from another model or llama.cpp; nothing was taken in.
        """
        saved = state.read(path, self._file.origin(self.config), self._model.n_vocab, self._engine.stash_bytes)
        return self._engine.restore(saved)

    def __enter__(self) -> "LLM":
        """Return itself; leaving the block closes it."""
        return self

    def __repr__(self) -> str:
        """Show the model and its context."""
        state = "closed" if self.closed else f"n_ctx={self.n_ctx}"
        return f"<LLM {self.model_path!r} {state}>"
