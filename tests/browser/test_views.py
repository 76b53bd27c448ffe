"""Pages that come, go and come back while an answer streams, and what stays of it."""

import ast
from pathlib import Path

import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import BrowserContext

from tests.browser.conftest import Open
from tests.browser.page import NotebookPage
from tests.browser.server import Server

MISSING = "model not found"


@pytest.fixture
def endless(slow_model: Path) -> str:
    return f"%%llm --model {slow_model} --max-tokens 100000 --temperature 0\nword"


@pytest.fixture
def short(slow_model: Path) -> str:
    return f"%%llm --model {slow_model} --max-tokens 400 --temperature 0\nword"


@pytest.fixture
def long(slow_model: Path) -> str:
    """Return a cell that is still writing when a page has been loaded again."""
    return f"%%llm --model {slow_model} --max-tokens 2000 --temperature 0\nword"


def test_a_reloaded_page_shows_the_text_so_far_with_a_live_stop(open_notebook: Open, endless: str) -> None:
    page = open_notebook(endless)
    page.start(1)
    page.wait_for(1, "writing")
    page.save()
    page.open()
    page.wait_for(1, "writing")
    log = page.output(1).get_by_role("log")
    assert log.inner_text().strip()
    page.stop(1)
    page.wait_for(1, "stopped after")
    page.page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'"
    )
    shown, kept = log.inner_text(), page.value("_llm.text.split()")
    assert shown.split()[:20] == ast.literal_eval(kept)[:20]
    assert MISSING not in page.page.inner_text("body")


def test_the_full_text_stands_there_at_the_end_after_a_reload(open_notebook: Open, long: str) -> None:
    page = open_notebook(long)
    page.start(1)
    page.wait_for(1, "writing")
    page.save()
    page.open()
    page.wait_for(1, "2,000 tokens")
    assert page.value("_llm.finish_reason") == "'length'"
    page.run(0)  # the kernel answers still


def test_what_ended_while_no_page_was_open_is_shown_again(
    open_notebook: Open, short: str, context: BrowserContext, server: Server, front_end: str
) -> None:
    page = open_notebook(short, "%llm show")
    page.start(1)
    page.wait_for(1, "writing")
    page.save()
    page.close()
    again = NotebookPage(context, server, front_end, page.path.name)
    again.run(2)
    again.wait_for(2, "400 tokens")


def test_two_tabs_show_the_same_and_either_stops(
    open_notebook: Open, endless: str, context: BrowserContext, server: Server, front_end: str
) -> None:
    first = open_notebook(endless)
    first.start(1)
    first.wait_for(1, "writing")
    first.save()
    second = NotebookPage(context, server, front_end, first.path.name)
    second.wait_for(1, "writing")
    second.stop(1)
    first.wait_for(1, "stopped after")
    second.wait_for(1, "stopped after")
    first.wait_done(1)


def test_a_saved_answer_outlives_the_kernel(open_notebook: Open, short: str) -> None:
    page = open_notebook(short)
    page.run(1)
    saved = page.save()
    assert "widgets" not in saved["metadata"] or not saved["metadata"]["widgets"]
    page.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    page.open()
    page.wait_for(1, "400 tokens")
    assert MISSING not in page.page.inner_text("body")
    html, _ = HTMLExporter().from_filename(str(page.path))
    assert "400 tokens" in html
    assert MISSING not in html


FORMULAS = r"so $a$, $$b$$, \(c\) and \[d\], not $5 or $6, \\(e\\) or \\begin{matrix}f\\end{matrix}"


def test_the_static_form_s_formulas_are_typeset_and_nothing_else(open_notebook: Open) -> None:
    page = open_notebook(f"from cyllama_jupyter.testing import play\n_ = play({FORMULAS!r})")
    page.run(1)
    page.output(1).locator("mjx-container").nth(3).wait_for()
    assert page.output(1).locator("mjx-container").count() == 4
    shown = page.output(1).inner_text()
    assert all(text in shown for text in ("$5 or $6", r"\(e\)", r"\begin{matrix}f\end{matrix}"))
