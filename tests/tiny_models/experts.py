"""A llama whose feed-forward networks are experts, two of four for each token (the shape of a Mixtral)."""

from __future__ import annotations

import zlib
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from gguf import GGUFWriter

from . import container, residual
from .container import F16, Tensor
from .random_llama import Shape, add_llama_metadata
from .residual import Layer
from .vocabulary import CHATML, add_vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .container import Array

SHAPE = Shape(n_layer=2, n_embd=64, n_head=4, n_head_kv=2, n_ff=64, n_ctx_train=2048)
N_EXPERTS = 4
N_USED = 2


def write_mixtral(path: Path, *, seed: int = 0) -> Path:
    """Write a llama of experts with random weights in F16; return `path`."""
    writer = GGUFWriter(None, "llama")
    add_llama_metadata(writer, f"random-mixtral-{seed}", SHAPE)
    writer.add_expert_count(N_EXPERTS)
    writer.add_expert_used_count(N_USED)
    add_vocabulary(writer, CHATML)
    return container.write(writer, path, list(_tensors(seed)))


def _tensors(seed: int) -> Iterator[Tensor]:
    yield container.constant("token_embd.weight", residual.embedding(SHAPE.n_embd, seed))
    for index in range(SHAPE.n_layer):
        yield from _layer(Layer(index, SHAPE.n_layer, SHAPE.n_embd, F16, seed))
    yield container.ones("output_norm.weight", SHAPE.n_embd)
    yield container.constant("output.weight", residual.output(SHAPE.n_embd, seed))


def _layer(layer: Layer) -> Iterator[Tensor]:
    yield layer.norm("attn_norm", SHAPE.n_embd)
    yield from layer.attention(SHAPE.n_embd_kv)
    yield layer.norm("ffn_norm", SHAPE.n_embd)
    yield layer.matrix("ffn_gate_inp", N_EXPERTS, SHAPE.n_embd)
    yield _experts(layer, "ffn_gate_exps", SHAPE.n_ff, SHAPE.n_embd)
    yield _experts(layer, "ffn_up_exps", SHAPE.n_ff, SHAPE.n_embd)
    yield _experts(layer, "ffn_down_exps", SHAPE.n_embd, SHAPE.n_ff)


def _experts(layer: Layer, name: str, outputs: int, inputs: int) -> Tensor:
    full = layer.name(f"{name}.weight")
    shape = (N_EXPERTS, outputs, inputs)
    return Tensor(full, shape, F16, partial(_weights, [layer.seed, zlib.crc32(full.encode())], shape))


def _weights(seed: list[int], shape: tuple[int, ...]) -> Array:
    weights: Array = np.random.default_rng(seed).standard_normal(shape) * shape[-1] ** -0.5
    return weights.astype(np.float16)
