"""Llama models with random weights, from 300 kB to 1 GB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gguf import GGMLQuantizationType, GGUFWriter

from . import container, residual
from .residual import Layer
from .vocabulary import CHATML, add_vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .container import Tensor

WeightType = Literal["F16", "F32", "Q8_0"]


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


def _layer(layer: Layer, shape: Shape) -> Iterator[Tensor]:
    yield layer.norm("attn_norm", shape.n_embd)
    yield from layer.attention(shape.n_embd_kv)
    yield from layer.feed_forward(shape.n_ff)


def _tensors(shape: Shape, kind: GGMLQuantizationType, seed: int, *, tied: bool = False) -> Iterator[Tensor]:
    yield container.constant("token_embd.weight", residual.embedding(shape.n_embd, seed))
    for index in range(shape.n_layer):
        yield from _layer(Layer(index, shape.n_layer, shape.n_embd, kind, seed), shape)
    yield container.ones("output_norm.weight", shape.n_embd)
    if not tied:
        yield container.constant("output.weight", residual.output(shape.n_embd, seed))


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
    tied: bool = False,
) -> Path:
    """Write a llama that speaks varied nonsense, and practically never ends its answer, to `path`; return `path`.

    One that is tied has its token embedding for its output too, and says the same word over and over.
    """
    shape = Shape(n_layer, n_embd, n_head, n_head_kv, n_ff, n_ctx_train)
    writer = GGUFWriter(None, "llama")
    add_llama_metadata(writer, f"random-llama-{seed}", shape)
    add_vocabulary(writer, chat_template)
    return container.write(writer, path, list(_tensors(shape, GGMLQuantizationType[weight_type], seed, tied=tied)))


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
