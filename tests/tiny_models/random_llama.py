"""Llama models with random weights, from 300 kB to 1 GB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter

from . import container
from .vocabulary import BASE, CHATML, TEXT, add_vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .container import Array, Tensor

WeightType = Literal["F16", "F32", "Q8_0"]

# Channel 0 of every embedding has this value, and no layer writes to that channel: it acts as the input of a bias,
# which this architecture lacks. Output weights on it make control tokens unlikely and English-looking text likely.
BIAS_INPUT = 4.0
LOGIT_STD = 2.5
# Sharp attention and strong layers let the whole context choose the next token: with neutral weights the last token
# alone does, greedy answers fall into a two-token loop, and a test could not see a wrong KV cache.
QUERY_KEY_GAIN = 2.5
LAYER_GAIN = 2.0


@dataclass(frozen=True)
class Shape:
    """The dimensions of a llama; `n_embd` divides into `n_head` heads of an even size."""

    n_layer: int
    n_embd: int
    n_head: int
    n_head_kv: int
    n_ff: int
    n_ctx_train: int

    def __post_init__(self) -> None:
        """Refuse what llama.cpp would end the process for."""
        if self.n_embd % (2 * self.n_head) or self.n_head % self.n_head_kv:
            raise ValueError(
                f"{self.n_embd} channels, {self.n_head} heads and {self.n_head_kv} for keys do not fit together"
            )

    @property
    def n_embd_kv(self) -> int:
        """Return the width of the keys, which is also that of the values."""
        return self.n_embd // self.n_head * self.n_head_kv


def add_llama_metadata(writer: GGUFWriter, name: str, shape: Shape) -> None:
    """Add the hyperparameters that llama.cpp reads for the architecture."""
    writer.add_name(name)
    writer.add_block_count(shape.n_layer)
    writer.add_context_length(shape.n_ctx_train)
    writer.add_embedding_length(shape.n_embd)
    writer.add_feed_forward_length(shape.n_ff)
    writer.add_head_count(shape.n_head)
    writer.add_head_count_kv(shape.n_head_kv)
    writer.add_rope_dimension_count(shape.n_embd // shape.n_head)
    writer.add_layer_norm_rms_eps(1e-5)


def _logit_biases() -> Array:
    """Return what each token's logit is shifted by, about."""
    bias = np.full(len(BASE), 2.0)
    bias[:0x20] = -12.0
    bias[ord("\n")] = 0.0
    bias[0x20:0x7F] = 0.0
    bias[ord("a") : ord("z") + 1] = 2.0
    # Seldom valid UTF-8, so rare; the merges hold two whole characters.
    bias[0x7F:0x100] = -4.0
    bias[len(TEXT) :] = -40.0
    return bias


def _embedding(shape: Shape, seed: int) -> Array:
    rows = np.random.default_rng([seed, 1]).standard_normal((len(BASE), shape.n_embd), dtype=np.float32)
    rows[:, 0] = BIAS_INPUT
    return rows


def _output(shape: Shape, seed: int) -> Array:
    rows = np.random.default_rng([seed, 2]).standard_normal((len(BASE), shape.n_embd), dtype=np.float32)
    rows *= LOGIT_STD / np.sqrt(shape.n_embd)
    rows[:, 0] = _logit_biases() / BIAS_INPUT
    return rows


def _layer(index: int, shape: Shape, kind: GGMLQuantizationType, seed: int) -> Iterator[Tensor]:
    """Yield one layer's tensors, scaled so that the residual stream's deviation stays near 1 at any depth."""
    prefix = f"blk.{index}"

    def matrix(name: str, outputs: int, inputs: int, gain: float = 1.0) -> Tensor:
        return container.random(f"{prefix}.{name}.weight", (outputs, inputs), kind, seed, gain * inputs**-0.5)

    def into_residual(name: str, inputs: int) -> Tensor:
        std = LAYER_GAIN * (inputs * shape.n_layer) ** -0.5
        return container.random(f"{prefix}.{name}.weight", (shape.n_embd, inputs), kind, seed, std, silent_row=0)

    yield container.ones(f"{prefix}.attn_norm.weight", shape.n_embd)
    yield matrix("attn_q", shape.n_embd, shape.n_embd, QUERY_KEY_GAIN)
    yield matrix("attn_k", shape.n_embd_kv, shape.n_embd, QUERY_KEY_GAIN)
    yield matrix("attn_v", shape.n_embd_kv, shape.n_embd)
    yield into_residual("attn_output", shape.n_embd)
    yield container.ones(f"{prefix}.ffn_norm.weight", shape.n_embd)
    yield matrix("ffn_gate", shape.n_ff, shape.n_embd)
    yield matrix("ffn_up", shape.n_ff, shape.n_embd)
    yield into_residual("ffn_down", shape.n_ff)


def _tensors(shape: Shape, kind: GGMLQuantizationType, seed: int) -> Iterator[Tensor]:
    yield container.constant("token_embd.weight", _embedding(shape, seed))
    for index in range(shape.n_layer):
        yield from _layer(index, shape, kind, seed)
    yield container.ones("output_norm.weight", shape.n_embd)
    yield container.constant("output.weight", _output(shape, seed))


def write_llama(  # noqa: PLR0913 - the dimensions of a llama
    path: Path,
    *,
    n_layer: int = 2,
    n_embd: int = 64,
    n_head: int = 4,
    n_head_kv: int = 2,
    n_ff: int = 128,
    n_ctx_train: int = 2048,
    seed: int = 0,
    chat_template: str | None = CHATML,
    weight_type: WeightType = "F16",
) -> Path:
    """Write a llama that speaks varied nonsense, and practically never ends its answer, to `path`; return `path`."""
    shape = Shape(n_layer, n_embd, n_head, n_head_kv, n_ff, n_ctx_train)
    writer = GGUFWriter(None, "llama")
    add_llama_metadata(writer, f"random-llama-{seed}", shape)
    add_vocabulary(writer, chat_template)
    return container.write(writer, path, list(_tensors(shape, GGMLQuantizationType[weight_type], seed)))


def write_slow(path: Path, *, seed: int = 0) -> Path:
    """Write a 45 MB llama that reads 4,000 tokens in 8 to 10 s on two idle cores; return `path`."""
    # Many small heads: the softmax over the context costs more than the weights do, which keeps the file small.
    return write_llama(
        path,
        n_layer=12,
        n_embd=512,
        n_head=32,
        n_head_kv=32,
        n_ff=1536,
        n_ctx_train=8192,
        seed=seed,
        weight_type="Q8_0",
    )


def write_1b(path: Path, *, seed: int = 0) -> Path:
    """Write 0.97 billion Q8_0 weights (1.03 GB) in TinyLlama's shape, tensor by tensor; return `path`."""
    return write_llama(
        path,
        n_layer=22,
        n_embd=2048,
        n_head=32,
        n_head_kv=4,
        n_ff=5632,
        n_ctx_train=8192,
        seed=seed,
        weight_type="Q8_0",
    )
