"""Queuing generations: from what somebody asks to the handles of the answers."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from cyllama_jupyter._native.context import LlamaContext
from cyllama_jupyter._native.sampler import LlamaSampler
from cyllama_jupyter.config import GenerationConfig
from cyllama_jupyter.engine import settings
from cyllama_jupyter.engine.chat import Message
from cyllama_jupyter.engine.generation import Generation, collect
from cyllama_jupyter.engine.reading import Prompt, PromptReader
from cyllama_jupyter.engine.response import Response
from cyllama_jupyter.engine.run import Call, Run
from cyllama_jupyter.engine.sampling import make_samplers
from cyllama_jupyter.engine.tokens import check_prompt
from cyllama_jupyter.errors import ClosedError

__all__ = ["OnToken", "Submitter"]

OnToken = Callable[[str], object]
"""Called with each piece of text."""


class Submitter(PromptReader):
    """The part of an ``LLM`` that queues generations."""

    model_path: str
    _ctx: LlamaContext

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
