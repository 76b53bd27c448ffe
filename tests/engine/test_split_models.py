"""A model in several files."""

from pathlib import Path

import pytest
from gguf import GGMLQuantizationType, GGUFWriter

from cyllama_jupyter import LLM, GenerationConfig, ModelNotFoundError
from cyllama_jupyter.engine.info import model_info
from cyllama_jupyter.engine.memory import estimate
from cyllama_jupyter.models import parts
from tests.tiny_models.random_llama import Shape, _tensors, add_llama_metadata
from tests.tiny_models.vocabulary import CHATML, add_vocabulary

GREEDY = GenerationConfig(max_tokens=8, temperature=0)


@pytest.fixture
def split_model(tmp_path: Path) -> Path:
    """Return the first file of the tiny model in several."""
    shape = Shape(n_layer=2, n_embd=64, n_head=4, n_head_kv=2, n_ff=128, n_ctx_train=2048)
    writer = GGUFWriter(None, "llama", split_max_tensors=8)
    add_llama_metadata(writer, "random-llama-0", shape)
    add_vocabulary(writer, CHATML)
    for tensor in _tensors(shape, GGMLQuantizationType.F16, 0):
        writer.add_tensor(tensor.name, tensor.fill(), raw_dtype=tensor.kind)
    writer.write_header_to_file(tmp_path / "tiny.gguf")
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return min(tmp_path.glob("*.gguf"))


def test_it_is_the_same_model(split_model: Path, tiny_model: Path) -> None:
    assert sorted(split_model.parent.iterdir()) == parts(split_model)
    assert len(parts(split_model)) > 1
    with LLM(split_model) as split, LLM(tiny_model) as whole:
        assert split("a b c", GREEDY).text == whole("a b c", GREEDY).text
    one, other = model_info(split_model), model_info(tiny_model)
    assert (one.n_bytes, one.n_params, one.n_layers) == (other.n_bytes, other.n_params, other.n_layers)
    assert estimate(split_model, GREEDY) == estimate(tiny_model, GREEDY)


def test_a_missing_file_is_named(split_model: Path) -> None:
    last = parts(split_model)[-1]
    last.unlink()
    with pytest.raises(ModelNotFoundError, match=last.name):
        LLM(split_model)
