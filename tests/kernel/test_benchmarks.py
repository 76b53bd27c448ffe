"""What the benchmarks run in a kernel still finds what it measures; the benchmarks themselves are no tests."""

from pathlib import Path

import pytest

from benchmarks import page, streaming
from tests.kernel.client import Kernel


@pytest.mark.parametrize("code", [streaming.PREPARE, page.ENGINE.format(prompt="word")], ids=["streaming", "page"])
def test_it_finds_the_engine(kernel: Kernel, tiny_model: Path, code: str) -> None:
    kernel.run(f"%llm load {tiny_model}")
    assert kernel.run(code).reply["status"] == "ok"
    assert kernel.value("llm.model_path") == repr(str(tiny_model))
    assert float(kernel.value("bare()")) > 0
