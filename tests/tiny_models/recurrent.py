"""Models that fold the past into a state of fixed size: all their layers (Mamba), or every other one (Jamba).

The state is overwritten with every token: unlike a KV cache it cannot be cut back to an earlier position.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from gguf import GGUFWriter

from . import container, residual
from .container import F16
from .residual import Layer
from .vocabulary import CHATML, add_vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from .container import Array, Tensor

N_LAYER = 4
N_EMBD = 64
N_FF = 128
N_CTX = 2048
N_HEAD = 4
N_EMBD_KV = 32
D_INNER = 2 * N_EMBD  # llama.cpp knows no other ratio
D_STATE = 16
D_CONV = 4
DT_RANK = 4
# A channel forgets at a rate of its own: within some three tokens, or some hundred.
TIME_STEPS = (0.01, 0.3)
# Only every other layer of a Jamba has heads; a layer without heads for keys is what llama.cpp takes for recurrent.
JAMBA_HEADS_KV = (0, 2) * (N_LAYER // 2)


def write_mamba(path: Path, *, seed: int = 0) -> Path:
    """Write a Mamba, which `llama_model_is_recurrent` says true of, with random weights; return `path`."""
    writer = _writer("mamba", seed)
    writer.add_feed_forward_length(0)
    writer.add_head_count(0)
    return container.write(writer, path, list(_tensors(seed, [_mamba(layer) for layer in _layers(seed)])))


def write_jamba(path: Path, *, seed: int = 0) -> Path:
    """Write a Jamba, whose layers are in turn Mamba and attention, with random weights; return `path`.

    `llama_model_is_hybrid` says true of it.
    """
    writer = _writer("jamba", seed)
    writer.add_feed_forward_length(N_FF)
    writer.add_head_count(N_HEAD)
    writer.add_head_count_kv(JAMBA_HEADS_KV)
    layers = [_jamba(layer, heads) for layer, heads in zip(_layers(seed), JAMBA_HEADS_KV, strict=True)]
    return container.write(writer, path, list(_tensors(seed, layers)))


def _writer(architecture: str, seed: int) -> GGUFWriter:
    writer = GGUFWriter(None, architecture)
    writer.add_name(f"random-{architecture}-{seed}")
    writer.add_block_count(N_LAYER)
    writer.add_context_length(N_CTX)
    writer.add_embedding_length(N_EMBD)
    writer.add_ssm_conv_kernel(D_CONV)
    writer.add_ssm_inner_size(D_INNER)
    writer.add_ssm_state_size(D_STATE)
    writer.add_ssm_time_step_rank(DT_RANK)
    writer.add_layer_norm_rms_eps(1e-5)
    add_vocabulary(writer, CHATML)
    return writer


def _layers(seed: int) -> list[Layer]:
    return [Layer(index, N_LAYER, N_EMBD, F16, seed) for index in range(N_LAYER)]


def _tensors(seed: int, layers: Sequence[Iterator[Tensor]]) -> Iterator[Tensor]:
    yield container.constant("token_embd.weight", residual.embedding(N_EMBD, seed))
    for layer in layers:
        yield from layer
    yield container.ones("output_norm.weight", N_EMBD)
    yield container.constant("output.weight", residual.output(N_EMBD, seed))


def _jamba(layer: Layer, n_head_kv: int) -> Iterator[Tensor]:
    if n_head_kv:
        yield layer.norm("attn_norm", N_EMBD)
        yield from layer.attention(N_EMBD // N_HEAD * n_head_kv)
    else:
        yield from _mamba(layer)
        yield layer.norm("ssm_dt_norm", DT_RANK)
        yield layer.norm("ssm_b_norm", D_STATE)
        yield layer.norm("ssm_c_norm", D_STATE)
    yield from layer.feed_forward(N_FF)


def _mamba(layer: Layer) -> Iterator[Tensor]:
    rng = np.random.default_rng([layer.seed, 3, layer.index])
    yield layer.norm("attn_norm", N_EMBD)
    yield layer.matrix("ssm_in", 2 * D_INNER, N_EMBD)
    yield layer.constant("ssm_conv1d.weight", rng.standard_normal((D_INNER, D_CONV)))
    yield layer.constant("ssm_conv1d.bias", np.zeros(D_INNER))
    yield layer.matrix("ssm_x", DT_RANK + 2 * D_STATE, D_INNER)
    yield layer.matrix("ssm_dt", D_INNER, DT_RANK)
    yield layer.constant("ssm_dt.bias", _time_step_biases(rng))
    yield layer.constant("ssm_a", np.tile(-np.arange(1.0, D_STATE + 1), (D_INNER, 1)))
    yield layer.constant("ssm_d", np.ones(D_INNER))
    yield layer.into_residual("ssm_out", D_INNER)


def _time_step_biases(rng: np.random.Generator) -> Array:
    """Return what softplus turns into time steps, as Mamba's own initialisation does."""
    low, high = np.log(TIME_STEPS)
    return np.log(np.expm1(np.exp(rng.uniform(low, high, D_INNER))))
