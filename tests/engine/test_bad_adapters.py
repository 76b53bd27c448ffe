"""Adapters that cannot be used, some of which would end the process: an error that says what is wrong."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFWriter

from cyllama_jupyter import LLM, AdapterError, GenerationConfig, ModelFileError, ModelNotFoundError
from cyllama_jupyter.adapters import check_adapter_file
from tests.robustness.wrong_adapters import Adapter, model_of
from tests.tiny_models import container, write_gemma3, write_llama, write_lora, write_mixtral
from tests.tiny_models.adapters import EMBEDDING
from tests.tiny_models.container import Tensor

QUERY = "blk.0.attn_q.weight"  # 64 by 64
EXPERTS = "blk.0.ffn_up_exps.weight"
A, B = f"{QUERY}.lora_a", f"{QUERY}.lora_b"
F32, F64, I32 = GGMLQuantizationType.F32, GGMLQuantizationType.F64, GGMLQuantizationType.I32
Change = Callable[[Adapter], Any]


def change(name: str, shape: tuple[int, ...], kind: GGMLQuantizationType = F32) -> Change:
    """Return what gives an adapter's tensor another shape or type."""
    return lambda it: it.tensors.update({name: (shape, kind)})


def key(name: str, value: object) -> Change:
    """Return what gives a key of the metadata another value."""
    return lambda it: it.keys.update({name: value})


def refused(model: Path, adapter: Path, scale: float = 1.0) -> str:
    """Return what is said of an adapter."""
    with pytest.raises(AdapterError) as error:
        LLM(model, lora={adapter: scale})
    assert repr(str(adapter)) in str(error.value)
    return str(error.value)


