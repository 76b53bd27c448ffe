"""What llama.cpp asserts about a LoRA adapter, or would believe of it, checked before it sees the file.

The rules are those of ``llama_adapter_lora_init``, of the graph that is built with an adapter (``build_lora_mm``,
``build_lora_mm_id``, ``build_inp_embd``) and of ggml's products. What they leave over is listed in docs/robustness.md.
"""

import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cyllama_jupyter.errors import AdapterError, ModelFileError
from cyllama_jupyter.lora import FLOAT_MAX
from cyllama_jupyter.models import parts, read_header

if TYPE_CHECKING:
    from cyllama_jupyter._native.gguf import GgufHeader

__all__ = ["check_adapter_file"]

_A, _B = "lora_a", "lora_b"
_NORM = "_norm.weight"
_EMBEDDING = "token_embd.weight"
_OUTPUT = "output.weight"
_ALPHA = b"adapter.lora.alpha"
_INVOCATION = b"adapter.alora.invocation_tokens"
_NOT_MULTIPLIED = ("f64", "i8", "i16", "i32", "i64", "q8_1", "q8_K")
"""Types for which ggml's ``type_traits_cpu`` has no ``vec_dot``: it would call a null pointer."""

_Shape = tuple[int, int, int, int]  # ggml's order: inputs, outputs, experts


class _Tensor(NamedTuple):
    kind: str
    shape: _Shape


class _Pair(NamedTuple):
    """What is added to a matrix W: scale · alpha / rank · B · A.

    Args:
        name: Of the matrix.
        a: From inputs to the rank; for the token embedding a row for each token.
        b: From the rank to outputs.
        weight: The matrix in the model.
    """

    name: str
    a: _Tensor
    b: _Tensor
    weight: _Tensor

    @property
    def rank(self) -> int:
        return self.b.shape[0]


def check_adapter_file(path: Path, model: Path, scale: float = 1.0) -> None:
    """Look at a LoRA adapter and the model that it is to change, before llama.cpp does.

    An adapter that was trained to change norms too is taken without them, as llama.cpp takes it, and you are warned.

    Args:
        path: The adapter's file.
        model: The model's file, checked already.
        scale: How strong the adapter is to be.

    Raises:
        AdapterError: It is no LoRA adapter, damaged, or made for another model.
        ModelNotFoundError: There is no such file.
    """
    try:
        header = read_header(path, "adapter")
    except ModelFileError as error:
        makes = "" if path.suffix == ".gguf" else "; llama.cpp's convert_lora_to_gguf.py makes one of what PEFT wrote"
        raise AdapterError(f"{error}{makes}") from error
    models = [read_header(part) for part in parts(model)]
    wrong = _kind_fault(header, models[0], model.name) or _weights_fault(header, models, scale)
    if wrong:
        raise AdapterError(f"the adapter file {str(path)!r} cannot be used: {wrong}")
    if any(name.endswith(_NORM) for name, _, _ in header.tensors):
        warnings.warn(f"{path.name} changes norms too, which llama.cpp leaves as they are", stacklevel=4)


def _kind_fault(header: "GgufHeader", model: "GgufHeader", model_name: str) -> str | None:
    """Return what is wrong with the kind of adapter that a file holds."""
    if header.string(b"general.type") != "adapter":
        return "it is no adapter; a model is loaded by itself, and a LoRA adapter beside its model"
    kind = header.string(b"adapter.type")
    if kind != "lora":
        return f"it is an adapter of the type {kind!r:.40}, and LoRA adapters alone can be loaded"
    if header.kind(_INVOCATION) is not None:
        return "it is an activated LoRA, which changes the model in the middle of a prompt: take a plain one"
    made_for, is_for = header.string(b"general.architecture"), model.string(b"general.architecture")
    if made_for != is_for:
        return f"it was made for a model of the architecture {made_for!r:.40}, and {model_name} is {is_for!r:.40}"
    return None


def _weights_fault(header: "GgufHeader", models: "list[GgufHeader]", scale: float) -> str | None:
    """Return what is wrong with an adapter's matrices."""
    alpha = _alpha(header)
    if alpha is None:
        return "its adapter.lora.alpha is no finite number of 32 bits: convert it anew"
    names = [name for name, _, _ in header.tensors]
    if len(set(names)) != len(names):
        return "it holds two tensors of one name: convert it anew"
    factors = {name: _Tensor(kind, shape) for name, kind, shape in header.tensors if not name.endswith(_NORM)}
    weights = {name: _Tensor(kind, shape) for model in models for name, kind, shape in model.tensors}
    return next(_faults(factors, weights, alpha * scale), None)


def _alpha(header: "GgufHeader") -> float | None:
    """Return what the scale is multiplied with; without one, or with 0, llama.cpp leaves it and the rank out."""
    kind, found = header.kind(_ALPHA), header.numbers(_ALPHA)
    if kind is None:
        return 0.0
    return float(found[0]) if kind == "f32" and math.isfinite(found[0]) else None


def _faults(factors: dict[str, _Tensor], weights: dict[str, _Tensor], strength: float) -> Iterator[str]:
    if not factors:
        yield "it holds no matrices"
    for name, tensor in factors.items():
        stem, _, suffix = name.rpartition(".")
        other = f"{stem}.{_A if suffix == _B else _B}"
        if suffix not in (_A, _B):
            yield f"its tensor {name!r} is no factor of a LoRA (.lora_a or .lora_b): convert it anew"
        elif other not in factors:
            yield f"its tensor {name!r} lacks the other factor, {other!r}: convert it anew"
        elif stem not in weights:
            yield f"it changes {stem!r}, which the model lacks: take the model that it was made for"
        elif tensor.kind in _NOT_MULTIPLIED:
            yield f"its tensor {name!r} is of the type {tensor.kind}, which cannot be multiplied: convert it anew"
        elif suffix == _A:
            pair = _Pair(stem, tensor, factors[other], weights[stem])
            yield from _pair_faults(pair, strength, is_tied=stem == _EMBEDDING and _OUTPUT not in weights)


def _pair_faults(pair: _Pair, strength: float, *, is_tied: bool) -> Iterator[str]:
    yield from _shape_faults(pair)
    if is_tied:
        yield "it changes the token embedding, which this model has for its output too, and llama.cpp cannot do both"
    if pair.weight.kind == "nvfp4" and ".ffn_" in pair.name:  # build_ffn asserts where they have scales beside them
        yield f"it changes {pair.name!r}, which the model keeps in NVFP4: take another quantisation of the model"
    if not abs(strength / pair.rank) <= FLOAT_MAX:
        yield "its alpha times the scale is beyond what 32 bits hold: take a smaller scale"


def _shape_faults(pair: _Pair) -> Iterator[str]:
    (a, b, weight), name = (pair.a.shape, pair.b.shape, pair.weight.shape), pair.name
    is_embedding = name.endswith(_EMBEDDING)  # its rows are looked up, so A has a row for each token
    made, ranks = ((b[1], a[1]), (a[0], b[0])) if is_embedding else ((a[0], b[1]), (a[1], b[0]))
    if made != weight[:2] or a[2:] != weight[2:] or b[2:] != weight[2:]:
        shapes = ", ".join(" by ".join(f"{length:,}" for length in shape) for shape in (a, b, weight))
        yield f"its factors of {name!r} do not fit that matrix ({shapes}): take the model that it was made for"
    if ranks[0] != ranks[1] or ranks[0] < 1:
        yield f"its factors of {name!r} have the ranks {ranks[0]:,} and {ranks[1]:,}: convert it anew"
