"""Metadata on which llama.cpp would assert, and end the process: an error that says what is wrong."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from gguf import GGUFWriter

from cyllama_jupyter import LLM, ModelFileError
from cyllama_jupyter._native.gguf import GgufHeader
from cyllama_jupyter.metadata import fault
from cyllama_jupyter.models import check_model_file
from tests.robustness.gguf_mutations import layout
from tests.tiny_models import write_gemma3, write_jamba, write_llama, write_mamba

Writer = Callable[[Path], Path]


def change(path: Path, key: str, value: float) -> None:
    """Overwrite one number of a model's metadata."""
    file = bytearray(path.read_bytes())
    (number,) = (number for number in layout(bytes(file)).numbers if number.name == key)
    struct.pack_into("<" + number.form, file, number.offset, value)
    path.write_bytes(file)


def header(path: Path, **numbers: float) -> GgufHeader:
    """Write metadata without a model, and read it."""
    writer = GGUFWriter(path, "some")
    for name, value in numbers.items():
        add = writer.add_float32 if isinstance(value, float) else writer.add_uint32
        add(f"some.{name.replace('__', '.')}", value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return GgufHeader(str(path).encode())


@pytest.mark.parametrize(
    ("write", "key", "value", "message"),
    [
        (write_llama, "llama.block_count", 0, "it says that it has 0 layers, and llama.cpp takes 1 to 512"),
        (write_mamba, "mamba.block_count", 513, "it says that it has 513 layers"),
        (write_llama, "llama.context_length", 0, "trained with a context of 0 tokens"),
        (write_llama, "llama.context_length", 2**31, "trained with a context of 2,147,483,648 tokens"),
        (write_llama, "llama.attention.layer_norm_rms_epsilon", float("nan"), "its layer_norm_rms_epsilon is nan"),
        (write_gemma3, "gemma3.attention.layer_norm_rms_epsilon", -1.0, "its layer_norm_rms_epsilon is -1.0"),
        (write_gemma3, "gemma3.rope.dimension_count", 18, "it rotates 18 of the 16 values of a head"),
        (write_gemma3, "gemma3.rope.dimension_count", 15, "it rotates 15 of the 16 values of a head"),
        (write_gemma3, "gemma3.rope.dimension_count", 0, "it rotates 0 of the 16 values of a head"),
        (write_jamba, "jamba.ssm.inner_size", 64, "its Mamba layers are 64 wide, and not twice the embedding's 64"),
    ],
)
def test_a_number_that_cannot_be(write: Writer, key: str, value: float, message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "model.gguf")
    change(path, key, value)
    with pytest.raises(ModelFileError, match=f"is damaged, or wrongly converted: .*{message}") as error:
        LLM(path)
    assert repr(str(path)) in str(error.value)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"block_count": 2, "nextn_predict_layers": 3}, "3 of its 2 layers predict further tokens"),
        ({"expert_count": 2000, "expert_used_count": 2}, "it says that it has 2,000 experts"),
        ({"expert_count": 8, "expert_used_count": 9}, "it uses 9 of 8 experts"),
        ({"expert_count": 8}, "it uses 0 of 8 experts"),
        ({"expert_used_count": 2}, "it uses 2 of 0 experts"),
        ({"expert_count": 8, "expert_used_count": 2, "expert_group_count": 8}, "0 of 8 groups of 8 experts"),
        ({"expert_count": 8, "expert_used_count": 2, "expert_group_count": 3}, "0 of 3 groups of 8 experts"),
        ({"attention__group_norm_epsilon": -1e-5}, "its group_norm_epsilon is"),
    ],
)
def test_numbers_that_do_not_agree(numbers: dict[str, float], message: str, tmp_path: Path) -> None:
    assert message in (fault(header(tmp_path / "model.gguf", **numbers)) or "")


@pytest.mark.parametrize(
    "numbers",
    [
        {},
        {"expert_count": 8, "expert_used_count": 2},
        {"expert_count": 8, "expert_used_count": 2, "expert_group_count": 4, "expert_group_used_count": 2},
        {"expert_count": 8, "expert_used_count": 2, "expert_group_count": 1},
        {"block_count": 512, "nextn_predict_layers": 1, "context_length": 2**31 - 1},
    ],
)
def test_numbers_that_do(numbers: dict[str, float], tmp_path: Path) -> None:
    assert fault(header(tmp_path / "model.gguf", **numbers)) is None


def test_a_token_that_comes_twice(tmp_path: Path) -> None:
    path = write_llama(tmp_path / "model.gguf")
    path.write_bytes(path.read_bytes().replace("Ġthe".encode(), "Ġand".encode(), 1))
    with pytest.raises(ModelFileError, match="its vocabulary holds 'Ġand' twice"):
        LLM(path)


def test_good_models(smollm2: Path, tmp_path: Path) -> None:
    check_model_file(smollm2)
    for write in (write_llama, write_mamba, write_jamba, write_gemma3):
        check_model_file(write(tmp_path / "model.gguf"))
