"""What a person calls a model."""

from contextlib import suppress
from pathlib import Path

import platformdirs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyllama_jupyter import LLM, CyllamaError, ModelNotFoundError
from cyllama_jupyter.aliases import Aliases
from cyllama_jupyter.models import ENVIRONMENT_VARIABLE, parts, prefer
from cyllama_jupyter.references import resolve
from tests.models.conftest import Serve
from tests.models.server import Repository


@pytest.fixture
def aliases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Aliases:
    monkeypatch.chdir(tmp_path)
    return Aliases(tmp_path / "aliases.json")


def test_a_path_is_a_path_whether_it_is_there_or_not(aliases: Aliases) -> None:
    assert resolve("model.gguf", aliases=aliases) == Path("model.gguf")
    assert resolve("some/where", aliases=aliases) == Path("some/where")
    assert resolve(Path("small"), aliases=aliases) == Path("small")
    assert resolve("~/m.gguf", aliases=aliases) == Path.home() / "m.gguf"


def test_an_alias_is_followed_to_its_file(aliases: Aliases, tiny_model: Path) -> None:
    aliases.set("tiny", str(tiny_model))
    aliases.set("mine", "tiny")
    assert resolve("mine", aliases=aliases) == tiny_model


def test_an_alias_of_a_hub_s_model_is_fetched(aliases: Aliases, serving: Serve) -> None:
    serving(Repository("a/b", {"m.gguf": b"GGUF"}))
    aliases.set("tiny", "hf:a/b")
    assert resolve("tiny", aliases=aliases).read_bytes() == b"GGUF"


def test_a_file_of_that_name_comes_first_and_a_folder_does_not(
    aliases: Aliases, tiny_model: Path, tmp_path: Path
) -> None:
    aliases.set("tiny", str(tiny_model))
    (tmp_path / "tiny").mkdir()
    assert resolve("tiny", aliases=aliases) == tiny_model
    (tmp_path / "tiny").rmdir()
    (tmp_path / "tiny").touch()
    assert resolve("tiny", aliases=aliases) == Path("tiny")


@pytest.fixture
def _own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the person a configuration folder of their own."""
    monkeypatch.setattr(platformdirs, "user_config_path", lambda *_, **__: tmp_path / "config")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("_own")
def test_a_word_that_is_neither_is_an_error_with_the_nearest_alias(tiny_model: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"no model file 'tinny' and no such alias; %llm alias makes one"):
        LLM("tinny")
    Aliases().set("tiny", str(tiny_model))
    with pytest.raises(ModelNotFoundError, match=r"no model file 'tinny' and no such alias; did you mean 'tiny'\?"):
        LLM("tinny")
    with pytest.raises(ModelNotFoundError, match=r"no model file 'a/tinny'$"):
        LLM("a/tinny")


def test_without_a_reference_the_variable_may_hold_any(
    aliases: Aliases, tiny_model: Path, serving: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving(Repository("a/b", {"m.gguf": b"GGUF"}))
    aliases.set("tiny", str(tiny_model))
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "tiny")
    assert resolve(aliases=aliases) == tiny_model
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "hf:a/b")
    assert resolve(aliases=aliases).name == "m.gguf"
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "/nowhere/m.gguf")
    with pytest.raises(ModelNotFoundError, match=f"{ENVIRONMENT_VARIABLE} names no file"):
        resolve(aliases=aliases)
    prefer(tiny_model)
    assert resolve(aliases=aliases) == tiny_model


@pytest.mark.usefixtures("_own")
def test_an_llm_takes_an_alias_of_the_person(tiny_model: Path) -> None:
    Aliases().set("tiny", str(tiny_model))
    with LLM("tiny") as llm:
        assert llm.model_path == str(tiny_model)


def test_the_parts_of_a_split_model() -> None:
    assert parts(Path("a/m-00002-of-00003.gguf")) == [Path(f"a/m-0000{part}-of-00003.gguf") for part in (1, 2, 3)]
    for whole in ("m.gguf", "m-00004-of-00003.gguf", "m-00000-of-00003.gguf", "m-00001-of-99999.gguf"):
        assert parts(Path(whole)) == [Path(whole)]


@given(st.text(max_size=60))
def test_any_text_is_a_path_or_an_error(text: str) -> None:
    if text.startswith("hf:"):
        text = f"x{text}"
    with suppress(CyllamaError):
        assert isinstance(resolve(text, aliases=Aliases(Path("/nowhere/aliases.json"))), Path)
