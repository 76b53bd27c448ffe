"""A configuration to a chain of samplers."""

from collections.abc import Sequence

from cyllama_jupyter._native.model import LlamaModel
from cyllama_jupyter._native.sampler import LlamaSampler
from cyllama_jupyter.config import GenerationConfig

__all__ = ["make_samplers"]


def make_samplers(
    model: LlamaModel,
    configs: Sequence[GenerationConfig],
    n_ctx: int,
    prompt: Sequence[int] = (),
    begun: Sequence[int] = (),
) -> list[LlamaSampler]:
    """Return a chain for each of several answers to one prompt.

    Args:
        model: The model that is sampled.
        configs: The settings of each; they differ in their seeds alone, so the grammar is read once.
        n_ctx: Length of the context in tokens: what -1 means for the penalties.
        prompt: Its tokens count for the penalties.
        begun: The same, and the grammar has to allow them.

    Raises:
        GrammarError: The grammar is not valid, or does not allow what is begun.
    """
    samplers: list[LlamaSampler] = []
    for config in configs:
        sampler = LlamaSampler(model)
        if config.grammar is not None:
            if samplers:
                sampler.constrain_as(samplers[0])
            else:
                sampler.constrain(config.grammar)
            sampler.accept_answer(begun)
        _add_links(sampler, config, n_ctx, (*prompt, *begun))
        samplers.append(sampler)
    return samplers


def _add_links(sampler: LlamaSampler, config: GenerationConfig, n_ctx: int, before: Sequence[int]) -> None:
    """Add penalties, which look back at ``before``, then what narrows the choice, then the choice itself."""
    if _add_penalties(sampler, config, n_ctx):
        sampler.accept(before)
    if config.temperature == 0.0:
        sampler.add_greedy()
    elif config.mirostat:
        _add_mirostat(sampler, config)
    else:
        _add_narrowing(sampler, config)
        sampler.add_temperature(config.temperature)
        sampler.add_dist(config.seed)


def _add_penalties(sampler: LlamaSampler, config: GenerationConfig, n_ctx: int) -> bool:
    """Add what looks back at tokens; return whether anything does."""

    def window(last_n: int) -> int:
        # llama.cpp reads a negative window as none, and allocates a long one whole.
        return n_ctx if last_n < 0 else min(last_n, n_ctx)

    penalties = (config.repeat_penalty, config.frequency_penalty, config.presence_penalty)
    penalises = bool(config.penalty_last_n) and penalties != (1.0, 0.0, 0.0)
    dries = bool(config.dry_multiplier and config.dry_penalty_last_n)
    if penalises:
        sampler.add_penalties(window(config.penalty_last_n), *penalties)
    if dries:
        last_n = window(config.dry_penalty_last_n)
        breakers = config.dry_sequence_breakers
        sampler.add_dry(config.dry_multiplier, config.dry_base, config.dry_allowed_length, last_n, breakers)
    return penalises or dries


def _add_mirostat(sampler: LlamaSampler, config: GenerationConfig) -> None:
    sampler.add_temperature(config.temperature)
    add = sampler.add_mirostat if config.mirostat == 1 else sampler.add_mirostat_v2
    add(config.seed, config.mirostat_tau, config.mirostat_eta)


def _add_narrowing(sampler: LlamaSampler, config: GenerationConfig) -> None:
    if config.top_n_sigma > 0.0:
        sampler.add_top_n_sigma(config.top_n_sigma)
        return
    sampler.add_min_p(config.min_p)
    sampler.add_top_k(config.top_k)
    sampler.add_top_p(config.top_p)
