"""Every python block of README and docs runs, and prints what the page says that it prints."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel

from tests.docs.blocks import PAGES, Block, cells_of, name_of, scripts_of
from tests.kernel.client import TIMEOUT, Cell, Kernel

NOTEBOOKS = [page for page in PAGES if cells_of(page)]
SCRIPTS = [block for page in PAGES for block in scripts_of(page)]

EXCEPTIONS: dict[str, str] = {}
"""Pages whose cells do not run as the page says, and why; they are run all the same, and to succeed is an error too."""


def noted(page: Path) -> Any:  # noqa: ANN401 - pytest has no public type for it
    """Return a page as a parameter, expected to fail where it is an exception."""
    reason = EXCEPTIONS.get(name_of(page))
    marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
    return pytest.param(page, marks=marks, id=name_of(page))


@pytest.fixture(scope="session")
def model(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the real model under the name that the pages have for it; a link's name would not be shown."""
    return Path(shutil.copy(smollm2, tmp_path_factory.mktemp("models") / "model.gguf"))


@pytest.fixture
def folder(model: Path, tmp_path: Path) -> Path:
    """Return a folder in which there is a ``model.gguf``."""
    (tmp_path / "model.gguf").symlink_to(model)
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


@pytest.mark.parametrize("page", [noted(page) for page in NOTEBOOKS])
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


def test_every_exception_is_a_page() -> None:
    assert set(EXCEPTIONS) <= set(map(name_of, NOTEBOOKS))
