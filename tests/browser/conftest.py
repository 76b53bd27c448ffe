"""A browser, a server, and notebooks in both front ends."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright

from tests.browser.kernels import INSTALLED, write_kernelspec
from tests.browser.page import NotebookPage, write_notebook
from tests.browser.server import Server, running_server

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")

Open = Callable[..., NotebookPage]


def find_chromium(playwright: Playwright) -> str:
    """Return a Chromium on this machine, or say what to install."""
    found = [path for name in CHROMIUMS if (path := shutil.which(name))]
    own = playwright.chromium.executable_path
    found += [own] if Path(own).exists() else []
    if not found:
        raise RuntimeError("the browser tests need Chromium: apt-get install chromium, or playwright install chromium")
    return found[0]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium, for one file: while Playwright runs, asyncio.run() does not work in this thread."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(playwright), args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start a Jupyter server."""
    with running_server(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Return a browser context of its own: no page remembers another test."""
    context = browser.new_context(viewport={"width": 1100, "height": 900})
    yield context
    context.close()


@pytest.fixture
def ipykernel() -> str:
    """Return the version of ipykernel to run; tests of the matrix ask for others."""
    return INSTALLED


@pytest.fixture(params=["lab", "notebook"])
def front_end(request: pytest.FixtureRequest) -> str:
    """Run a test in JupyterLab and in Notebook 7."""
    return str(request.param)


@pytest.fixture
def open_notebook(
    context: BrowserContext, server: Server, front_end: str, ipykernel: str, request: pytest.FixtureRequest
) -> Iterator[Open]:
    """Return what writes a notebook, opens it, and loads the extension in its first cell; kernels end with the test."""
    name = "".join(c if c.isalnum() else "-" for c in request.node.name) + ".ipynb"

    def open_(*cells: str) -> NotebookPage:
        kernel = write_kernelspec(server.kernels, ipykernel)
        write_notebook(server.folder / name, ["%load_ext cyllama_jupyter", *cells], kernel)
        page = NotebookPage(context, server, front_end, name)
        page.run(0)
        return page

    yield open_
    server.end_kernels()
