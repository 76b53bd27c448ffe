"""The numbers of a model's shape, from its GGUF header, with llama.cpp's defaults (``llama_model::load_hparams``)."""

import os
from functools import cached_property
from pathlib import Path

from cyllama_jupyter._native.gguf import GgufHeader

__all__ = ["Hyperparameters"]


class Hyperparameters:
    """What a header says of a model's shape; 0 where it says nothing.

    Args:
        path: A model's file, checked already.
    """

    def __init__(self, path: Path) -> None:
        self.header = GgufHeader(os.fsencode(path))
        self.architecture = self.header.string(b"general.architecture") or ""

    def all(self, name: str) -> list[int]:
        """Return a whole number of the architecture, or one for each layer."""
        found = self.header.numbers(f"{self.architecture}.{name}".encode())
        return [value for value in found if isinstance(value, int)]

    def one(self, name: str, default: int = 0) -> int:
        """Return a number of the architecture; of several the largest."""
        return max(self.all(name), default=default)

    @property
    def n_layers(self) -> int:
        """Number of layers."""
        return self.one("block_count")

    @property
    def n_ctx_train(self) -> int:
        """The context that the model was trained for, in tokens."""
        return self.one("context_length", 1)

    @property
    def n_embd(self) -> int:
        """Width of the embedding."""
        return self.one("embedding_length")

    @property
    def n_heads(self) -> int:
        """Attention heads of a layer."""
        return self.one("attention.head_count")

    @property
    def n_feed_forward(self) -> int:
        """Width of the feed-forward network."""
        return self.one("feed_forward_length")

    @cached_property
    def n_vocab(self) -> int:
        """Number of tokens in the vocabulary."""
        return self.header.length(b"tokenizer.ggml.tokens") or self.one("vocab_size")

    @cached_property
    def kv_heads(self) -> list[int]:
        """Heads of keys and values, for each layer; 0 for layers without attention."""
        heads = self.all("attention.head_count_kv") or self.all("attention.head_count")
        return heads if len(heads) > 1 else heads * self.n_layers

    @property
    def key_length(self) -> int:
        """Width of one head's keys."""
        return self.one("attention.key_length") or self.n_embd // max(1, self.n_heads)

    @property
    def value_length(self) -> int:
        """Width of one head's values."""
        return self.one("attention.value_length") or self.n_embd // max(1, self.n_heads)

    @property
    def has_attention_only(self) -> bool:
        """Whether nothing in it is recurrent or sees a sliding window."""
        return not (self.one("ssm.state_size") or self.one("wkv.head_size") or self.one("attention.sliding_window"))

    @property
    def n_state_values(self) -> int:
        """How many numbers a sequence's recurrent layers remember (``n_embd_r`` and ``n_embd_s`` of llama.cpp)."""
        recurrent = sum(heads == 0 for heads in self.kv_heads) or self.n_layers
        width = self.one("ssm.inner_size")
        convolution = max(0, self.one("ssm.conv_kernel") - 1) * (
            width + 2 * self.one("ssm.group_count") * self.one("ssm.state_size")
        )
        return recurrent * (convolution + width * self.one("ssm.state_size"))
