"""What a model is, told from its header: also of one that is not loaded."""

from dataclasses import dataclass
from pathlib import Path

from cyllama_jupyter._native.gguf import GgufHeader, quantisation
from cyllama_jupyter.engine.hyperparameters import Hyperparameters
from cyllama_jupyter.models import parts

__all__ = ["ModelInfo", "model_info"]

_UNKNOWN = "unknown"
_MAX_FILE_TYPE = 2**31


@dataclass(frozen=True)
class ModelInfo:
    """What a model is.

    Args:
        file: Its file, of a model in several files the first.
        name: What its makers call it, or "".
        architecture: llama.cpp's word for it, such as "llama".
        quantisation: llama.cpp's name of its ``general.file_type``, such as "Q4_K - Medium".
        n_bytes: Size of its tensors.
        n_params: Number of parameters.
        n_ctx_train: The context that it was trained for, in tokens.
        n_layers: Number of layers.
        n_heads: Attention heads of a layer.
        n_kv_heads: Heads of keys and values of a layer, the most there are.
        n_embd: Width of the embedding.
        n_vocab: Number of tokens in the vocabulary.
        chat_template: The Jinja source of its chat template, or "".
    """

    file: Path
    name: str
    architecture: str
    quantisation: str
    n_bytes: int
    n_params: int
    n_ctx_train: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    n_embd: int
    n_vocab: int
    chat_template: str


def model_info(path: Path) -> ModelInfo:
    """Return what a model is.

    Args:
        path: A model's file, checked already.

    Raises:
        ModelFileError: ggml cannot parse its header.
    """
    model = Hyperparameters(path)
    headers = [model.header, *(Hyperparameters(part).header for part in parts(path)[1:])]
    return ModelInfo(
        file=path,
        name=model.header.string(b"general.name") or "",
        architecture=model.architecture or _UNKNOWN,
        quantisation=_quantisation(model.header),
        n_bytes=sum(header.tensor_bytes for header in headers),
        n_params=sum(header.n_params for header in headers),
        n_ctx_train=model.n_ctx_train,
        n_layers=model.n_layers,
        n_heads=model.n_heads,
        n_kv_heads=max(model.kv_heads, default=0),
        n_embd=model.n_embd,
        n_vocab=model.n_vocab,
        chat_template=model.header.string(b"tokenizer.chat_template") or "",
    )


def _quantisation(header: GgufHeader) -> str:
    found = header.numbers(b"general.file_type")
    return quantisation(int(found[0])) if found and 0 <= found[0] < _MAX_FILE_TYPE else _UNKNOWN
