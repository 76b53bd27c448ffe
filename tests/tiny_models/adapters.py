"""LoRA adapters with random factors for the tiny models, and the same changes merged into a model."""

from __future__ import annotations

import zlib
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter
from gguf.quants import dequantize, quantize

from . import container
from .container import F32, Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gguf import ReaderTensor

    from .container import Array

RANK = 4
ALPHA = 8.0
EMBEDDING = "token_embd.weight"
ATTENTION = ("blk.0.attn_q.weight", "blk.1.attn_v.weight", "blk.1.ffn_down.weight")


def write_lora(  # noqa: PLR0913 - what an adapter can be
    path: Path,
    model: Path,
    *,
    names: Sequence[str] = ATTENTION,
    rank: int = RANK,
    alpha: float | None = ALPHA,
    kind: GGMLQuantizationType = F32,
    seed: int = 0,
) -> Path:
    """Write an adapter that changes these matrices of a model about as much as they are large; return `path`.

    Args:
        path: Where to.
        model: A GGUF file.
        names: Of the matrices.
        rank: Length that the factors share.
        alpha: What the product is multiplied with, divided by the rank; None leaves it out of the file.
        kind: Type of the factors; of a quantised one the rank has to be a multiple of its block.
        seed: The same seed gives the same factors.
    """
    reader = GGUFReader(model)
    writer = GGUFWriter(None, str(reader.fields["general.architecture"].contents()))
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    if alpha is not None:
        writer.add_float32("adapter.lora.alpha", alpha)
    chosen = [tensor for tensor in reader.tensors if tensor.name in names]
    return container.write(writer, path, [each for tensor in chosen for each in _factors(tensor, rank, kind, seed)])


def _factors(tensor: ReaderTensor, rank: int, kind: GGMLQuantizationType, seed: int) -> Iterator[Tensor]:
    *experts, outputs, inputs = (int(length) for length in reversed(tensor.shape))
    rng = np.random.default_rng([seed, zlib.crc32(tensor.name.encode())])
    std = float(np.std(dequantize(tensor.data, tensor.tensor_type))) ** 0.5 * rank**-0.25
    # The rows of the embedding are looked up, so its A has a row for each token, and B makes a row of the embedding.
    is_embedding = tensor.name == EMBEDDING
    shapes = ((outputs, rank), (inputs, rank)) if is_embedding else ((rank, inputs), (outputs, rank))
    for suffix, shape in zip("ab", shapes, strict=True):
        values = rng.standard_normal((*experts, *shape), dtype=np.float32) * np.float32(std)
        yield Tensor(f"{tensor.name}.lora_{suffix}", values.shape, kind, partial(quantize, values, kind))


def write_merged(path: Path, model: Path, adapters: Sequence[tuple[Path, float]]) -> Path:
    """Write a copy of a model in F32 with W + scale · alpha / rank · B · A in place of each W; return `path`."""
    merged = bytearray(model.read_bytes())
    weights = {tensor.name: tensor for tensor in GGUFReader(model).tensors}
    deltas: dict[str, Array] = {}
    for adapter, scale in adapters:
        for name, delta in _deltas(GGUFReader(adapter), scale):
            deltas[name] = deltas.get(name, 0.0) + delta
    for name, delta in deltas.items():
        weight = weights[name]
        values = (weight.data.astype(np.float64) + delta).astype(np.float32).tobytes()
        merged[weight.data_offset : weight.data_offset + len(values)] = values
    path.write_bytes(merged)
    return path


def _deltas(adapter: GGUFReader, scale: float) -> Iterator[tuple[str, Array]]:
    factors = {tensor.name: dequantize(tensor.data, tensor.tensor_type) for tensor in adapter.tensors}
    alpha = adapter.fields.get("adapter.lora.alpha")
    for name in (name.removesuffix(".lora_a") for name in factors if name.endswith(".lora_a")):
        a, b = (factors[f"{name}.lora_{suffix}"].astype(np.float64) for suffix in "ab")
        strength = scale if alpha is None else scale * float(alpha.contents()) / b.shape[-1]
        yield name, strength * (a @ b.T if name == EMBEDDING else b @ a)
