"""The built JavaScript."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cyllama_jupyter.notebook import assets


@pytest.fixture
def static(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder that stands for the package's ``static``."""
    folder = tmp_path / "static"
    folder.mkdir()
    monkeypatch.setattr(assets, "files", lambda _: tmp_path)
    forget()
    yield folder
    forget()


def forget() -> None:
    assets._read.cache_clear()
    assets.parts_hash.cache_clear()


def test_each_module_is_a_file(static: Path) -> None:
    for name in ("widget", "highlight", "math"):
        (static / f"{name}.js").write_text(f"export default '{name} ▷'", encoding="utf-8")
    assert assets.core() == "export default 'widget ▷'"
    assert assets.part("math") == "export default 'math ▷'"
    assert assets.part("highlight") == "export default 'highlight ▷'"


def test_the_hash_is_that_of_the_parts(static: Path) -> None:
    hashes = set()
    for core, highlight, math in (("1", "1", "1"), ("2", "1", "1"), ("1", "2", "1"), ("1", "1", "2")):
        for name, content in (("widget", core), ("highlight", highlight), ("math", math)):
            (static / f"{name}.js").write_text(content)
        forget()
        hashes.add(assets.parts_hash())
    assert len(hashes) == 3
    assert all(len(key) == 16 for key in hashes)


@pytest.mark.usefixtures("static")
def test_what_is_not_built_says_how_to_build_it() -> None:
    with pytest.raises(FileNotFoundError, match="pip install"):
        assets.core()
