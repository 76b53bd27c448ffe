"""A SIGINT handler that is Python's own, and a wire for widgets."""

import signal
from collections.abc import Iterator

import comm
import pytest

from cyllama_jupyter.notebook import assets
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
