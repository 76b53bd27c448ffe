"""What a container may use of its machine."""

from pathlib import Path

import psutil
import pytest

from cyllama_jupyter.engine import threads
from cyllama_jupyter.engine.container import cpu_quota
from cyllama_jupyter.engine.threads import most_threads


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("max 100000\n", None),
        ("100000 100000\n", 1),
        ("150000 100000\n", 2),
        ("5000 100000\n", 1),
        ("800000 100000\n", 8),
        ("", None),
        ("100000 0\n", None),
        ("nonsense\n", None),
    ],
)
def test_the_quota_in_cores(text: str, cores: int | None, tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text(text)
    assert cpu_quota(tmp_path) == cores


def test_no_container_has_no_quota(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path) is None


@pytest.mark.parametrize(("quota", "most"), [(None, None), (1, 1), (10_000, None)])
def test_no_more_threads_than_the_quota(quota: int | None, most: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = most_threads()
    monkeypatch.setattr(threads, "cpu_quota", lambda: quota)
    assert most_threads() == (most or everything)
    assert everything <= (psutil.cpu_count(logical=False) or 1)
