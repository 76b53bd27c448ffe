"""Files that cannot be loaded: each is an error that says why, before llama.cpp prints or asserts anything."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cyllama_jupyter import (
    LLM,
    CyllamaError,
    GenerationConfig,
    LoadError,
    ModelError,
    ModelFileError,
    ModelNotFoundError,
    UnsupportedModelError,
)
from tests.tiny_models import write_bert_like, write_t5_encoder

Damage = Callable[[bytes], bytes]

DAMAGED: dict[str, tuple[Damage, str]] = {
    "empty": (lambda _: b"", "is empty"),
    "text": (lambda _: b"Once upon a time there was a model.", "is not a GGUF file: it begins with b'Once'"),
    "nearly the magic": (lambda good: b"GGUX" + good[4:], "is not a GGUF file: it begins with b'GGUX'"),
    "a part of the magic": (lambda good: good[:3], "truncated or damaged: its header cannot be read"),
    "the magic alone": (lambda good: good[:4], "truncated or damaged: its header cannot be read"),
    "shorter than a header": (lambda good: good[:23], "truncated or damaged: its header cannot be read"),
    "no more than a header": (lambda good: good[:24], "truncated or damaged: its header cannot be read"),
    "cut in the header": (lambda good: good[:5000], "truncated or damaged: its header cannot be read"),
    "cut in the weights": (lambda good: good[:-100], r"is truncated: it has 303,388 of 303,488 bytes"),
    "without weights": (lambda good: good[:20_000], r"is truncated: it has 20,000 of 303,488 bytes"),
    "garbage after the magic": (lambda _: b"GGUF" + bytes(range(256)), "says that it is GGUF version 50462976"),
    "garbage after the version": (lambda good: good[:8] + b"\xff" * 999, "its header cannot be read"),
    "an old version": (lambda good: good[:4] + b"\1\0\0\0" + good[8:], "GGUF version 1, but llama.cpp reads 2 and 3"),
    "the other endianness": (lambda good: good[:4] + b"\0\0\0\3" + good[8:], "GGUF version 50331648"),
    "zeros": (lambda good: good[:8] + bytes(100), "could not load the model"),
}


@pytest.fixture
def _silent(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Whoever runs this sees an exception and nothing else."""
    yield
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("_silent")
@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file(name: str, tmp_path: Path, tiny_model: Path) -> None:
    damage, message = DAMAGED[name]
    path = tmp_path / "model.gguf"
    path.write_bytes(damage(tiny_model.read_bytes()))
    with pytest.raises((ModelFileError, LoadError), match=message) as error:
        LLM(path)
    assert isinstance(error.value, LoadError) == (name == "zeros")
    assert isinstance(error.value, CyllamaError)
    assert str(path) in str(error.value)


@pytest.mark.usefixtures("_silent")
@pytest.mark.parametrize(
    "reference",
    [
        "nowhere/model.gguf",
        "model",
        "~nobody-has-this-home/model.gguf",
        "a\0b.gguf",
        "\ud800.gguf",
        __file__ + "/model.gguf",
    ],
)
def test_a_missing_file(reference: str) -> None:
    with pytest.raises(ModelNotFoundError, match="there is no model file") as error:
        LLM(reference)
    assert isinstance(error.value, FileNotFoundError)
    assert repr(reference) in str(error.value)


def test_a_missing_file_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYLLAMA_MODEL", "nowhere/model.gguf")
    with pytest.raises(ModelNotFoundError, match="CYLLAMA_MODEL names no file: 'nowhere"):
        LLM()


def test_a_directory(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"is a directory, not a GGUF file$"):
        LLM(tmp_path)
    for name in ("b.gguf", "a.gguf", "notes.txt"):
        (tmp_path / name).touch()
    with pytest.raises(ModelFileError, match=r"is a directory, not a GGUF file; it holds a.gguf, b.gguf$"):
        LLM(tmp_path)
    with pytest.raises(ModelFileError, match=r"'\.' is a directory"):
        LLM("")


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    fifo = tmp_path / "model.gguf"
    os.mkfifo(fifo)  # to open it would wait for a writer
    for path in (fifo, "/dev/zero"):
        with pytest.raises(ModelFileError, match="is not a regular file"):
            LLM(path)


def test_a_file_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch, tiny_model: Path) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    with pytest.raises(ModelFileError, match="cannot be read: File name too long"):
        LLM("long" * 1000)
    monkeypatch.setattr(Path, "open", refuse)  # root may read everything
    with pytest.raises(ModelFileError, match="cannot be read: Permission denied"):
        LLM(tiny_model)


@pytest.mark.usefixtures("_silent")
@pytest.mark.parametrize("write", [write_bert_like, write_t5_encoder])
def test_an_encoder(write: Callable[[Path], Path], tmp_path: Path) -> None:
    with pytest.raises(
        UnsupportedModelError, match="does not generate text by itself: use a decoder-only model"
    ) as error:
        LLM(write(tmp_path / "model.gguf"))
    assert isinstance(error.value, ModelError)


def test_wrong_settings(tiny_model: Path) -> None:
    with pytest.raises(ValueError, match=r"temperature must be .*; n_ctx must be"):
        LLM(tiny_model, n_ctx=0, temperature=-1.0)
    with pytest.raises(TypeError, match="temprature"):
        LLM(tiny_model, temprature=1.0)
    with pytest.raises(TypeError, match="temprature"):
        LLM(tiny_model, GenerationConfig(), temprature=1.0)
    with pytest.raises(ValueError, match="tensor_split names 99 devices"):
        LLM(tiny_model, tensor_split=[1.0] * 99)


def test_a_good_file_loads_after_bad_ones(tmp_path: Path, tiny_model: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(tiny_model.read_bytes()[:5000])
    with pytest.raises(ModelFileError):
        LLM(path)
    path.write_bytes(tiny_model.read_bytes())
    with LLM(path) as llm:
        assert llm("Hello", GenerationConfig(max_tokens=2)).finish_reason == "length"


def test_what_ggml_says_of_a_damaged_file_is_not_on_stderr(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(b"GGUF\3" + bytes(3) + b"\xff" * 60)
    script = (
        "import sys; from pathlib import Path; from cyllama_jupyter import ModelFileError\n"
        "from cyllama_jupyter.models import check_model_file\n"
        "try: check_model_file(Path(sys.argv[1]))\n"
        "except ModelFileError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "a.gguf")], capture_output=True, text=True, check=True
    )
    assert "truncated or damaged" in done.stdout
    assert done.stderr == ""
