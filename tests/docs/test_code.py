"""Every python block of README and docs runs, and prints what the page says that it prints."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path

import pytest
from jupyter_client.manager import start_new_kernel

from tests.docs.blocks import PAGES, ROOT, Block, cells_of, name_of, scripts_of
from tests.kernel.client import TIMEOUT, Cell, Kernel
from tests.tiny_models import write_lora

NOTEBOOKS = [page for page in PAGES if cells_of(page)]

ELSEWHERE = {
    ("README.md", "Cancel from another thread"): "test_readme.py",
    ("README.md", "Ctrl-C in a script, even mid-prefill"): "test_readme.py",
    ("docs/python.md", "One handle for each run"): "test_readme.py",
    ("docs/python.md", "Several at once, and in asyncio"): "test_readme.py",
    ("docs/python.md", "Nothing is computed twice"): "test_readme.py",
    ("docs/python.md", "Below the `LLM`"): "test_readme.py",
    ("docs/serving.md", "Several clients"): "test_fastapi.py",
    ("docs/serving.md", "One client"): "test_fastapi.py",
}
"""Scripts by page and heading that a file in tests/examples runs, and looks at more closely than is done here."""

SCRIPTS = [block for page in PAGES for block in scripts_of(page) if (name_of(page), block.heading) not in ELSEWHERE]


@pytest.fixture(scope="session")
def model(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the real model under the name that the pages have for it; a link's name would not be shown."""
    return Path(shutil.copy(smollm2, tmp_path_factory.mktemp("models") / "model.gguf"))


@pytest.fixture(scope="session")
def adapter(model: Path) -> Path:
    """Return an adapter for it."""
    return write_lora(model.with_name("style.gguf"), model)


@pytest.fixture
def folder(model: Path, adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a ``model.gguf`` and a ``style.gguf``; who works there has no aliases, cache or profile."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for variable in ("XDG_CONFIG_HOME", "HF_HOME", "HF_HUB_CACHE"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "model.gguf").symlink_to(model)
    (tmp_path / "style.gguf").symlink_to(adapter)
    return tmp_path


@contextmanager
def kernel_in(folder: Path) -> Iterator[Kernel]:
    manager, client = start_new_kernel(startup_timeout=TIMEOUT, cwd=str(folder))
    try:
        yield Kernel(manager, client)
        assert manager.is_alive()
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def shown_by(cell: Cell) -> str:
    """Return what a reader sees below a cell, as text."""
    error = "\n".join(cell.error[1]) if cell.of_type("error") else ""
    shown = [cell.stdout, cell.stderr, *(bundle["text/plain"] for bundle in cell.displays), error]
    return "\n".join(text.strip("\n") for text in shown if text)


def check_output(block: Block, shown: str) -> None:
    """Compare what was shown with what the page says; ``...`` stands for anything, as in doctests."""
    if block.output is not None:
        assert OutputChecker().check_output(block.output, shown, ELLIPSIS | NORMALIZE_WHITESPACE), (
            f"{block} prints\n{shown}\nwhere the page has\n{block.output}"
        )


def check_cell(block: Block, cell: Cell) -> None:
    shown = shown_by(cell)
    if block.output is None:
        assert cell.reply["status"] == "ok", f"{block} fails, and the page does not say so:\n{shown}"
        if block.code.startswith("%%llm"):
            assert shown, f"{block} answers nothing"
    check_output(block, shown)


@pytest.mark.parametrize("page", NOTEBOOKS, ids=name_of)
def test_the_cells_of_a_page(page: Path, folder: Path) -> None:
    with kernel_in(folder) as kernel:
        for block in cells_of(page):
            check_cell(block, kernel.run(block.code))


@pytest.mark.parametrize("block", SCRIPTS, ids=str)
def test_a_script(block: Block, folder: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", block.code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False, cwd=folder)
    assert (done.returncode, done.stderr) == (0, ""), str(block)
    check_output(block, done.stdout)


@pytest.mark.parametrize(("place", "file"), ELSEWHERE.items(), ids=str)
def test_what_runs_elsewhere_is_there(place: tuple[str, str], file: str) -> None:
    page, heading = place
    assert [block for block in scripts_of(ROOT / page) if block.heading == heading], f"{page} has no script there"
    assert f'"{heading}"' in (ROOT / "tests" / "examples" / file).read_text(encoding="utf-8")
