"""LoRA adapters: what a model says with them is what it would say with them merged into it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
from gguf import GGMLQuantizationType

from cyllama_jupyter import (
    LLM,
    AdapterError,
    GenerationConfig,
    LlamaContext,
    LlamaModel,
    LoadCancelled,
    LoadError,
    StateError,
)
from cyllama_jupyter._native.adapter import LlamaAdapter
from cyllama_jupyter._native.cancel import LoadState
from cyllama_jupyter.engine import loading
from cyllama_jupyter.engine.memory import estimate
from tests.tiny_models import write_gemma3, write_llama, write_lora, write_merged, write_mixtral
from tests.tiny_models.adapters import ATTENTION, EMBEDDING

GREEDY = GenerationConfig(max_tokens=30, temperature=0.0, logprobs=5)
PROMPT = "Hello you and me"
EVERYWHERE = (*ATTENTION, EMBEDDING, "output.weight")
MEGABYTE = 10**6


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model in F32, so that one with an adapter merged into it can be as exact."""
    return write_llama(tmp_path_factory.mktemp("models") / "f32.gguf", weight_type="F32")


@pytest.fixture(scope="module")
def adapter(model: Path) -> Path:
    return write_lora(model.with_name("one.gguf"), model)


@pytest.fixture(scope="module")
def other(model: Path) -> Path:
    """Return an adapter that has no alpha and changes the embedding too."""
    return write_lora(model.with_name("other.gguf"), model, names=EVERYWHERE, alpha=None, rank=3, seed=1)


def said(model: Path, lora: object = None) -> tuple[str, list[float]]:
    """Return a greedy answer, and the probabilities of its tokens and of those beside them."""
    with LLM(model, lora=lora, n_ctx=256, n_threads=1, n_threads_batch=1) as llm:
        response = llm(PROMPT, GREEDY)
    tokens = response.to_dict()["tokens"]
    return response.text, [each["probability"] for token in tokens for each in token["alternatives"]]


class TestAgainstTheMergedModel:
    @pytest.mark.parametrize("scales", [(1.0, 0.0), (0.0, 1.0), (-0.5, 0.0), (0.7, 1.3), (0.0, 0.0)])
    def test_any_scales(
        self, model: Path, adapter: Path, other: Path, tmp_path: Path, scales: tuple[float, float]
    ) -> None:
        chosen = list(zip((adapter, other), scales, strict=True))
        text, found = said(model, chosen)
        merged_text, merged = said(write_merged(tmp_path / "merged.gguf", model, chosen))
        assert text == merged_text
        assert np.allclose(found, merged, atol=1e-3)

    def test_factors_in_8_bits(self, model: Path, tmp_path: Path) -> None:
        lora = write_lora(tmp_path / "q8.gguf", model, rank=32, kind=GGMLQuantizationType.Q8_0)
        text, found = said(model, lora)
        merged_text, merged = said(write_merged(tmp_path / "merged.gguf", model, [(lora, 1.0)]))
        assert text[:10] == merged_text[:10]
        assert np.allclose(found[:20], merged[:20], atol=0.2)  # what is multiplied is rounded to 8 bits too

    @pytest.mark.parametrize(
        ("write", "names"),
        [(write_mixtral, ("blk.0.ffn_gate_inp.weight", "blk.1.ffn_up_exps.weight")), (write_gemma3, ATTENTION)],
    )
    def test_experts_and_sliding_windows_are_changed(
        self, write: Callable[[Path], Path], names: tuple[str, ...], tmp_path: Path
    ) -> None:
        path = write(tmp_path / "model.gguf")
        lora = write_lora(tmp_path / "lora.gguf", path, names=names)
        bare, changed = said(path), said(path, lora)
        assert bare[0] != changed[0]
        assert said(path, {lora: 0}) == bare


def test_a_real_quantised_model(smollm2: Path, tmp_path: Path) -> None:
    lora = write_lora(tmp_path / "lora.gguf", smollm2, names=("blk.0.attn_q.weight", "blk.5.ffn_down.weight"))
    bare, without, changed = (said(smollm2, scaled) for scaled in (None, {lora: 0}, lora))
    assert bare == without
    assert bare[0] != changed[0]
    tied = write_lora(tmp_path / "tied.gguf", smollm2, names=(EMBEDDING,))
    with pytest.raises(AdapterError, match="the token embedding, which this model has for its output too"):
        LLM(smollm2, lora=tied)


def test_each_adapter_changes_the_answer_and_two_change_it_in_another_way(
    model: Path, adapter: Path, other: Path
) -> None:
    answers = [said(model, lora)[0] for lora in (None, adapter, other, [adapter, other], {adapter: 0.5})]
    assert len(set(answers)) == len(answers)


def test_many_adapters_at_once(model: Path, adapter: Path) -> None:
    assert said(model, [(adapter, 0.01)] * 100)[0] == said(model, adapter)[0]


def test_a_scale_of_0_is_the_bare_model_to_the_last_bit(model: Path, adapter: Path) -> None:
    assert said(model, {adapter: 0}) == said(model)


def test_a_greedy_answer_depends_on_no_number_of_threads_and_no_earlier_prompt(
    model: Path, adapter: Path, other: Path
) -> None:
    answers = []
    for threads in (1, 2):
        with LLM(model, lora=[adapter, other], n_threads=threads, n_threads_batch=threads) as llm:
            answers += [llm(PROMPT, GREEDY).text]
            llm("something else", GREEDY)
            answers += [llm(PROMPT, GREEDY).text]
    assert len(set(answers)) == 1


