"""A Gemma 3, which lets every other layer see only the last few tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gguf import GGUFWriter

from . import container, residual
from .container import F16
from .random_llama import Shape, add_llama_metadata
from .residual import LAYER_GAIN, QUERY_KEY_GAIN, Layer
from .vocabulary import CHATML, add_vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .container import Tensor

SHAPE = Shape(n_layer=4, n_embd=64, n_head=4, n_head_kv=2, n_ff=128, n_ctx_train=2048)
WINDOW = 32
# Of this many layers the last one sees everything.
PATTERN = 2


def write_gemma3(path: Path, *, window: int = WINDOW, seed: int = 0) -> Path:
    """Write a Gemma 3 with random weights and a window of `window` tokens in layers 0 and 2 of 4; return `path`."""
    writer = GGUFWriter(None, "gemma3")
    add_llama_metadata(writer, f"random-gemma3-{seed}", SHAPE)
    writer.add_sliding_window(window)
    writer.add_sliding_window_pattern(PATTERN)
    add_vocabulary(writer, CHATML)
    return container.write(writer, path, list(_tensors(seed)))


def _tensors(seed: int) -> Iterator[Tensor]:
    # The architecture multiplies the embedding by this root.
    yield container.constant("token_embd.weight", residual.embedding(SHAPE.n_embd, seed) / SHAPE.n_embd**0.5)
    for index in range(SHAPE.n_layer):
        yield from _layer(Layer(index, SHAPE.n_layer, SHAPE.n_embd, F16, seed))
    yield container.ones("output_norm.weight", SHAPE.n_embd)
    yield container.constant("output.weight", residual.output(SHAPE.n_embd, seed))


def _layer(layer: Layer) -> Iterator[Tensor]:
    # These norms undo the scale of the matrices before them, so that the gains go into their weights.
    n_head, into_residual = SHAPE.n_embd // SHAPE.n_head, LAYER_GAIN * SHAPE.n_layer**-0.5
    yield layer.norm("attn_norm", SHAPE.n_embd)
    yield from layer.attention(SHAPE.n_embd_kv)
    yield layer.norm("attn_q_norm", n_head, QUERY_KEY_GAIN)
    yield layer.norm("attn_k_norm", n_head, QUERY_KEY_GAIN)
    yield layer.norm("post_attention_norm", SHAPE.n_embd, into_residual)
    yield from layer.feed_forward(SHAPE.n_ff)
    yield layer.norm("post_ffw_norm", SHAPE.n_embd, into_residual)
