"""`LLMOutput` in marimo, which knows anywidgets and nothing else of Jupyter's."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.page import PATIENCE
from tests.browser.server import free_port, wait_until_it_answers

APP = """
import marimo
app = marimo.App()

@app.cell
def _():
    import marimo as mo
    from cyllama_jupyter import LLM, GenerationConfig, LLMOutput
    from cyllama_jupyter.testing import FakeLLM
    llm = {llm}
    return GenerationConfig, LLMOutput, llm, mo

@app.cell
def _(GenerationConfig, LLMOutput, llm, mo):
    question = [{{"role": "user", "content": "Write a very long story."}}]
    generation = llm.submit_chat(question, GenerationConfig(max_tokens=100_000, temperature=0.0))
    {shown}
    return (generation,)

@app.cell
def _(generation, mo):
    ask = mo.ui.button(label="How did it end?", on_click=lambda _: generation.result().finish_reason)
    ask
    return (ask,)

@app.cell
def _(ask, mo):
    mo.md(f"It ended: {{ask.value}}")
    return

if __name__ == "__main__":
    app.run()
"""
PLAIN = "LLMOutput(generation)"
ELEMENT = "mo.ui.anywidget(LLMOutput(generation))"


@contextmanager
def running_app(folder: Path, mode: str, llm: str, shown: str) -> Iterator[str]:
    """Write an app, serve it in a mode of marimo's, "run" or "edit", and return its address."""
    app, log, port = folder / "app.py", folder / "marimo.log", free_port()
    app.write_text(APP.format(llm=llm, shown=shown))
    (folder / "pyproject.toml").write_text("[tool.marimo.runtime]\nauto_instantiate = true\n")  # run all at the start
    command = [sys.executable, "-m", "marimo", "--yes", mode, str(app), "--headless", "--no-token", f"--port={port}"]
    environment = {f"XDG_{kind}_HOME": str(folder / kind) for kind in ("CONFIG", "CACHE", "STATE")}
    environment["MARIMO_SKIP_UPDATE_CHECK"] = "1"
    with log.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env={**os.environ, **environment})
        try:
            wait_until_it_answers(f"http://127.0.0.1:{port}/health", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)


def opened(context: BrowserContext, url: str) -> Page:
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(url)
    return page


@pytest.mark.parametrize("mode", ["run", "edit"])
@pytest.mark.parametrize("shown", [PLAIN, ELEMENT], ids=["plain", "element"])
def test_an_answer_streams_and_stop_cancels_it(
    context: BrowserContext, tmp_path: Path, smollm2: Path, mode: str, shown: str
) -> None:
    with running_app(tmp_path, mode, f"LLM({str(smollm2)!r})", shown) as url:
        page = opened(context, url)
        page.get_by_text("writing · 2").first.wait_for()
        page.get_by_role("button", name="Stop", exact=True).click()
        page.locator(".footer").get_by_text("stopped after").wait_for()
        assert len(page.get_by_role("log").inner_text().split()) > 1
        page.get_by_role("button", name="How did it end?").click()
        page.get_by_text("It ended: cancelled").wait_for()


def test_code_is_coloured_and_formulas_are_typeset(context: BrowserContext, tmp_path: Path) -> None:
    """Which takes the parts that a page asks for."""
    text = "Here $x^2$ is\n\n```python\ndef square(x): ...\n```\n"
    with running_app(tmp_path, "run", f"FakeLLM({text!r}, rate=20)", PLAIN) as url:
        page = opened(context, url)
        page.locator(".footer").get_by_text("tokens ·").wait_for()
        page.locator("math").wait_for(state="attached")
        page.locator(".hljs-keyword").wait_for()
