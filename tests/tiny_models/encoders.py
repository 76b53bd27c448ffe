"""Models that llama.cpp loads and that cannot answer a prompt: they turn a text into vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from gguf import GGUFWriter, PoolingType

from . import container
from .container import F32
from .vocabulary import BASE, add_vocabulary

if TYPE_CHECKING:
    from pathlib import Path

    from .container import Tensor

N_EMBD = 32
N_HEAD = 2
N_FF = 64
N_CTX = 512
N_BUCKETS = 32


def write_bert_like(path: Path, *, seed: int = 0) -> Path:
    """Write a BERT: without output matrix, so that its context has neither KV cache nor logits; return `path`."""
    writer = _writer("bert")
    writer.add_layer_norm_eps(1e-5)
    writer.add_causal_attention(value=False)
    writer.add_pooling_type(PoolingType.MEAN)
    writer.add_token_type_count(1)
    tensors = [
        _matrix("token_embd", len(BASE), N_EMBD, seed),
        _matrix("position_embd", N_CTX, N_EMBD, seed),
        *_layer_norm("token_embd_norm"),
        *_attention("blk.0", "attn_output", seed),
        *_layer_norm("blk.0.attn_output_norm"),
        *_feed_forward("blk.0", seed),
        *_layer_norm("blk.0.layer_output_norm"),
    ]
    return container.write(writer, path, tensors)


def write_t5_encoder(path: Path, *, seed: int = 0) -> Path:
    """Write a T5 encoder without its decoder: `llama_model_has_decoder` says false of it; return `path`."""
    writer = _writer("t5encoder")
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_relative_attn_buckets_count(N_BUCKETS)
    tensors = [
        _matrix("token_embd", len(BASE), N_EMBD, seed),
        container.ones("enc.blk.0.attn_norm.weight", N_EMBD),
        *_attention("enc.blk.0", "attn_o", seed),
        _matrix("enc.blk.0.attn_rel_b", N_BUCKETS, N_HEAD, seed),
        container.ones("enc.blk.0.ffn_norm.weight", N_EMBD),
        *_feed_forward("enc.blk.0", seed),
        container.ones("enc.output_norm.weight", N_EMBD),
    ]
    return container.write(writer, path, tensors)


def _writer(architecture: str) -> GGUFWriter:
    writer = GGUFWriter(None, architecture)
    writer.add_name(f"random-{architecture}")
    writer.add_block_count(1)
    writer.add_context_length(N_CTX)
    writer.add_embedding_length(N_EMBD)
    writer.add_feed_forward_length(N_FF)
    writer.add_head_count(N_HEAD)
    add_vocabulary(writer, chat_template=None)
    return writer


def _matrix(name: str, outputs: int, inputs: int, seed: int) -> Tensor:
    return container.random(f"{name}.weight", (outputs, inputs), F32, seed, inputs**-0.5)


def _attention(prefix: str, output: str, seed: int) -> list[Tensor]:
    return [_matrix(f"{prefix}.{name}", N_EMBD, N_EMBD, seed) for name in ("attn_q", "attn_k", "attn_v", output)]


def _feed_forward(prefix: str, seed: int) -> list[Tensor]:
    return [_matrix(f"{prefix}.ffn_up", N_FF, N_EMBD, seed), _matrix(f"{prefix}.ffn_down", N_EMBD, N_FF, seed)]


def _layer_norm(name: str) -> list[Tensor]:
    return [container.ones(f"{name}.weight", N_EMBD), container.constant(f"{name}.bias", np.zeros(N_EMBD))]
