"""Keys and values in other types: generating, cancelling, reusing, saving."""

import time
from pathlib import Path
from typing import get_args

import pytest

from cyllama_jupyter import LLM, GenerationConfig, LlamaContext, LoadError, StateError
from cyllama_jupyter.config import CACHE_TYPES, CacheType
from tests.tiny_models import write_llama

GREEDY = GenerationConfig(max_tokens=16, temperature=0)
STORY = "Once upon a time there lived a small fox who wondered about the sea. " * 10
QUANTISED = [each for each in CACHE_TYPES if "q" in each or "nl" in each]


@pytest.fixture(scope="module")
def wide_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model with heads of 32 values, as long as a block of a quantised type."""
    return write_llama(tmp_path_factory.mktemp("models") / "wide.gguf", n_head=2)


@pytest.mark.parametrize("kind", get_args(CacheType))
def test_each_type_generates(wide_model: Path, kind: CacheType) -> None:
    with LLM(wide_model, type_k=kind, type_v=kind, flash_attn="on") as llm:
        assert (llm.config.type_k, llm.config.type_v) == (kind, kind)
        assert llm("a b c d", GREEDY).finish_reason == "length"


@pytest.mark.parametrize("kind", QUANTISED)
def test_quantised_keys_need_no_flash_attention_and_values_do(wide_model: Path, kind: CacheType) -> None:
    with LLM(wide_model, type_k=kind) as llm:
        assert llm("a b c d", GREEDY).finish_reason == "length"
    with pytest.raises(ValueError, match=rf"^type_v='{kind}' is quantised, .* set flash_attn=\"on\" too$"):
        LLM("there-is-no-such-file.gguf", type_v=kind)  # told before the model is looked for


def test_heads_that_a_block_does_not_divide_are_refused_before_the_load(tiny_model: Path) -> None:
    told: list[float] = []
    with pytest.raises(LoadError, match=r"type_k='q8_0' quantises 32 values together, .* heads have \d+"):
        LLM(tiny_model, type_k="q8_0", on_progress=told.append)
    assert told == []


def test_a_call_cannot_change_them(wide_model: Path) -> None:
    with LLM(wide_model, type_k="q8_0") as llm:
        assert llm.config.type_v == "f16"
        with pytest.raises(ValueError, match=r"type_k='f16' \(loaded with 'q8_0'\) cannot change in a call"):
            llm("a", GenerationConfig(type_k="f16"))


def test_a_context_knows_no_other_types(wide_model: Path) -> None:
    with LLM(wide_model) as llm, pytest.raises(ValueError, match=r"keys and values as f32, f16, .*'f8'"):
        LlamaContext(
            llm._model, n_ctx=64, n_batch=64, n_ubatch=64, n_threads=1, n_threads_batch=1, type_k="f8", type_v="f16"
        )


class TestQuantised:
    """The real model, with all of its cache in ``q8_0``."""

    def load(self, path: Path) -> LLM:
        # One thread: with flash attention the last bits depend on how many there are.
        return LLM(path, n_ctx=2048, type_k="q8_0", type_v="q8_0", flash_attn="on", n_threads=1, n_threads_batch=1)

    def test_what_was_computed_is_reused_after_another_prompt_and_after_a_restart(
        self, smollm2: Path, tmp_path: Path
    ) -> None:
        with self.load(smollm2) as llm:
            first = llm(STORY, GREEDY)
            llm("The capital of France is", GREEDY)
            again = llm(STORY, GREEDY)
            assert llm.save_state(tmp_path / "state") > 0
        with self.load(smollm2) as llm:
            llm.load_state(tmp_path / "state")
            restored = llm(STORY, GREEDY)
        assert first.text == again.text == restored.text
        for response in (again, restored):
            assert response.stats is not None
            assert response.stats.reused_tokens >= response.stats.prompt_tokens - 2

    def test_a_cancel_ends_a_prefill_at_once_and_the_next_call_goes_on_there(self, smollm2: Path) -> None:
        with self.load(smollm2) as llm:
            generation = llm.submit(STORY * 2, GREEDY)
            while generation.progress.prompt_tokens_read == 0:
                generation.wait(0.005)
            begin = time.monotonic()
            generation.cancel()
            assert generation.result().finish_reason == "cancelled"
            assert time.monotonic() - begin < 0.5
            finished = llm(STORY * 2, GREEDY)
            assert finished.stats is not None
            assert finished.stats.reused_tokens > 0
        with self.load(smollm2) as llm:
            assert llm(STORY * 2, GREEDY).text == finished.text

    def test_a_state_in_other_types_is_refused(self, wide_model: Path, tmp_path: Path) -> None:
        with LLM(wide_model, type_k="q8_0") as llm:
            llm("a b c d e f g h", GREEDY)
            llm.save_state(tmp_path / "state")
        with LLM(wide_model) as llm, pytest.raises(StateError, match="type of keys"):
            llm.load_state(tmp_path / "state")
