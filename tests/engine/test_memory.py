"""A context that does not fit is refused before the system ends the process for it."""

from pathlib import Path

import pytest

from cyllama_jupyter import LLM, LoadError


@pytest.mark.parametrize("n_ctx", [1_000_000_000, 2**31 - 1])
def test_a_context_larger_than_the_memory_is_refused_with_numbers(tiny_model: Path, n_ctx: int) -> None:
    with pytest.raises(LoadError, match=r"takes about [\d,.]+ GB and [\d,.]+ GB are free; try a smaller n_ctx"):
        LLM(tiny_model, n_ctx=n_ctx)


def test_the_estimate_is_near_what_a_context_takes(slow_model: Path) -> None:
    with LLM(slow_model, n_ctx=4096) as llm:
        # 12 layers of 512 wide keys and values in 16 bits, and 32 heads of scores over 512 tokens in 32 bits
        assert llm._model.context_bytes(4096, 512) == 2 * 2 * 4096 * 12 * 512 + 4 * 512 * 4096 * 32
