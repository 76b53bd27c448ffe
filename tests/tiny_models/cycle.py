"""A llama that says one text, byte by byte and exactly, under greedy decoding.

Every byte of the text has a token of its own, so that equal bytes can have different successors. llama.cpp wants the
spellings of tokens to be distinct, and of a token of type BYTE it reads only the two digits of `<0x..>`: the suffix in
`<0xC3>#7` tells the tokens apart and changes nothing in what they stand for.

Every byte also has a code, a random vector of ones and minus ones. The layer's weights are zero, so a token's embedding
reaches the output unchanged; it is the code of the token's successor. The output matrix holds the codes, so the
successor's logit is `LOGIT`, the base vocabulary's are 0, and the other bytes' about 20 at most.

A prompt is tokenised into the base vocabulary, whose tokens all name the text's first byte as their successor: **any
prompt that is not empty, chat or not, starts the text from its beginning**.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from gguf import GGUFWriter

from . import container
from .container import F16
from .random_llama import Shape, add_llama_metadata
from .vocabulary import BASE, CHATML, IM_END, add_vocabulary

if TYPE_CHECKING:
    from pathlib import Path

    from .container import Array, Tensor

EMOJI_TEXT = "Grüße 👋🏽 世界 "
# So far above the others that sampling at temperature 1, or with a repetition penalty, says the text too.
LOGIT = 60.0
SHAPE = Shape(n_layer=1, n_embd=256, n_head=8, n_head_kv=1, n_ff=32, n_ctx_train=4096)


def write_cycle(path: Path, text: str, *, then_eog: bool = False, chat_template: str | None = CHATML) -> Path:
    """Write a llama that repeats `text` for ever, or says it once and ends its answer; return `path`."""
    encoded = text.encode()
    if not encoded:
        raise ValueError("a cycle needs a text that is not empty")
    writer = GGUFWriter(None, "llama")
    add_llama_metadata(writer, "cycle", SHAPE)
    add_vocabulary(writer, chat_template, [f"<0x{byte:02X}>#{index}" for index, byte in enumerate(encoded)])
    return container.write(writer, path, _tensors(len(encoded), then_eog=then_eog))


def write_emoji(path: Path, *, then_eog: bool = False) -> Path:
    """Write a llama that says `EMOJI_TEXT`, characters of one to four bytes, one byte a token; return `path`."""
    return write_cycle(path, EMOJI_TEXT, then_eog=then_eog)


def _codes(count: int) -> Array:
    return np.random.default_rng(count).choice(np.array([-1, 1], np.float32), (count, SHAPE.n_embd))


def _embedding(codes: Array, last: int) -> Array:
    """Return each token's successor as a code; `last` is what follows the last byte."""
    return np.concatenate([np.tile(codes[0], (len(BASE), 1)), codes[1:-1], codes[last : last + 1]])


def _output(codes: Array) -> Array:
    """Return rows that answer to a code; the last code is that of the end of the answer."""
    base = np.zeros((len(BASE), SHAPE.n_embd), np.float32)
    base[IM_END] = codes[-1]
    # The norm before the output leaves a row of ones and minus ones as it is.
    return np.concatenate([base, codes[:-1]]) * (LOGIT / SHAPE.n_embd)


def _tensors(length: int, *, then_eog: bool) -> list[Tensor]:
    codes = _codes(length + 1)
    n_embd, n_kv, n_ff = SHAPE.n_embd, SHAPE.n_embd_kv, SHAPE.n_ff
    return [
        container.constant("token_embd.weight", _embedding(codes, length if then_eog else 0), F16),
        container.ones("blk.0.attn_norm.weight", n_embd),
        _zeros("blk.0.attn_q.weight", n_embd, n_embd),
        _zeros("blk.0.attn_k.weight", n_kv, n_embd),
        _zeros("blk.0.attn_v.weight", n_kv, n_embd),
        _zeros("blk.0.attn_output.weight", n_embd, n_embd),
        container.ones("blk.0.ffn_norm.weight", n_embd),
        _zeros("blk.0.ffn_gate.weight", n_ff, n_embd),
        _zeros("blk.0.ffn_up.weight", n_ff, n_embd),
        _zeros("blk.0.ffn_down.weight", n_embd, n_ff),
        container.ones("output_norm.weight", n_embd),
        container.constant("output.weight", _output(codes), F16),
    ]


def _zeros(name: str, outputs: int, inputs: int) -> Tensor:
    return container.constant(name, np.zeros((outputs, inputs)), F16)