def test_a_call_cannot_change_them(model: Path, adapter: Path) -> None:
    with LLM(model, lora={adapter: 0.5}) as llm:
        assert llm.config.adapters == ((str(adapter), 0.5),)
        assert llm("a", GenerationConfig(max_tokens=1, lora={str(adapter): 0.5})).finish_reason == "length"
        with pytest.raises(ValueError, match=r"lora=.* 1\.0.* \(loaded with .* 0\.5.* cannot change in a call"):
            llm("a", GenerationConfig(lora=adapter))


class TestStates:
    def test_a_state_belongs_to_its_adapters_and_their_scales(
        self, model: Path, adapter: Path, other: Path, tmp_path: Path
    ) -> None:
        path = tmp_path / "a.state"
        with LLM(model, lora=[adapter, other]) as llm:
            llm(PROMPT, GREEDY)
            llm.save_state(path)
        for lora in (None, adapter, {adapter: 0.5, other: 1}):
            with LLM(model, lora=lora) as llm, pytest.raises(StateError, match="saved with another set of adapters"):
                llm.load_state(path)
        with LLM(model, lora={other: 1, adapter: 1, adapter.with_name("one.gguf"): 1}) as llm:
            assert llm.load_state(path) > 0

    def test_a_state_of_the_bare_model_is_refused_with_an_adapter(
        self, model: Path, adapter: Path, tmp_path: Path
    ) -> None:
        path = tmp_path / "a.state"
        with LLM(model) as llm:
            llm(PROMPT, GREEDY)
            llm.save_state(path)
        with LLM(model, lora=adapter) as llm, pytest.raises(StateError, match=r"another set of adapters \('none'"):
            llm.load_state(path)
        with LLM(model, lora={adapter: 0}) as llm:
            assert llm.load_state(path) > 0, "an adapter with a scale of 0 changes nothing"

    def test_an_adapter_that_was_replaced(self, model: Path, adapter: Path, tmp_path: Path) -> None:
        copy = tmp_path / "copy.gguf"
        copy.write_bytes(adapter.read_bytes())
        with LLM(model, lora=copy) as llm:
            copy.unlink()
            with pytest.raises(StateError, match=r"copy.gguf' has changed since it was loaded"):
                llm.save_state(tmp_path / "a.state")


def test_its_memory_is_told(model: Path, adapter: Path, other: Path) -> None:
    bare, with_two = (estimate(model, GenerationConfig(lora=lora)) for lora in ([], [adapter, other]))
    n_bytes = with_two.adapters
    assert 0 < n_bytes <= adapter.stat().st_size + other.stat().st_size
    assert with_two.total - bare.total == with_two.anonymous - bare.anonymous == n_bytes
    assert "adapters" in str(with_two)
    assert "adapters" not in str(bare)


class TestLifetime:
    def test_closing_the_llm_frees_all(self, model: Path, adapter: Path) -> None:
        llm = LLM(model, lora=adapter)
        native = llm._model
        assert (native.open_adapters, native.open_contexts) == (1, 1)
        llm.close()
        assert (native.open_adapters, native.open_contexts) == (0, 0)

    def test_a_cancel_between_two_adapters_leaves_nothing(
        self, model: Path, adapter: Path, other: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        state, models = LoadState(), list[LlamaModel]()

        def loaded(native: LlamaModel, path: bytes) -> LlamaAdapter:
            state.cancel()
            models.append(native)
            return LlamaAdapter(native, path)

        monkeypatch.setattr(loading, "LlamaAdapter", loaded)
        with pytest.raises(LoadCancelled):
            loading.load(str(model), GenerationConfig(lora=[adapter, other]), state)
        [native] = models
        assert native.open_adapters == 0
        assert mappings(model) == 0

    def test_a_failing_context_leaves_nothing(
        self, model: Path, adapter: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> LlamaContext:
            raise LoadError("no context today")

        monkeypatch.setattr(loading, "_context", fail)
        with pytest.raises(LoadError, match="no context today"):
            LLM(model, lora=adapter)
        assert mappings(model) == 0

    def test_a_file_that_is_replaced_by_another_after_the_check(
        self, model: Path, adapter: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        copy = tmp_path / "copy.gguf"
        copy.write_bytes(adapter.read_bytes())
        load_model = loading._load_model

        def load_too_late(path: str, config: GenerationConfig, state: LoadState) -> LlamaModel:
            copy.unlink()
            return load_model(path, config, state)

        monkeypatch.setattr(loading, "_load_model", load_too_late)
        with pytest.raises(LoadError, match=r"could not load the adapter .*; it said: .*failed to open"):
            LLM(model, lora=copy)
        assert mappings(model) == 0

    def test_20_loads_take_no_memory(self, model: Path, tmp_path: Path) -> None:
        lora = write_lora(tmp_path / "large.gguf", model, rank=4096)

        def load() -> None:
            with LLM(model, lora=lora, n_ctx=256) as llm:
                llm("a", GenerationConfig(max_tokens=2))

        load()
        before = psutil.Process().memory_info().rss
        for _ in range(20):
            load()
        grown = psutil.Process().memory_info().rss - before
        assert grown < 4 * lora.stat().st_size, f"{grown / MEGABYTE:.0f} MB, and an adapter has some 7"


def mappings(path: Path) -> int:
    return sum(mapped.path == str(path) for mapped in psutil.Process().memory_maps())