WRONG: dict[str, tuple[Change, str]] = {
    "a model": (key("general.type", "model"), "it is no adapter"),
    "a kind that is no text": (key("general.type", 5), "it is no adapter"),
    "no kind": (lambda it: it.keys.pop("general.type"), "it is no adapter"),
    "a control vector": (key("adapter.type", "cvec"), "an adapter of the type 'cvec', and LoRA adapters alone"),
    "a type that is no text": (key("adapter.type", 5), "an adapter of the type None"),
    "another architecture": (key("general.architecture", "qwen2"), "architecture 'qwen2', and tiny.gguf is 'llama'"),
    "an activated LoRA": (key("adapter.alora.invocation_tokens", [1, 2]), "it is an activated LoRA"),
    "an alpha without an end": (key("adapter.lora.alpha", float("inf")), "alpha is no finite number"),
    "an alpha that is none": (key("adapter.lora.alpha", float("nan")), "alpha is no finite number"),
    "an alpha of whole numbers": (key("adapter.lora.alpha", 8), "alpha is no finite number of 32 bits"),
    "an alpha of many": (key("adapter.lora.alpha", [8.0]), "alpha is no finite number of 32 bits"),
    "nothing": (lambda it: it.tensors.clear(), "it holds no matrices"),
    "one factor": (lambda it: it.tensors.pop(B), f"'{A}' lacks the other factor, '{B}'"),
    "the other factor": (lambda it: it.tensors.pop(A), f"'{B}' lacks the other factor, '{A}'"),
    "something else": (change("blk.0.attn_q.bias", (64,)), "'blk.0.attn_q.bias' is no factor of a LoRA"),
    "a matrix that the model lacks": (change("x.lora_a", (4, 64)), "'x.lora_a' lacks the other factor"),
    "too many inputs": (change(A, (4, 65)), "do not fit that matrix (65 by 4 by 1 by 1, 4 by 64 by 1 by 1, 64 by 64"),
    "too few outputs": (change(B, (63, 4)), f"its factors of '{QUERY}' do not fit that matrix"),
    "two of a factor": (change(A, (2, 4, 64)), "do not fit that matrix (64 by 4 by 2 by 1"),
    "three dimensions more": (change(B, (2, 1, 64, 4)), "do not fit that matrix"),
    "two ranks": (change(A, (5, 64)), f"its factors of '{QUERY}' have the ranks 5 and 4"),
    "factors that are turned": (change(B, (4, 64)), "do not fit that matrix"),
    "whole numbers": (change(A, (4, 64), I32), f"'{A}' is of the type i32, which cannot be multiplied"),
    "64 bits": (change(B, (64, 4), F64), f"'{B}' is of the type f64, which cannot be multiplied"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named(name: str, tiny_model: Path, tmp_path: Path) -> None:
    make, message = WRONG[name]
    adapter = Adapter(model_of(tiny_model), [QUERY])
    make(adapter)
    assert message in refused(tiny_model, adapter.write(tmp_path / "adapter.gguf"))


def test_another_model_is_told_by_its_matrices(tiny_model: Path, tmp_path: Path) -> None:
    deeper = write_llama(tmp_path / "deeper.gguf", n_layer=3)
    lora = write_lora(tmp_path / "lora.gguf", deeper, names=("blk.2.attn_q.weight",))
    assert "it changes 'blk.2.attn_q.weight', which the model lacks: take the model" in refused(tiny_model, lora)


def test_experts_need_a_factor_each(tmp_path: Path) -> None:
    model = write_mixtral(tmp_path / "mixtral.gguf")
    adapter = Adapter(model_of(model), [EXPERTS])
    for name, (shape, kind) in adapter.tensors.items():
        adapter.tensors[name] = (shape[1:], kind)
    assert f"its factors of '{EXPERTS}' do not fit that matrix" in refused(model, adapter.write(tmp_path / "a.gguf"))


@pytest.mark.parametrize("write", [lambda path: write_llama(path, tied=True), None])
def test_an_embedding_that_is_the_output_too(
    write: Callable[[Path], Path] | None, tiny_model: Path, tmp_path: Path
) -> None:
    model = write(tmp_path / "tied.gguf") if write else tiny_model
    lora = write_lora(tmp_path / "lora.gguf", model, names=(EMBEDDING,))
    if write:
        assert "the token embedding, which this model has for its output too" in refused(model, lora)
    else:
        with LLM(model, lora=lora) as llm:
            assert llm("a", GenerationConfig(max_tokens=1)).finish_reason == "length"


def test_ranks_of_an_embedding(tiny_model: Path, tmp_path: Path) -> None:
    adapter = Adapter(model_of(tiny_model), [EMBEDDING])
    rows = adapter.model.weights[EMBEDDING][0]
    change(f"{EMBEDDING}.lora_a", (rows, 5))(adapter)
    assert "have the ranks 5 and 4" in refused(tiny_model, adapter.write(tmp_path / "a.gguf"))
    change(f"{EMBEDDING}.lora_a", (rows + 1, 4))(adapter)
    assert "do not fit that matrix" in refused(tiny_model, adapter.write(tmp_path / "a.gguf"))


def test_networks_in_nvfp4(tmp_path: Path) -> None:
    kind = GGMLQuantizationType.NVFP4
    names = ("blk.0.attn_q.weight", "blk.0.ffn_up.weight")
    tensors = [Tensor(name, (64, 64), kind, lambda: np.zeros((64, 36), np.uint8)) for name in names]
    model = container.write(GGUFWriter(None, "llama"), tmp_path / "model.gguf", tensors)
    good, bad = (Adapter(model_of(model), [name]).write(tmp_path / f"{index}.gguf") for index, name in enumerate(names))
    check_adapter_file(good, model)
    with pytest.raises(AdapterError, match=r"it changes 'blk.0.ffn_up.weight', which the model keeps in NVFP4"):
        check_adapter_file(bad, model)


def test_a_scale_that_32_bits_do_not_hold(tiny_model: Path, tmp_path: Path) -> None:
    lora = write_lora(tmp_path / "lora.gguf", tiny_model, alpha=1e30)
    assert "alpha times the scale is beyond what 32 bits hold: take a smaller scale" in refused(tiny_model, lora, 1e30)


def test_norms_are_left_out_with_a_warning(tiny_model: Path, tmp_path: Path) -> None:
    adapter = Adapter(model_of(tiny_model), [QUERY])
    plain = adapter.write(tmp_path / "plain.gguf")
    change("blk.0.attn_norm.weight", (64,))(adapter)
    with pytest.warns(
        UserWarning, match="with-norm.gguf changes norms too, which llama.cpp leaves as they are"
    ) as told:
        llm = LLM(tiny_model, lora=adapter.write(tmp_path / "with-norm.gguf"))
    assert told[0].filename == __file__
    greedy = GenerationConfig(max_tokens=20, temperature=0.0)
    with llm, LLM(tiny_model, lora=plain) as other:
        assert llm("a b c", greedy).text == other("a b c", greedy).text


class TestFiles:
    def test_no_file(self, tiny_model: Path) -> None:
        with pytest.raises(ModelNotFoundError, match=r"^there is no adapter file 'nothing.gguf'$"):
            LLM(tiny_model, lora="nothing.gguf")

    def test_a_model_for_an_adapter_and_an_adapter_for_a_model(self, tiny_model: Path, tmp_path: Path) -> None:
        assert "it is no adapter; a model is loaded by itself" in refused(tiny_model, tiny_model)
        lora = write_lora(tmp_path / "lora.gguf", tiny_model)
        with pytest.raises(ModelFileError, match="is an adapter and no model: load its model with it"):
            LLM(lora)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "the adapter file .* is empty"),
            (b"PK\3\4", r"is not a GGUF file: it begins with b'PK\\x03\\x04'"),
            (b"GGUF\1" + bytes(30), "GGUF version 1, but llama.cpp reads 2 and 3: convert the adapter anew"),
            (b"GGUF\3" + b"\xff" * 30, "GGUF version 4294967043, but llama.cpp reads"),
        ],
    )
    def test_no_gguf(self, content: bytes, message: str, tiny_model: Path, tmp_path: Path) -> None:
        path = tmp_path / "adapter.gguf"
        path.write_bytes(content)
        assert re.search(message, refused(tiny_model, path))

    def test_a_folder_and_a_file_that_is_cut_off(self, tiny_model: Path, tmp_path: Path) -> None:
        assert "is a directory, not a GGUF file" in refused(tiny_model, tmp_path)
        lora = write_lora(tmp_path / "lora.gguf", tiny_model)
        lora.write_bytes(lora.read_bytes()[:-100])
        assert re.search(r"is truncated: it has [\d,]+ of [\d,]+ bytes; download it again", refused(tiny_model, lora))

    def test_two_tensors_whose_names_llama_cpp_reads_alike(self, tiny_model: Path, tmp_path: Path) -> None:
        adapter = Adapter(model_of(tiny_model), [QUERY])
        adapter.tensors[f"{A}+"] = adapter.tensors[A]
        path = adapter.write(tmp_path / "a.gguf")
        path.write_bytes(path.read_bytes().replace(f"{A}+".encode(), f"{A}\0".encode()))
        assert "it holds two tensors of one name" in refused(tiny_model, path)

    def test_all_are_checked_before_any_is_loaded(self, tiny_model: Path, tmp_path: Path) -> None:
        told: list[float] = []
        good = write_lora(tmp_path / "good.gguf", tiny_model)
        gemma = write_gemma3(tmp_path / "gemma.gguf")
        with pytest.raises(AdapterError, match="gemma-lora"):
            LLM(tiny_model, lora=[good, write_lora(tmp_path / "gemma-lora.gguf", gemma)], on_progress=told.append)
        assert told == []
