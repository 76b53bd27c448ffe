"""A SIGINT handler that is Python's own, a wire for widgets, and a shell whose every model is a fake."""

import signal
from collections.abc import Iterator
from pathlib import Path

import comm
import pytest
from IPython.core.interactiveshell import InteractiveShell

from cyllama_jupyter import load_ipython_extension, unload_ipython_extension
from cyllama_jupyter.models import ENVIRONMENT_VARIABLE
from cyllama_jupyter.notebook import assets, shelf
from cyllama_jupyter.testing import FakeLLM
from tests.notebook.fakes import RunCell, Use
from tests.notebook.wire import Wire


@pytest.fixture(autouse=True)
def _default_sigint() -> Iterator[None]:
    """Processes that a shell starts in the background inherit an ignored SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    """Return the wire of every widget that is made from now on, and give them a bundle that need not be built."""
    wire = Wire()
    monkeypatch.setattr(comm, "create_comm", wire.open)
    monkeypatch.setattr(assets, "core", lambda: "the core")
    monkeypatch.setattr(assets, "part", lambda name: f"the code of {name}")
    monkeypatch.setattr(assets, "parts_hash", lambda: "0123")
    return wire


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Use:
    """Return what makes every path lead to a model."""
    default = tmp_path / "default.gguf"
    default.touch()
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(default))
    return lambda llm: monkeypatch.setattr(shelf, "LLM", lambda *_, **__: llm)


@pytest.fixture
def llm(use: Use) -> Iterator[FakeLLM]:
    """Return the model that every path leads to."""
    with FakeLLM("Hello", chunk=5, n_ctx=2048) as fake:
        use(fake)
        yield fake


@pytest.fixture
def cell(shell: InteractiveShell) -> Iterator[RunCell]:
    """Return what runs a cell in a shell with the extension loaded."""
    load_ipython_extension(shell)
    yield shell.run_cell
    unload_ipython_extension(shell)
