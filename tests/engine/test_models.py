"""Where a model comes from."""

import importlib.metadata
from pathlib import Path

import pytest

from cyllama_jupyter import LLM, ModelNotFoundError, models
from cyllama_jupyter.models import ENVIRONMENT_VARIABLE, resolve_model


@pytest.fixture
def _no_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_installed(name: str) -> importlib.metadata.Distribution:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(models, "distribution", not_installed)


def test_a_path_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "other.gguf")
    assert resolve_model("model.gguf") == Path("model.gguf")
    assert resolve_model(Path("model.gguf")) == Path("model.gguf")


def test_then_the_environment_variable(monkeypatch: pytest.MonkeyPatch, tiny_model: Path) -> None:
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tiny_model))
    assert resolve_model() == tiny_model
    with LLM() as llm:
        assert llm.model_path == str(tiny_model)


@pytest.mark.parametrize("value", [None, ""])
def test_then_the_demo_model(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    if value is not None:
        monkeypatch.setenv(ENVIRONMENT_VARIABLE, value)
    found = resolve_model()
    assert found.name == "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert found.read_bytes()[:4] == b"GGUF"


@pytest.mark.usefixtures("_no_demo")
def test_else_an_error_names_the_three_ways() -> None:
    with pytest.raises(ModelNotFoundError) as error:
        LLM()
    for way in ("LLM('model.gguf')", "%llm load model.gguf", ENVIRONMENT_VARIABLE, "cyllama-jupyter[demo]"):
        assert way in str(error.value)


class Damaged(importlib.metadata.Distribution):
    """A distribution that was installed without a list of its files."""

    def read_text(self, filename: str) -> str | None:  # noqa: ARG002 - the protocol's
        return None

    def locate_file(self, path: object) -> Path:
        return Path(str(path))


def test_a_demo_package_without_a_model_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "distribution", lambda _: Damaged())
    with pytest.raises(ModelNotFoundError, match=ENVIRONMENT_VARIABLE):
        resolve_model()


def test_home_is_expanded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "model.gguf").touch()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "~/model.gguf")
    assert resolve_model() == resolve_model("~/model.gguf") == tmp_path / "model.gguf"


def test_a_home_that_nobody_has_is_a_name_like_any_other() -> None:
    assert resolve_model("~nobody-has-this-home/model.gguf") == Path("~nobody-has-this-home/model.gguf")


def test_a_variable_that_names_no_file_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "/nowhere/model.gguf")
    with pytest.raises(ModelNotFoundError, match=f"{ENVIRONMENT_VARIABLE} names no file: '/nowhere/model.gguf'"):
        LLM()
