"""One kernel for each test file: starting one takes longer than most tests."""

from collections.abc import Iterator

import pytest

from tests.kernel.client import Kernel, running_kernel


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    """Return a kernel with the extension loaded."""
    with running_kernel() as kernel:
        yield kernel
