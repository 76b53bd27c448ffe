"""What the random models share: embeddings that make readable text likely, and layers that add to a residual stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from gguf import GGMLQuantizationType

from . import container
from .vocabulary import BASE, TEXT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .container import Array, Tensor

# Channel 0 of every embedding has this value, and no layer writes to that channel: it acts as the input of a bias,
# which these architectures lack. Output weights on it make control tokens unlikely and English-looking text likely.
BIAS_INPUT = 4.0
LOGIT_STD = 2.5
# Sharp attention and strong layers let the whole context choose the next token: with neutral weights the last token
# alone does, greedy answers fall into a two-token loop, and a test could not see a wrong KV cache.
QUERY_KEY_GAIN = 2.5
LAYER_GAIN = 2.0


def embedding(n_embd: int, seed: int) -> Array:
    """Return a random vector for each token, with `BIAS_INPUT` in channel 0."""
    rows = np.random.default_rng([seed, 1]).standard_normal((len(BASE), n_embd), dtype=np.float32)
    rows[:, 0] = BIAS_INPUT
    return rows


def output(n_embd: int, seed: int) -> Array:
    """Return the output matrix, which makes of channel 0 each token's bias."""
    rows = np.random.default_rng([seed, 2]).standard_normal((len(BASE), n_embd), dtype=np.float32)
    rows *= LOGIT_STD / np.sqrt(n_embd)
    rows[:, 0] = _logit_biases() / BIAS_INPUT
    return rows


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


@dataclass(frozen=True)
class Layer:
    """One of `n_layer` layers, scaled so that the residual stream's deviation stays near 1 at any depth."""

    index: int
    n_layer: int
    n_embd: int
    kind: GGMLQuantizationType
    seed: int

    def name(self, name: str) -> str:
        """Return the tensor's name in the file."""
        return f"blk.{self.index}.{name}"

    def constant(self, name: str, values: Array) -> Tensor:
        """Return an F32 tensor with the given values."""
        return container.constant(self.name(name), values)

    def norm(self, name: str, size: int, gain: float = 1.0) -> Tensor:
        """Return the weight of a norm that multiplies by `gain`."""
        return self.constant(f"{name}.weight", np.full(size, gain))

    def matrix(self, name: str, outputs: int, inputs: int, gain: float = 1.0) -> Tensor:
        """Return a random matrix that multiplies the deviation by `gain`."""
        std = gain * inputs**-0.5
        return container.random(self.name(f"{name}.weight"), (outputs, inputs), self.kind, self.seed, std)

    def into_residual(self, name: str, inputs: int) -> Tensor:
        """Return a random matrix whose product is added to the residual stream, except to channel 0."""
        std = LAYER_GAIN * (inputs * self.n_layer) ** -0.5
        shape = (self.n_embd, inputs)
        return container.random(self.name(f"{name}.weight"), shape, self.kind, self.seed, std, silent_row=0)

    def attention(self, n_embd_kv: int) -> Iterator[Tensor]:
        """Yield the matrices of attention, without its norm."""
        yield self.matrix("attn_q", self.n_embd, self.n_embd, QUERY_KEY_GAIN)
        yield self.matrix("attn_k", n_embd_kv, self.n_embd, QUERY_KEY_GAIN)
        yield self.matrix("attn_v", n_embd_kv, self.n_embd)
        yield self.into_residual("attn_output", self.n_embd)

    def feed_forward(self, n_ff: int) -> Iterator[Tensor]:
        """Yield the matrices of a gated feed-forward network and the norm before it."""
        yield self.norm("ffn_norm", self.n_embd)
        yield self.matrix("ffn_gate", n_ff, self.n_embd)
        yield self.matrix("ffn_up", n_ff, self.n_embd)
        yield self.into_residual("ffn_down", n_ff)
