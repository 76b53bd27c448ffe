"""The settings of a loaded model, and what those of a call become beside them."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace

from cyllama_jupyter._native.context import LlamaContext, cache_block
from cyllama_jupyter.config import FIXED_AT_LOAD, RANDOM_SEED, GenerationConfig
from cyllama_jupyter.engine import loading

__all__ = ["check_load", "check_timeout", "fractions", "of_call", "of_load", "seeded"]

_LEFT_TO_THE_LOAD = ("n_threads", "n_threads_batch")


def check_load(requested: GenerationConfig) -> None:
    """Refuse settings that llama.cpp refuses together (``llama_init_from_model``), before anything is loaded.

    Raises:
        ValueError: The values of the context are to be quantised without flash attention.
    """
    type_v = requested.type_v or loading.DEFAULT_CACHE_TYPE
    if cache_block(type_v)[0] > 1 and requested.flash_attn != "on":
        raise ValueError(
            f"type_v={type_v!r} is quantised, which llama.cpp can read with flash attention alone: set "
            'flash_attn="on" too'
        )


def fractions(on_progress: Callable[[float], object] | None) -> Callable[[int, int], object] | None:
    """Return what tells a load's ``on_progress`` of a download, in bytes that are there and all bytes."""
    return on_progress and (lambda done, total: on_progress(done / total if total else 0.0))


def of_load(requested: GenerationConfig, context: LlamaContext) -> GenerationConfig:
    """Fill in what was left to the load."""
    defaults = {
        "n_ctx": context.n_ctx,
        "n_batch": context.n_batch,
        "n_ubatch": context.n_ubatch,
        "n_parallel": context.n_sequences,
        "max_queued": loading.DEFAULT_MAX_QUEUED,
        "flash_attn": "off",
        "type_k": loading.DEFAULT_CACHE_TYPE,
        "type_v": loading.DEFAULT_CACHE_TYPE,
        "n_gpu_layers": loading.ALL_LAYERS,
        "main_gpu": 0,
        "split_mode": loading.DEFAULT_SPLIT_MODE,
    }
    given = {name: value for name, value in asdict(requested).items() if value is not None}
    return replace(requested, **{**defaults, **given})


def of_call(config: GenerationConfig | None, loaded: GenerationConfig) -> GenerationConfig:
    """Return the complete settings of a call.

    Args:
        config: What the call brings; None takes all from the load.
        loaded: The settings of the loaded model.

    Raises:
        TypeError: ``config`` is something else.
        ValueError: It differs from the load in what only a load can change.
    """
    if config is None:
        return loaded
    if not isinstance(config, GenerationConfig):
        raise TypeError(f"config must be a GenerationConfig, got {type(config).__name__}")
    conflicts = config.conflicts(loaded)
    if conflicts:
        raise ValueError(f"{', '.join(conflicts)} cannot change in a call: load the model again with LLM(path, ...)")
    open_ones = [name for name in _LEFT_TO_THE_LOAD if getattr(config, name) is None]
    return replace(config, **{name: getattr(loaded, name) for name in (*FIXED_AT_LOAD, *open_ones)})


def seeded(config: GenerationConfig, n: int) -> Iterator[GenerationConfig]:
    """Yield the settings of n answers to one prompt: a fixed seed s becomes s, s + 1 and so on, a random one stays."""
    for index in range(n):
        is_random = config.seed == RANDOM_SEED
        yield config if is_random else replace(config, seed=(config.seed + index) % RANDOM_SEED)


def check_timeout(timeout: float | None) -> None:
    """Refuse what is no time to wait.

    Raises:
        ValueError: It is neither None nor above 0.
    """
    if timeout is not None and not (isinstance(timeout, (int, float)) and timeout > 0):
        raise ValueError(f"timeout must be a number of seconds above 0, or None, got {timeout!r}")
