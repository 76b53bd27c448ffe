"""A SIGINT handler that is Python's own."""

import signal
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _default_sigint() -> Iterator[None]:
    """Processes that a shell starts in the background inherit an ignored SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
