"""What a model writes never runs and never fetches: live, and in every form in which it stays."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import nbformat
import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import BrowserContext, Page

from tests.browser.conftest import Open
from tests.browser.page import NotebookPage
from tests.browser.server import Server

CORPUS = Path(__file__).parents[2] / "js" / "tests" / "xss-corpus.json"
AT_LEAST = 60
SHARE = 40  # payloads of a cell: JupyterLab shows no more than 50 outputs of one
TRAPS = """
window.trapped = [];
for (const name of ["trap", "alert", "confirm", "prompt", "print"])
    window[name] = what => window.trapped.push([name, what]);
"""
PLAY = """
import json
from cyllama_jupyter.testing import play
for payload in json.load(open({corpus!r}))[{begin}:{end}]:
    play(payload, chunk={chunk}, rate=400)
"""
LEFT_IN_THE_PAGE = """
() => {
    const active = 'script, iframe, object, embed, form, input:not([type=checkbox]), base, meta, link, img, video';
    const links = ['href', 'src', 'action', 'xlink:href', 'formaction'];
    const bad = ({name, value}) => name.startsWith('on') || name.startsWith('data-command')
        || (links.includes(name) && !/^(https?:\\/\\/|mailto:|#)/i.test(value));
    return [...document.querySelectorAll('.jp-OutputArea-output *')].flatMap(element => [
        ...(element.matches(active) ? [element.outerHTML] : []),
        ...[...element.attributes].filter(bad).map(({name, value}) => `${name}=${value}`),
    ]);
}
"""


@contextmanager
def logging_server() -> Iterator[tuple[str, list[str]]]:
    """Serve nothing, and note who asks."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def trap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[str]]]:
    """Return the corpus with the address of a server in it, and what that server was asked for."""
    with logging_server() as (address, asked):
        payloads = [entry["markdown"].replace("TRAP", address) for entry in json.loads(CORPUS.read_text())]
        payloads = [text for text in payloads if text.isascii() or text.encode(errors="ignore").decode() == text]
        assert len(payloads) >= AT_LEAST
        corpus = tmp_path_factory.mktemp("corpus") / "payloads.json"
        corpus.write_text(json.dumps(payloads))
        yield corpus, asked


def assert_inert(page: Page, asked: list[str]) -> None:
    page.wait_for_timeout(500)  # for what would run or be fetched a moment later
    assert page.evaluate("() => window.trapped") == []
    assert page.evaluate(LEFT_IN_THE_PAGE) == []
    assert asked == []


@pytest.mark.parametrize("chunk", [3, 1000], ids=["split over deltas", "whole"])
def test_hostile_output(
    open_notebook: Open, context: BrowserContext, server: Server, trap: tuple[Path, list[str]], chunk: int
) -> None:
    corpus, asked = trap
    context.add_init_script(TRAPS)
    count = len(json.loads(corpus.read_text()))
    shares = [(begin, min(begin + SHARE, count)) for begin in range(0, count, SHARE)]
    page = open_notebook(*(PLAY.format(corpus=str(corpus), chunk=chunk, begin=begin, end=end) for begin, end in shares))
    for index in range(1, len(shares) + 1):
        page.start(index)
        page.output(index).locator(".jp-OutputArea-output").nth(1).wait_for(state="attached")
        assert_inert(page.page, asked)  # live, while it streams
        page.wait_done(index)
        assert_inert(page.page, asked)  # the static form, fresh
    saved = page.save()
    assert sum(len(cell["outputs"]) for cell in saved["cells"][1:]) == count

    page.open()  # trusted: this server's own key has signed it
    assert_inert(page.page, asked)

    strange = page.path.with_name(f"strange-{page.path.name}")
    notebook = nbformat.read(page.path, as_version=4)
    notebook.cells[0].source += "\n# changed by somebody else, so the signature is none"
    nbformat.write(notebook, strange)
    front_end = "notebook" if "/notebooks/" in page.page.url else "lab"
    untrusted = NotebookPage(context, server, front_end, strange.name)
    assert_inert(untrusted.page, asked)
    untrusted.close()

    html, _ = HTMLExporter().from_filename(str(page.path))
    exported = context.new_page()
    exported.route(lambda url: not url.startswith("file:") and "127.0.0.1" not in url, lambda route: route.abort())
    file = page.path.with_suffix(".html")
    file.write_text(html)
    exported.goto(file.as_uri(), wait_until="domcontentloaded")
    assert_inert(exported, asked)
