"""A Hub of our own, and a cache of its own for every test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from huggingface_hub import constants

from tests.models.server import Repository, serve

Serve = Callable[[Repository], str]


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return the Hub's cache, which is empty."""
    folder = tmp_path / "hub"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    monkeypatch.setenv("HF_HOME", str(tmp_path))  # where a token could be
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return folder


@pytest.fixture
def serving(monkeypatch: pytest.MonkeyPatch, cache: Path) -> Iterator[Serve]:
    """Return what makes a repository the one that the library's endpoint has."""
    with ExitStack() as stack:

        def start(repository: Repository) -> str:
            endpoint = stack.enter_context(serve(repository))
            monkeypatch.setattr(constants, "ENDPOINT", endpoint)
            return endpoint

        yield start
