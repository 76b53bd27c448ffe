"""What a model will take, told from its header before it is loaded, and whether that fits.

What "fits" means where a model is mapped (``use_mmap``, llama.cpp's default): its weights are pages of a file, which
the system may drop and read again, so no load fails for want of memory for them. But every token reads every weight.
What does not stay in memory is read from the disk anew for each token, far slower than it would be computed, and takes
the memory of everything else meanwhile. So weights count in full. Pages of files count as free memory, those of this
very model among them, so that a model which lies in memory already is not counted twice.

Keys, values, adapters and scratch memory are no file's. Where they do not fit, the system grants them all the same, and
ends the process when they are used.
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from cyllama_jupyter._native.context import cache_block
from cyllama_jupyter._native.gguf import GgufHeader
from cyllama_jupyter.config import GenerationConfig
from cyllama_jupyter.engine.devices import gpus
from cyllama_jupyter.engine.hyperparameters import Hyperparameters
from cyllama_jupyter.engine.loading import ALL_LAYERS, DEFAULT_CACHE_TYPE, DEFAULT_N_PARALLEL, free_memory, lengths
from cyllama_jupyter.errors import LoadError
from cyllama_jupyter.models import parts

__all__ = ["MemoryNeed", "Place", "check", "estimate", "places", "size"]

_F32 = 4  # bytes
_GIGABYTE, _MEGABYTE = 10**9, 10**6
_PADDING = 256  # llama.cpp rounds the length of a context up to it


@dataclass(frozen=True)
class MemoryNeed:
    """What a loaded model takes, in bytes.

    Args:
        weights: Its tensors.
        cache: Keys and values, and the states of recurrent layers, for the whole context; taken at once.
        compute: Scratch memory of one step, and logits.
        n_ctx: The context that this is for, in tokens.
        adapters: Its adapters, which are read into memory and not mapped.
    """

    weights: int
    cache: int
    compute: int
    n_ctx: int
    adapters: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.anonymous

    @property
    def anonymous(self) -> int:
        """What of it is no file's."""
        return self.adapters + self.cache + self.compute

    def __str__(self) -> str:
        adapters = f"adapters {size(self.adapters)}, " if self.adapters else ""
        return (
            f"{size(self.total)} (weights {size(self.weights)}, {adapters}cache of {self.n_ctx:,} tokens "
            f"{size(self.cache)}, compute {size(self.compute)})"
        )


@dataclass(frozen=True)
class Place:
    """A memory, and what of a model is to lie in it.

    Args:
        name: "memory", or the names of GPUs.
        need: What is to lie there.
        free: Bytes that are free there.
        total: Bytes that it has.
    """

    name: str
    need: MemoryNeed
    free: int
    total: int

    @property
    def fits(self) -> bool:
        """Whether there is room."""
        return self.need.total <= self.free

    @property
    def is_possible(self) -> bool:
        """Whether there could be room: what is no file's cannot be more than all of it."""
        return self.need.anonymous <= self.total


