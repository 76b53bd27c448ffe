"""Asks llama.cpp itself, through the llama-cpp-python package, what an aborted decode leaves in a context's memory.

A script for a process of its own: our extension must be the first to load libllama, and llama_cpp would be.
"""

from __future__ import annotations

import ctypes
import json
import sys
from typing import Any

import llama_cpp
import numpy as np

CHUNK = 32
TOKENS = np.random.default_rng(0).integers(ord("a"), ord("z"), 20 * CHUNK)
PARTIAL = llama_cpp.LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY


class Context:
    """A context of one sequence over a model, whose decodes can be aborted at a given poll."""

    def __init__(self, path: str, *, swa_full: bool) -> None:
        """Load the model."""
        self._abort = llama_cpp.ggml_abort_callback(lambda _: self._poll())
        self._polls_left = -1
        params = llama_cpp.llama_context_default_params()
        params.n_ctx, params.n_ubatch, params.n_threads, params.n_threads_batch = 1024, CHUNK, 1, 1
        params.swa_full, params.abort_callback, params.flash_attn_type = swa_full, self._abort, 0
        self._model: Any = llama_cpp.llama_model_load_from_file(path.encode(), llama_cpp.llama_model_default_params())
        self._ctx: Any = llama_cpp.llama_init_from_model(self._model, params)
        self._memory: Any = llama_cpp.llama_get_memory(self._ctx)
        self.n_swa = llama_cpp.llama_model_n_swa(self._model)

    def _poll(self) -> bool:
        self._polls_left -= 1
        return self._polls_left == 0

    def clear(self) -> None:
        """Forget everything."""
        llama_cpp.llama_memory_clear(self._memory, True)  # noqa: FBT003 - a C function

    def decode(self, tokens: Any, start: int, abort_at: int = 0) -> int:  # noqa: ANN401 - an array
        """Compute tokens at the positions from `start`, and return the first status that is not 0."""
        self._polls_left = abort_at
        for index in range(0, len(tokens), CHUNK):
            part = tokens[index : index + CHUNK]
            batch = llama_cpp.llama_batch_init(CHUNK, 0, 1)
            batch.n_tokens = len(part)
            for i, token in enumerate(part):
                batch.token[i], batch.pos[i], batch.logits[i] = int(token), start + index + i, i == len(part) - 1
                batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
            status: int = llama_cpp.llama_decode(self._ctx, batch)
            llama_cpp.llama_batch_free(batch)
            if status:
                return status
        return 0

    def logits(self) -> Any:  # noqa: ANN401 - an array
        """Return the logits of the last token."""
        n_vocab = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self._model))
        return np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(self._ctx, -1), (n_vocab,)).copy()

    def positions(self) -> tuple[int, int]:
        """Return the first and the last position that llama.cpp says it remembers."""
        memory = self._memory
        return llama_cpp.llama_memory_seq_pos_min(memory, 0), llama_cpp.llama_memory_seq_pos_max(memory, 0)

    def cut(self, length: int) -> bool:
        """Forget what lies behind the first `length` tokens; return whether llama.cpp says it has."""
        return bool(llama_cpp.llama_memory_seq_rm(self._memory, 0, length, -1))

    def snapshot(self) -> Any:  # noqa: ANN401 - an array of ctypes
        """Return what a cut cannot bring back."""
        data = (ctypes.c_uint8 * llama_cpp.llama_state_seq_get_size_ext(self._ctx, 0, PARTIAL))()
        llama_cpp.llama_state_seq_get_data_ext(self._ctx, data, len(data), 0, PARTIAL)
        return data

    def restore(self, data: Any) -> None:  # noqa: ANN401 - an array of ctypes
        """Put a snapshot back."""
        llama_cpp.llama_state_seq_set_data_ext(self._ctx, data, len(data), 0, PARTIAL)


def after_an_abort(ctx: Context) -> dict[str, Any]:
    """Abort the second of three chunks; then go on at once, and from a snapshot."""
    tokens = TOKENS[: 3 * CHUNK]
    ctx.decode(tokens, 0)
    wanted = ctx.logits()
    ctx.clear()
    ctx.decode(tokens[:CHUNK], 0)
    data = ctx.snapshot()
    facts = {"status": ctx.decode(tokens[CHUNK : 2 * CHUNK], CHUNK, abort_at=20), "last": ctx.positions()[1]}
    facts["cut"] = ctx.cut(CHUNK)
    facts["resumed"] = ctx.decode(tokens[CHUNK:], CHUNK) == 0 and bool((ctx.logits() == wanted).all())
    ctx.clear()
    ctx.decode(tokens[:CHUNK], 0)
    ctx.decode(tokens[CHUNK : 2 * CHUNK], CHUNK, abort_at=20)
    ctx.restore(data)
    facts["restored_cut"] = ctx.cut(CHUNK)
    facts["restored"] = ctx.decode(tokens[CHUNK:], CHUNK) == 0 and bool((ctx.logits() == wanted).all())
    return facts


def reused_prefix(ctx: Context, n_behind: int) -> dict[str, Any]:
    """Remember 640 tokens and go on after a prefix that ends `n_behind` tokens behind the first one remembered."""
    ctx.clear()
    ctx.decode(TOKENS, 0)
    first = ctx.positions()[0]
    length = first + n_behind
    facts = {"first": first, "cut": ctx.cut(length)}
    ctx.decode(TOKENS[:CHUNK], length)
    reused = ctx.logits()
    ctx.clear()
    ctx.decode(TOKENS[:length], 0)
    ctx.decode(TOKENS[:CHUNK], length)
    return {**facts, "error": float(abs(ctx.logits() - reused).max())}


def main() -> None:
    """Print the facts about the model named on the command line."""
    path, swa_full = sys.argv[1], sys.argv[2] == "full"
    ctx = Context(path, swa_full=swa_full)
    facts: dict[str, Any] = {"abort": after_an_abort(ctx)}
    if ctx.n_swa:
        facts["reuse"] = {n_behind: reused_prefix(ctx, n_behind) for n_behind in (1, ctx.n_swa - 1)}
    json.dump(facts, sys.stdout)


if __name__ == "__main__":
    main()
