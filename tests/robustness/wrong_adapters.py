"""Write adapters whose files are in order and whose matrices are not: what a converter with a mistake would write."""

import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFReader, GGUFWriter
from numpy.typing import NDArray

_KEYS = ("general.type", "general.architecture", "adapter.type", "adapter.lora.alpha")
_ALPHAS = (0.0, -8.0, 1e-38, 3e38, float("inf"), float("nan"), 8, "8", [8.0], True)
_TEXTS = ("", "adapter", "lora", "llama", "model", "qwen2", 5, True, ["lora"])
_TYPES = [kind for kind in GGMLQuantizationType if kind in GGML_QUANT_SIZES]
_INVOCATION = "adapter.alora.invocation_tokens"
_Shape = tuple[int, ...]


class Model(NamedTuple):
    """What an adapter can be made for.

    Args:
        architecture: Of the model.
        weights: The shapes of its tensors, in numpy's order, by name.
    """

    architecture: str
    weights: dict[str, _Shape]


class Adapter:
    """An adapter that is written when all is wrong with it that shall be.

    Args:
        model: What it is for.
        names: The matrices that it changes.
        rank: Of its factors.
    """

    def __init__(self, model: Model, names: Iterable[str], rank: int = 4) -> None:
        self.model = model
        self.keys: dict[str, Any] = dict(zip(_KEYS, ("adapter", model.architecture, "lora", 8.0), strict=True))
        self.tensors: dict[str, tuple[_Shape, GGMLQuantizationType]] = {}
        for name in names:
            self.add(name, rank)

    def add(self, name: str, rank: int) -> None:
        """Add the factors that fit a matrix."""
        *experts, outputs, inputs = self.model.weights[name] if len(self.model.weights[name]) > 1 else (1, 1)
        a, b = ((outputs, rank), (inputs, rank)) if "token_embd" in name else ((rank, inputs), (outputs, rank))
        self.tensors[f"{name}.lora_a"] = ((*experts, *a), GGMLQuantizationType.F32)
        self.tensors[f"{name}.lora_b"] = ((*experts, *b), GGMLQuantizationType.F32)

    def write(self, path: Path, seed: int = 0) -> Path:
        """Write it, with random numbers in its matrices, and return its path."""
        writer = GGUFWriter(path, "")
        writer.kv_data[0].clear()  # the architecture may be of another type, or missing
        for name, value in self.keys.items():
            _add_key(writer, name, value)
        rng = np.random.default_rng(seed)
        for name, (shape, kind) in self.tensors.items():
            writer.add_tensor(name, _data(rng, shape, kind), raw_dtype=kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path


def _add_key(writer: GGUFWriter, name: str, value: object) -> None:
    adders: dict[type, Callable[..., None]] = {
        bool: writer.add_bool,
        int: writer.add_uint32,
        float: writer.add_float32,
        str: writer.add_string,
        list: writer.add_array,
    }
    adders[type(value)](name, value)


def _data(rng: np.random.Generator, shape: _Shape, kind: GGMLQuantizationType) -> NDArray[Any]:
    values = rng.standard_normal(shape, dtype=np.float32)
    if kind in (GGMLQuantizationType.F32, GGMLQuantizationType.F16):
        return values.astype(np.float32 if kind == GGMLQuantizationType.F32 else np.float16)
    block, size = GGML_QUANT_SIZES[kind]
    return rng.integers(0, 256, (*shape[:-1], shape[-1] // block * size), np.uint8)


def _length(chance: random.Random, it: Adapter) -> str:
    name = chance.choice(list(it.tensors))
    shape, kind = list(it.tensors[name][0]), it.tensors[name][1]
    axis = chance.randrange(len(shape))
    shape[axis] = max(0, chance.choice((0, 1, shape[axis] - 1, shape[axis] + 1, 2 * shape[axis], shape[axis] // 2)))
    it.tensors[name] = tuple(shape), kind
    return f"{name} is {shape}"


def _dimensions(chance: random.Random, it: Adapter) -> str:
    length = chance.choice((1, 2, 3, 4))
    for name in chance.choice((list(it.tensors), [chance.choice(list(it.tensors))])):
        shape, kind = it.tensors[name]
        it.tensors[name] = chance.choice(((length, *shape), (1, length, *shape), shape[1:] or (length,)))[-4:], kind
    return f"dimensions of {length} came and went"


def _type(chance: random.Random, it: Adapter) -> str:
    name, kind = chance.choice(list(it.tensors)), chance.choice(_TYPES)
    block = GGML_QUANT_SIZES[kind][0]
    shape = it.tensors[name][0]
    it.tensors[name] = (*shape[:-1], -(-shape[-1] // block) * block), kind
    return f"{name} is {kind.name}"


def _quantised(chance: random.Random, it: Adapter) -> str:
    """Give both factors of a matrix a type and a rank that go together."""
    name, kind = chance.choice(list(it.model.weights)), chance.choice(_TYPES)
    it.add(name, GGML_QUANT_SIZES[kind][0])
    shape, _ = it.tensors[f"{name}.lora_b"]
    it.tensors[f"{name}.lora_b"] = shape, kind
    return f"the B of {name} is {kind.name}"


def _another_matrix(chance: random.Random, it: Adapter) -> str:
    name, rank = chance.choice(list(it.model.weights)), chance.choice((1, 2, 4, 64))
    it.add(name, rank)
    return f"{name} with a rank of {rank}"


def _name(chance: random.Random, it: Adapter) -> str:
    name = chance.choice(list(it.tensors))
    stem = name[: -len(".lora_a")]
    new = chance.choice((f"{stem}.lora_a", f"{name}.lora_a", f"x{name}", stem, f"{stem}_norm.weight", "x.lora_b"))
    it.tensors[new] = it.tensors.pop(name)
    return f"{name} is called {new}"


def _missing(chance: random.Random, it: Adapter) -> str:
    names = list(it.tensors) if chance.random() < 0.1 else [chance.choice(list(it.tensors))]
    for name in names:
        del it.tensors[name]
    return f"{', '.join(names)} is missing"


def _key(chance: random.Random, it: Adapter) -> str:
    name = chance.choice((*_KEYS, "adapter.lora.alpha", _INVOCATION))
    value = chance.choice(_ALPHAS if "alpha" in name else [[], [1, 2], 5, "x"] if name == _INVOCATION else _TEXTS)
    if value == []:
        it.keys.pop(name, None)
        return f"no {name}"
    it.keys[name] = value
    return f"{name} is {value!r}"


_CHANGES: tuple[Callable[[random.Random, Adapter], str], ...] = (
    _length,
    _length,
    _dimensions,
    _dimensions,
    _type,
    _quantised,
    _another_matrix,
    _another_matrix,
    _name,
    _missing,
    _key,
)


def model_of(path: Path) -> Model:
    """Read what an adapter can be made for."""
    reader = GGUFReader(path)
    weights = {tensor.name: tuple(int(length) for length in reversed(tensor.shape)) for tensor in reader.tensors}
    return Model(str(reader.fields["general.architecture"].contents()), weights)


def write_wrong(path: Path, model: Model, seed: int) -> str:
    """Write an adapter with one thing wrong with it, or two, and return what; the same seed does the same."""
    chance = random.Random(seed)
    matrices = [name for name, shape in model.weights.items() if len(shape) > 1]
    adapter = Adapter(model, chance.sample(matrices, 3), chance.choice((1, 4, 32)))
    count = chance.choice((1, 1, 2))
    done = [chance.choice(_CHANGES)(chance, adapter) for _ in range(count) if adapter.tensors]
    adapter.write(path, seed)
    return "; ".join(done)
