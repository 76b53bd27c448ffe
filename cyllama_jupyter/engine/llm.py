"""A loaded model to call."""

import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from os import PathLike
from types import TracebackType
from typing import Any, Literal, overload

from cyllama_jupyter._native.cancel import CancelScope
from cyllama_jupyter._native.context import LlamaContext
from cyllama_jupyter._native.model import LlamaModel
from cyllama_jupyter._native.sampler import LlamaSampler
from cyllama_jupyter.config import FIXED_AT_LOAD, GenerationConfig
from cyllama_jupyter.engine import loading, logs, state
from cyllama_jupyter.engine.chat import ChatFormat, Message
from cyllama_jupyter.engine.fingerprint import ModelFile
from cyllama_jupyter.engine.generation import Generation
from cyllama_jupyter.engine.interrupts import SigintHandler
from cyllama_jupyter.engine.response import Response
from cyllama_jupyter.engine.run import Call, Run
from cyllama_jupyter.engine.sampling import make_sampler
from cyllama_jupyter.engine.tokens import Tokenizer
from cyllama_jupyter.engine.worker import EngineThread
from cyllama_jupyter.errors import ClosedError, ContextOverflow, LoadCancelled, PromptError
from cyllama_jupyter.models import resolve_model

__all__ = ["LLM"]

_TICK = 1 / 30  # seconds between two reports of a load's progress

OnToken = Callable[[str], object]


