"""Write a GGUF file one tensor at a time, so that a model larger than memory can be written too."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFWriter
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

Array = NDArray[Any]
F16 = GGMLQuantizationType.F16
F32 = GGMLQuantizationType.F32
Q8_0 = GGMLQuantizationType.Q8_0

# Standard deviation of a uniform integer in [-127, 127]: turns a wanted deviation into the scale of a Q8_0 block.
INT8_STD = 73.3


@dataclass(frozen=True)
class Tensor:
    """A tensor that is computed only when it is written; `shape` is in numpy's order, (outputs, inputs)."""

    name: str
    shape: tuple[int, ...]
    kind: GGMLQuantizationType
    fill: Callable[[], Array]

    @property
    def nbytes(self) -> int:
        """Return the size in the file, in bytes."""
        block, block_bytes = GGML_QUANT_SIZES[self.kind]
        if self.shape[-1] % block:
            raise ValueError(
                f"{self.name}: {self.shape[-1]} columns are no multiple of {self.kind.name}'s block of {block}"
            )
        return int(np.prod(self.shape)) // block * block_bytes


def constant(name: str, values: Array, kind: GGMLQuantizationType = F32) -> Tensor:
    """Return a tensor with the given values, in F32 or F16."""
    return Tensor(name, values.shape, kind, lambda: _as_kind(values, kind))


def ones(name: str, size: int) -> Tensor:
    """Return the F32 weight of a norm that scales nothing."""
    return constant(name, np.ones(size))


def random(  # noqa: PLR0913 - one argument for each property of the distribution
    name: str,
    shape: tuple[int, int],
    kind: GGMLQuantizationType,
    seed: int,
    std: float,
    *,
    silent_row: int | None = None,
) -> Tensor:
    """Return a matrix of independent weights with mean 0, whose row `silent_row` is zero."""

    def fill() -> Array:
        # Seeded by the name, so that a tensor does not depend on the order of writing.
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        rows = _q8_0_blocks(rng, shape, std) if kind == Q8_0 else _normal(rng, shape, std, kind)
        if silent_row is not None:
            rows[silent_row] = np.zeros((), rows.dtype)
        return rows

    return Tensor(name, shape, kind, fill)


def _normal(rng: np.random.Generator, shape: tuple[int, int], std: float, kind: GGMLQuantizationType) -> Array:
    return _as_kind(rng.standard_normal(shape, dtype=np.float32) * np.float32(std), kind)


def _as_kind(values: Array, kind: GGMLQuantizationType) -> Array:
    return values.astype(np.float16 if kind == F16 else np.float32)


def _q8_0_blocks(rng: np.random.Generator, shape: tuple[int, int], std: float) -> Array:
    # Random bytes are taken as quantised weights, not normal ones quantised: a billion takes seconds.
    blocks = np.empty((shape[0], shape[1] // 32), np.dtype([("scale", "<f2"), ("weights", "i1", 32)]))
    blocks["scale"] = std / INT8_STD
    blocks["weights"] = rng.integers(-127, 128, (*blocks.shape, 32), np.int8)
    return blocks


def write(writer: GGUFWriter, path: Path, tensors: Sequence[Tensor]) -> Path:
    """Write the header, the metadata already added to `writer` and the tensors to `path`, and return `path`."""
    for tensor in tensors:
        writer.add_tensor_info(tensor.name, tensor.shape, np.dtype(np.float32), tensor.nbytes, tensor.kind)
    writer.write_header_to_file(path)
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for tensor in tensors:
        writer.write_tensor_data(tensor.fill())
    writer.close()
    return path
