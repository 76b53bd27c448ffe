"""What a model is, told from its header, beside what llama.cpp says of it."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from cyllama_jupyter import LLM
from cyllama_jupyter._native.gguf import quantisation
from cyllama_jupyter.engine.info import model_info
from tests.tiny_models import write_llama, write_mamba


def test_it_is_what_llama_cpp_says(smollm2: Path) -> None:
    info = model_info(smollm2)
    with LLM(smollm2) as llm:
        model = llm._model
        assert (info.n_bytes, info.n_params) == (model.n_bytes, model.n_params)
        assert (info.n_ctx_train, info.n_vocab) == (model.n_ctx_train, model.n_vocab)
        assert info.chat_template == model.chat_template()
        assert info.architecture == model.metadata("general.architecture") == "llama"
        assert model.description.endswith(info.quantisation)


def test_the_shape_of_the_real_model(smollm2: Path) -> None:
    info = model_info(smollm2)
    assert (info.n_layers, info.n_heads, info.n_kv_heads, info.n_embd) == (30, 9, 3, 576)
    assert info.quantisation == "Q4_1"
    assert info.name


def test_what_a_header_does_not_say_is_left_open(tmp_path: Path) -> None:
    bare = model_info(write_llama(tmp_path / "bare.gguf", chat_template=None))
    assert (bare.chat_template, bare.quantisation) == ("", "unknown")
    assert model_info(write_mamba(tmp_path / "mamba.gguf")).n_kv_heads == 0


@given(st.integers(-(2**31), 2**31 - 1))
def test_any_number_of_a_file_type_has_a_name(file_type: int) -> None:
    assert quantisation(file_type)