class LLM:
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
        self._scope = CancelScope()
        self._engine = EngineThread(self.model_path, requested, self._scope)
        self._finalizer = weakref.finalize(self, self._engine.stop)
        self._finalizer.atexit = False  # the engine has an exit hook, which also waits
        try:
            self._model, self._ctx = _load(self._engine, on_progress)
        except BaseException:
            self._finalizer.detach()  # or its registry would hold the engine
            raise
        self.config = _resolved(requested, self._ctx)
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
        generation = self._submit(self._prompt_tokens, prompt, config, on_token, timeout)
        return generation if stream else _consume(generation)

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
        generation = self._submit(partial(self._chat.tokenize, template=template), messages, config, timeout=timeout)
        return generation if stream else _consume(generation)

    def submit(self, prompt: str, config: GenerationConfig | None = None, timeout: float | None = None) -> Generation:
        """Queue a generation and return its handle at once; the arguments are those of a call."""
        return self._submit(self._prompt_tokens, prompt, config, timeout=timeout)

    def submit_chat(
        self,
        messages: Sequence[Message],
        config: GenerationConfig | None = None,
        template: str | None = None,
        timeout: float | None = None,
    ) -> Generation:
        """Queue the answer to a conversation and return its handle at once; the arguments are those of ``chat``."""
        return self._submit(partial(self._chat.tokenize, template=template), messages, config, timeout=timeout)

    def _submit(
        self,
        tokenize: Callable[[Any, GenerationConfig], list[int]],
        prompt: object,
        config: GenerationConfig | None,
        on_token: OnToken | None = None,
        timeout: float | None = None,
    ) -> Generation:
        token = self._scope.issue()  # first of all: a cancel from here on hits this call
        created = time.perf_counter()
        if self.closed:
            raise ClosedError("the LLM is closed")
        if timeout is not None and not timeout > 0:
            raise ValueError(f"timeout must be a number of seconds above 0, or None, got {timeout!r}")
        settings = self._settings(config)
        read = tokenize(prompt, settings)
        if not read:
            raise PromptError("the prompt has no tokens, and this model no BOS token to begin with: write something")
        if len(read) > self._ctx.n_ctx:
            raise ContextOverflow(len(read), self._ctx.n_ctx)
        call = Call(read, settings, self.model_path, created, self._sampler(settings, read), timeout)
        run = Run(call, token)
        generation = Generation(run, self, on_token)  # first: dropped by an interrupt here, it cancels the run
        self._engine.submit(run)
        return generation

    def _sampler(self, config: GenerationConfig, prompt: Sequence[int]) -> LlamaSampler | None:
        return make_sampler(self._model, config, self._ctx.n_ctx, prompt)

    def _settings(self, config: GenerationConfig | None) -> GenerationConfig:
        if config is None:
            return self.config
        if not isinstance(config, GenerationConfig):
            raise TypeError(f"config must be a GenerationConfig, got {type(config).__name__}")
        conflicts = config.conflicts(self.config)
        if conflicts:
            raise ValueError(
                f"{', '.join(conflicts)} cannot change in a call: load the model again with LLM(path, ...)"
            )
        loaded = {name: getattr(self.config, name) for name in FIXED_AT_LOAD}
        threads = {
            name: getattr(self.config, name)
            for name in ("n_threads", "n_threads_batch")
            if getattr(config, name) is None
        }
        return replace(config, **loaded, **threads)

    def _prompt_tokens(self, prompt: str, config: GenerationConfig) -> list[int]:
        if not isinstance(prompt, str):
            raise TypeError(f"the prompt must be a string, got {type(prompt).__name__}")
        read = self._tokenizer.tokenize(prompt, parse_special=config.parse_special)
        begun = self._tokenizer.begin(read, add_bos=config.add_bos)
        return begun or ([self._model.bos] if self._model.bos >= 0 else [])

    @property
    def has_chat_template(self) -> bool:
        """Whether the model brings a chat template."""
        return self._chat.default_template is not None

    @property
    def n_ctx(self) -> int:
        """Length of the context in tokens, as llama.cpp rounded it."""
        return self._ctx.n_ctx

    def cancel(self) -> None:
        """Cancel every generation whose call was made before, running or queued, and none made after.

        It takes no lock: call it from any thread or signal handler.
        """
        self._scope.cancel()

    @property
    def cancel_requested(self) -> bool:
        """Whether ``cancel()`` was called since the last call."""
        return self._scope.requested

    def install_sigint_handler(self) -> SigintHandler:
        """Let Ctrl-C call ``cancel()`` until the handle is restored, by ``restore()`` or the end of a ``with`` block.

        Raises:
            RuntimeError: This is not the main thread.
        """
        return SigintHandler(self.cancel)

    def refuse_to_wait(self) -> None:
        """Refuse a wait that could never end.

        Raises:
            RuntimeError: This is the engine's own thread: a done callback.
        """
        if self._engine.is_current:
            raise RuntimeError("a done callback runs on the engine's thread and cannot wait for it: use another thread")

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

    @property
    def closed(self) -> bool:
        """Whether ``close()`` was called."""
        return not self._finalizer.alive

    def close(self) -> None:
        """Cancel what runs or waits and free the model; a second call does nothing."""
        self._finalizer()
        self._engine.join()

    def __enter__(self) -> "LLM":
        """Return itself; leaving the block closes it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def __repr__(self) -> str:
        """Show the model and its context."""
        state = "closed" if self.closed else f"n_ctx={self.n_ctx}"
        return f"<LLM {self.model_path!r} {state}>"


def _load(engine: EngineThread, on_progress: Callable[[float], object] | None) -> tuple[LlamaModel, LlamaContext]:
    """Start the engine and wait until it has loaded; whatever interrupts that stops it and leaves nothing behind."""
    try:
        engine.start()
        while not engine.is_loaded:
            engine.loaded.wait(_TICK)
            if on_progress is not None and on_progress(engine.load_state.fraction) is False:
                raise LoadCancelled("on_progress returned False")
        error, engine.error = engine.error, None  # its traceback would hold the LLM, and so keep the engine
        if error is not None:
            raise error
    except BaseException:
        engine.stop()
        engine.join()
        raise
    if engine.model is None or engine.context is None:
        raise RuntimeError("an engine without an error has a model")
    return engine.model, engine.context


def _resolved(requested: GenerationConfig, context: LlamaContext) -> GenerationConfig:
    """Fill in what was left to the load."""
    defaults = {
        "n_ctx": context.n_ctx,
        "n_batch": loading.DEFAULT_N_BATCH,
        "n_ubatch": context.n_ubatch,
        "n_parallel": context.n_sequences,
        "flash_attn": "off",
        "n_gpu_layers": loading.ALL_LAYERS,
        "main_gpu": 0,
        "split_mode": loading.DEFAULT_SPLIT_MODE,
    }
    given = {name: value for name, value in asdict(requested).items() if value is not None}
    return replace(requested, **{**defaults, **given})


def _consume(generation: Generation) -> Response:
    """Read a generation to its end on this thread; an error on the way cancels it."""
    with generation:
        for _ in generation:
            pass
        return generation.result()