def estimate(path: Path, config: GenerationConfig) -> MemoryNeed:
    """Return about what a model will take, from its header.

    Measured against what llama.cpp says that it allocates, weights and cache are exact for models with attention, and
    compute is within a tenth or so. For layers of other kinds (recurrent, compressed keys) it is a guess.

    Args:
        path: A model's file, checked already, as are its adapters.
        config: The fields that are fixed at load; None takes the default.
    """
    model = Hyperparameters(path)
    n_ctx, _, n_ubatch = lengths(config, model.n_ctx_train)
    padded = -(-n_ctx // _PADDING) * _PADDING
    n_sequences = min(config.n_parallel or DEFAULT_N_PARALLEL, n_ubatch) if model.has_attention_only else 1
    cache = padded * _row_bytes(model, config) + n_sequences * model.n_state_values * _F32
    compute = _compute_bytes(model, padded, n_ubatch, flash_attn=config.flash_attn == "on")
    weights = sum(GgufHeader(os.fsencode(part)).tensor_bytes for part in parts(path))
    adapters = sum(GgufHeader(os.fsencode(adapter)).tensor_bytes for adapter, _ in config.adapters)
    return MemoryNeed(weights, cache, compute + _F32 * model.n_vocab * n_sequences, n_ctx, adapters)


def _row_bytes(model: Hyperparameters, config: GenerationConfig) -> int:
    """Return what one token takes in all layers (``llama_kv_cache``)."""
    keys, values = cache_block(config.type_k or DEFAULT_CACHE_TYPE), cache_block(config.type_v or DEFAULT_CACHE_TYPE)
    return sum(
        -(-heads * model.key_length // keys[0]) * keys[1] + -(-heads * model.value_length // values[0]) * values[1]
        for heads in model.kv_heads
    )


def _compute_bytes(model: Hyperparameters, n_ctx: int, n_ubatch: int, *, flash_attn: bool) -> int:
    """Return the scratch memory of a step: what of it lives at once, which ggml's allocator overlays."""
    mask = n_ctx * (_F32 // 2 if flash_attn else _F32)
    scores = 0 if flash_attn else _F32 * n_ctx * model.n_heads
    widest = max(mask + scores, _F32 * model.n_vocab, 2 * _F32 * model.n_feed_forward)
    return n_ubatch * (widest + 3 * _F32 * model.n_embd)


def places(need: MemoryNeed, config: GenerationConfig, n_layers: int) -> list[Place]:
    """Return where a model will lie: in the machine's memory, and on GPUs as far as layers are put there."""
    there = gpus() if config.n_gpu_layers != 0 else []
    if not there:
        return [_machine(need)]
    asked = ALL_LAYERS if config.n_gpu_layers is None else config.n_gpu_layers
    share = 1.0 if asked == ALL_LAYERS else min(1.0, asked / (n_layers + 1))  # the output layer counts
    shared = {name: int(getattr(need, name) * share) for name in ("weights", "cache", "adapters")}
    on_gpu = replace(need, **shared)
    rest = replace(need, **{name: getattr(need, name) - taken for name, taken in shared.items()})
    names = ", ".join(device.name for device in there)
    free, total = sum(device.free for device in there), sum(device.total for device in there)
    return [Place(names, on_gpu, free, total), _machine(rest)]


def _machine(need: MemoryNeed) -> Place:
    return Place("memory", need, free_memory(), psutil.virtual_memory().total + psutil.swap_memory().total)


def check(path: Path, config: GenerationConfig, *, force: bool = False) -> MemoryNeed:
    """Refuse a load that does not fit, with all numbers; return what it will take.

    Args:
        path: A model's file, checked already.
        config: The fields that are fixed at load; None takes the default.
        force: Refuse only what could not fit if nothing else ran: it would end this process.

    Raises:
        LoadError: It does not fit.
    """
    need = estimate(path, config)
    for place in places(need, config, Hyperparameters(path).n_layers):
        if not (place.is_possible if force else place.fits):
            raise LoadError(_refusal(path, place))
    return need


def _refusal(path: Path, place: Place) -> str:
    sentence = f"loading {path.name} takes about {place.need} and {size(place.free)} are free in {place.name}"
    if not place.is_possible:
        return f"{sentence}, which has {size(place.total)} in all; try a smaller n_ctx"
    if place.need.weights <= place.free:
        return f'{sentence}; try a smaller n_ctx, or flash_attn="on" with type_k="q8_0" and type_v="q8_0"'
    return (
        f"{sentence}; try a smaller quantisation: with force=True it runs from the disk, and reads what does not fit "
        "anew for every token"
    )


def size(n_bytes: int) -> str:
    """Return a number of bytes in words: "97 MB", "4.37 GB"."""
    return f"{n_bytes / _GIGABYTE:,.2f} GB" if n_bytes >= _GIGABYTE else f"{n_bytes / _MEGABYTE:,.0f} MB"
