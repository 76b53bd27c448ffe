"""What a page makes of it: clicks on Stop, a very long answer, and what showing costs, in JupyterLab and Chromium."""

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks.figure import Figure, percentile
from cyllama_jupyter.models import resolve_model
from tests.browser.conftest import FLAGS, find_chromium
from tests.browser.kernels import INSTALLED, write_kernelspec
from tests.browser.long_answer import MIXED_MARKDOWN
from tests.browser.page import NotebookPage, write_notebook
from tests.browser.server import running_server

CLICKS = 40
ROUNDS = 5
MIBIBYTE = 2**20
PROMPT = "Write a long story about a lighthouse keeper and the sea."
LONG_ANSWER = f"""
{MIXED_MARKDOWN}
from cyllama_jupyter.testing import play
play(mixed_markdown(80_000), chunk=4, rate=2000)
"""
FRAMES = """
() => { window.frames_ = []; let last = performance.now();
    const tick = now => { window.frames_.push([now, now - last]); last = now; requestAnimationFrame(tick) };
    requestAnimationFrame(tick);
    // The last change of the text, before the static form takes its place; it lies in a shadow tree.
    const changed = new MutationObserver(records => {
        const inText = ({target}) => (target.closest ? target : target.parentElement)?.closest('[role=log]');
        if (records.some(inText)) window.streamed = performance.now();
    });
    const attach = Element.prototype.attachShadow;
    Element.prototype.attachShadow = function (options) {
        const root = attach.call(this, options);
        changed.observe(root, {subtree: true, childList: true, characterData: true});
        return root;
    } }
"""
ENGINE = """
import time
from dataclasses import replace
from cyllama_jupyter import GenerationConfig
from cyllama_jupyter.notebook import magics
from cyllama_jupyter.engine.worker import EngineThread
llm = next(iter(magics._registered.values()))._session.shelf.current
config = GenerationConfig(max_tokens=256, temperature=0.0)
submit = EngineThread.submit
def note_end():
    global ended
    ended = time.time()
def timed(engine, run):
    run.call_when_done(note_end)
    submit(engine, run)
EngineThread.submit = timed
def use_threads(number):
    llm.config = replace(llm.config, n_threads=number)
def bare():
    return llm.chat([{{"role": "user", "content": {prompt!r}}}], config).stats.tokens_per_second
"""


@contextmanager
def _page(*cells: str) -> Iterator[NotebookPage]:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(playwright), args=list(FLAGS))
        with running_server(Path(folder)) as server:
            kernel = write_kernelspec(server.kernels, INSTALLED)
            load = f"%load_ext cyllama_jupyter\n%llm load {resolve_model()}"
            write_notebook(server.folder / "bench.ipynb", [load, *cells], kernel)
            page = NotebookPage(browser.new_context(), server, "lab", "bench.ipynb")
            page.run(0)
            yield page
        browser.close()


def measure() -> list[Figure]:
    """Click, stream and count frames."""
    return [*_clicks(), *_long_answer(), _streaming("auto"), _streaming(1)]


def _clicks() -> list[Figure]:
    """Click Stop in prefill and decode in turn; the kernel and the browser share this machine's clock."""
    prefill = "%%llm --max-tokens 100000 --temperature 0\n" + "word " * 4000
    decode = "%%llm --max-tokens 100000 --temperature 0\nWrite a very long story."
    idle = []
    with _page(ENGINE.format(prompt=PROMPT), prefill, decode) as page:
        page.run(1)
        for round_ in range(CLICKS):
            index, moment = [(2, "reading the prompt"), (3, "writing")][round_ % 2]
            before = page.count(index)
            page.start(index)
            page.wait_for(index, moment)
            page.page.wait_for_timeout(100)
            stop = page.output(index).get_by_role("button", name="Stop", exact=True)
            stop.evaluate("button => button.addEventListener('click', () => { window.clicked = Date.now() }, true)")
            stop.click()
            page.wait_done(index, before)
            ended = float(page.value("ended"))
            idle.append(1000 * ended - float(page.page.evaluate("() => window.clicked")))
    note = f"{CLICKS} clicks in JupyterLab, prefill and decode in turn, SmolLM2"
    return [
        Figure("click on Stop to idle engine, median", statistics.median(idle), "ms", note=note),
        Figure("click on Stop to idle engine, p95", percentile(idle, 95), "ms", 150, note=note),
    ]


def _long_answer() -> list[Figure]:
    with _page(LONG_ANSWER) as page:
        page.page.evaluate(FRAMES)
        started = time.perf_counter()
        page.run(1)
        took = time.perf_counter() - started
        frames = page.page.evaluate("() => window.frames_")
        streamed = float(page.page.evaluate("() => window.streamed"))
        memory = page.page.evaluate("() => performance.memory.usedJSHeapSize") / MIBIBYTE
    last = [length for at, length in frames if streamed - 1000 < at <= streamed]
    note = f"80,000 characters as 20,000 tokens in {took:.0f} s, streamed into JupyterLab"
    return [
        Figure("frame time at the end of a 20,000-token answer, p95", percentile(last, 95), "ms", 33, note=note),
        Figure("JavaScript heap of the page after it", memory, "MiB", note=note),
    ]


def _streaming(threads: int | str) -> Figure:
    """Compare an answer that is shown with one that is not; the page takes a core that a second thread would have."""
    cell = f"%%llm --max-tokens 256 --temperature 0\n{PROMPT}"
    pairs = []
    with _page(ENGINE.format(prompt=PROMPT) + f"use_threads({threads!r})", "speed = bare()", cell) as page:
        page.run(1)
        for _ in range(ROUNDS + 1):
            page.run(2)
            alone = float(page.value("speed"))
            page.run(3)
            pairs.append((alone, float(page.value("_llm.stats.tokens_per_second"))))
    ratios = [shown / alone for alone, shown in pairs[1:]]  # the first pair warms up
    note = (
        f"median of {ROUNDS} interleaved pairs of 256 tokens, SmolLM2, in JupyterLab; bare {pairs[-1][0]:.0f} tokens/s"
    )
    name = f"tokens/s in the widget over the bare engine, {'1 thread' if threads == 1 else 'threads left to us'}"
    return Figure(name, statistics.median(ratios), "ratio", 0.95, higher_is_better=True, note=note)
