"""Prefill and decode of one run on the engine thread."""

from cyllama_jupyter._native.context import LlamaContext
from cyllama_jupyter._native.model import LlamaModel
from cyllama_jupyter._native.text import TextFilter
from cyllama_jupyter.config import GenerationConfig
from cyllama_jupyter.engine.response import FinishReason
from cyllama_jupyter.engine.run import Run
from cyllama_jupyter.engine.sampling import make_sampler
from cyllama_jupyter.engine.threads import decode_threads, prefill_threads
from cyllama_jupyter.errors import DecodeAborted

__all__ = ["perform"]


def perform(run: Run, model: LlamaModel, context: LlamaContext) -> FinishReason:
    """Generate the answer to a run and return how it ended.

    Args:
        run: What to generate; its text and progress are written as they come.
        model: The model.
        context: A context of the model, which forgets what it held.

    Raises:
        DecodeError: llama.cpp failed.
    """
    context.watch(run.token)
    text = TextFilter(run.config.stop_sequences)
    try:
        context.clear()
        _prefill(run, context)
        run.start_decoding()
        reason = _decode(run, model, context, text)
    except DecodeAborted:
        reason = "cancelled"
    if context.cancel:  # it came after the last look and before the end
        reason = "cancelled"
    context.watch(None)
    run.emit(text.flush())
    return reason


def _prefill(run: Run, context: LlamaContext) -> None:
    """Read the prompt in steps of one ubatch: where ggml's abort callback is ignored (GPUs), no step can be stopped."""
    step = min(context.n_ubatch, context.n_batch)
    for start in range(0, len(run.prompt), step):
        _raise_if_cancelled(context)
        tokens = run.prompt[start : start + step]
        _set_threads(context, run.config, len(tokens))
        context.decode(tokens)
        run.prompt_read += len(tokens)


def _set_threads(context: LlamaContext, config: GenerationConfig, n_tokens: int) -> None:
    context.set_n_threads(decode_threads(config.n_threads), prefill_threads(config.n_threads_batch, n_tokens))


def _decode(run: Run, model: LlamaModel, context: LlamaContext, text: TextFilter) -> FinishReason:
    sampler = make_sampler(model, run.config, context.n_ctx)
    while run.generated < run.config.max_tokens:
        _raise_if_cancelled(context)
        token = sampler.sample(context)
        if model.is_eog(token):
            return "stop"
        run.generated += 1
        run.emit(text.push(model.token_to_piece(token)))
        if text.stopped:
            return "stop"
        if context.n_past >= context.n_ctx:
            return "length"
        if run.generated < run.config.max_tokens:
            context.decode([token])
    return "length"


def _raise_if_cancelled(context: LlamaContext) -> None:
    if context.cancel:
        raise DecodeAborted("cancelled between two decodes")
