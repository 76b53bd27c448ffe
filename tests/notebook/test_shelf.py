"""The models that a notebook holds."""

import os
import threading
from pathlib import Path

import pytest

from cyllama_jupyter.engine.llm import LLM
from cyllama_jupyter.errors import LoadCancelled, ModelNotFoundError
from cyllama_jupyter.models import ENVIRONMENT_VARIABLE
from cyllama_jupyter.notebook.shelf import ModelShelf, OnProgress
from tests.notebook.fakes import ScriptedLLM


class Loads:
    """Opens fakes and counts the opened paths."""

    def __init__(self) -> None:
        self.paths: list[Path] = []

    def __call__(self, path: Path, on_progress: OnProgress) -> LLM:
        on_progress(1.0)
        self.paths.append(path)
        return ScriptedLLM(model_path=str(path)).as_llm


def quietly(_: float) -> bool:
    return True


def test_each_file_is_loaded_once(tmp_path: Path) -> None:
    loads = Loads()
    shelf = ModelShelf(loads)
    (tmp_path / "a.gguf").touch()
    (tmp_path / "b.gguf").symlink_to("a.gguf")
    models = [shelf.get(shelf.find(os.path.relpath(tmp_path / name)), quietly) for name in ("a.gguf", "b.gguf")]
    assert models[0] is models[1]
    assert len(loads.paths) == 1
    assert list(shelf) == models[:1]


def test_load_makes_it_the_current_one_and_get_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    default = tmp_path / "from-environment.gguf"
    default.touch()
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(default))
    shelf = ModelShelf(Loads())
    assert shelf.find(None) == default.resolve()
    loaded = shelf.load(shelf.find("/models/a.gguf"), quietly)
    shelf.get(shelf.find("/models/b.gguf"), quietly)
    assert shelf.current is loaded
    assert shelf.find(None) == Path("/models/a.gguf")


def test_the_default_does_not_become_the_current_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = ModelShelf(Loads())
    for path in (tmp_path.resolve() / "a.gguf", tmp_path.resolve() / "b.gguf"):
        path.touch()
        monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(path))
        assert shelf.get(shelf.find(None), quietly).model_path == str(path)
    assert shelf.current is None


def test_a_closed_model_is_loaded_again() -> None:
    loads = Loads()
    shelf = ModelShelf(loads)
    path = Path("/models/a.gguf")
    shelf.load(path, quietly).close()
    assert shelf.current is None
    assert list(shelf) == []
    assert not shelf.get(path, quietly).closed
    assert len(loads.paths) == 2


def test_close_closes_all_and_forgets_them() -> None:
    shelf = ModelShelf(Loads())
    models = [shelf.load(Path(name), quietly) for name in ("a", "b")]
    assert shelf.close() == models
    assert all(model.closed for model in models)
    assert (list(shelf), shelf.current, shelf.close()) == ([], None, [])


def test_a_model_that_is_not_loaded_is_not_looked_for_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def download(reference: object, _: object = None) -> Path:
        raise AssertionError(f"{reference} was fetched")

    monkeypatch.setattr("cyllama_jupyter.hub.download", download)
    shelf = ModelShelf(Loads())
    shelf.load(Path("/models/a.gguf"), quietly)
    with pytest.raises(ModelNotFoundError, match=r"'hf:a/b' is not loaded; a\.gguf is"):
        shelf.close("hf:a/b")
    assert len(shelf.close("/models/../models/a.gguf")) == 1


def test_a_cancelled_load_leaves_nothing() -> None:
    def cancel(_: Path, __: OnProgress) -> LLM:
        raise LoadCancelled("on_progress returned False")

    shelf = ModelShelf(cancel)
    for _ in range(2):
        with pytest.raises(LoadCancelled):
            shelf.load(Path("a"), quietly)
    assert (list(shelf), shelf.current) == ([], None)


def test_waiting_for_another_threads_load_can_be_cancelled() -> None:
    begun, end = threading.Event(), threading.Event()

    def slow(path: Path, _: OnProgress) -> LLM:
        begun.set()
        end.wait()
        return ScriptedLLM(model_path=str(path)).as_llm

    shelf = ModelShelf(slow)
    thread = threading.Thread(target=shelf.get, args=(Path("a"), quietly))
    thread.start()
    begun.wait()
    with pytest.raises(LoadCancelled, match="waiting"):
        shelf.get(Path("b"), lambda _: False)
    end.set()
    thread.join()
    assert [llm.model_path for llm in shelf] == ["a"]


def test_close_stops_a_load() -> None:
    shelf = ModelShelf()

    def load_for_ever(path: Path, on_progress: OnProgress) -> LLM:
        assert on_progress(0.0)
        assert shelf.loading == path
        shelf.close()
        assert not on_progress(0.5)
        raise LoadCancelled("on_progress returned False")

    shelf._open = load_for_ever
    with pytest.raises(LoadCancelled):
        shelf.load(Path("a"), quietly)
    assert (list(shelf), shelf.current, shelf.loading) == ([], None, None)


def test_close_at_the_very_end_of_a_load_leaves_nothing() -> None:
    model = ScriptedLLM(model_path="a")

    def closed_meanwhile(_: Path, __: OnProgress) -> LLM:
        shelf.close()
        return model.as_llm

    shelf = ModelShelf(closed_meanwhile)
    with pytest.raises(LoadCancelled, match="unloaded"):
        shelf.load(Path("a"), quietly)
    assert model.closed
    assert (list(shelf), shelf.current) == ([], None)
