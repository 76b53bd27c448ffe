"""Several answers side by side in real front ends: the Stop of one, the interrupt of all, pages that come late."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext

from tests.browser.conftest import Open
from tests.browser.page import NotebookPage
from tests.browser.server import Server
from tests.kernel.several import ASK

ENDLESS = 100_000  # tokens
SEVERE = {"serious", "critical"}
REASONS = "[kept[n].finish_reason for n in range(4)]"
# Where the live outputs stand, or the cells of the static grid.
PLACES = """
() => {
    const live = [...document.querySelectorAll('.cyllama-output')];
    const cells = live.length ? live : [...document.querySelectorAll('.jp-RenderedHTML > div > div')];
    return cells.map(cell => cell.getBoundingClientRect()).map(box => [box.x, box.y, box.width].map(Math.round));
}
"""
ROWS = f"""
shape => {{
    const tops = ({PLACES.strip()})().map(place => place[1]);
    const rows = [...new Set(tops)].sort((a, b) => a - b).map(top => tops.filter(each => each === top).length);
    return String(rows) === String(shape);
}}
"""


@pytest.fixture
def writing(open_notebook: Open, slow_model: Path) -> NotebookPage:
    """Return a page whose third cell writes four answers, of which the second and the last would never end."""
    tokens = f"[400, {ENDLESS}, 500, {ENDLESS}]"
    page = open_notebook(ASK, f"ask(words({str(slow_model)!r}, {tokens}))", "'next cell'")
    page.run(1)
    page.start(2)
    wait_for_all(page)
    return page


def wait_for_all(page: NotebookPage) -> None:
    page.page.wait_for_function(
        """() => [...document.querySelectorAll('.cyllama-output')].filter(output =>
            /writing · /.test(output.shadowRoot.querySelector('.bar .label')?.textContent)).length === 4"""
    )


def stop(page: NotebookPage, place: int) -> None:
    page.output(2).get_by_role("button", name=f"Stop {place} of 4", exact=True).click()


def running(page: NotebookPage) -> list[bool]:
    """Return which answers are being written: the kernel itself would answer after the cell."""
    outputs = page.output(2).locator(".cyllama-output .box")
    return [not outputs.nth(place).evaluate("box => box.matches('.finished')") for place in range(4)]


def wait_for_rows(page: NotebookPage, shape: list[int]) -> None:
    """Wait until so many answers stand in each row: front ends lay out a page some time after it got its size."""
    page.page.wait_for_function(ROWS, arg=shape)


def test_the_second_and_the_last_are_stopped_and_the_others_end(writing: NotebookPage) -> None:
    stop(writing, 2)
    writing.wait_for(2, "stopped after")
    assert running(writing)[3]
    copies = writing.output(2).locator(".cyllama-output").nth(1).get_by_role("button", name="Copy the answer")
    assert copies.filter(visible=True).count() == 1
    stop(writing, 4)
    writing.wait_done(2)
    assert writing.value(REASONS) == "['length', 'cancelled', 'length', 'cancelled']"
    writing.run(3)
    saved = writing.save()
    (output,) = saved["cells"][2]["outputs"]
    html = "".join(output["data"]["text/html"])
    assert (html.count("stopped after"), html.count("400 tokens"), html.count("500 tokens")) == (2, 1, 1)
    assert set(output["data"]) == {"text/html", "text/plain"}
    assert not saved["metadata"].get("widgets")
    assert "next cell" in str(saved["cells"][3]["outputs"])


def test_the_interrupt_stops_all_and_the_queue(writing: NotebookPage) -> None:
    writing.start(3)
    writing.interrupt()
    writing.wait_done(2)
    assert writing.value(REASONS) == "['cancelled', 'cancelled', 'cancelled', 'cancelled']"
    saved = writing.save()
    output, error = saved["cells"][2]["outputs"]
    assert "".join(output["data"]["text/html"]).count("stopped after") == 4
    assert error["ename"] == "KeyboardInterrupt"
    assert saved["cells"][3]["outputs"] == []
    writing.run(3)
    assert "next cell" in str(writing.save()["cells"][3]["outputs"])


def test_escape_stops_the_one_that_has_the_focus(writing: NotebookPage) -> None:
    writing.output(2).get_by_role("button", name="Stop 2 of 4", exact=True).focus()
    writing.page.keyboard.press("Escape")
    writing.wait_for(2, "stopped after")
    assert running(writing)[1::2] == [False, True]
    writing.interrupt()
    writing.wait_done(2)
    assert writing.value("kept[1].stats.generated_tokens < kept[3].stats.generated_tokens") == "True"


@pytest.mark.parametrize("ended", [False, True], ids=["live", "static"])
def test_rows_are_as_wide_as_the_page(writing: NotebookPage, *, ended: bool) -> None:
    if ended:
        writing.interrupt()
        writing.wait_done(2)
    for width, shape in ((500, [1, 1, 1, 1]), (1000, [2, 2]), (1600, [4])):
        writing.page.set_viewport_size({"width": width, "height": 900})
        wait_for_rows(writing, shape)
    if not ended:
        writing.interrupt()
        writing.wait_done(2)


def test_at_the_end_no_column_moves(writing: NotebookPage) -> None:
    writing.page.set_viewport_size({"width": 1600, "height": 900})
    wait_for_rows(writing, [4])
    live = writing.page.evaluate(PLACES)
    writing.interrupt()
    writing.wait_done(2)
    wait_for_rows(writing, [4])
    static = writing.page.evaluate(PLACES)
    assert [(x, width) for x, _, width in static] == [(x, width) for x, _, width in live]


def test_a_second_tab_shows_them_all_and_either_stops(
    writing: NotebookPage, context: BrowserContext, server: Server, front_end: str
) -> None:
    writing.save()
    second = NotebookPage(context, server, front_end, writing.path.name)
    wait_for_all(second)
    stop(second, 2)
    writing.wait_for(2, "stopped after")
    second.wait_for(2, "stopped after")
    stop(writing, 4)
    writing.wait_done(2)
    second.page.wait_for_function(
        "() => document.querySelectorAll('.cyllama-output').length === 4"
        " && [...document.querySelectorAll('.cyllama-output')].every(o => o.shadowRoot.querySelector('.finished'))"
    )
    assert writing.value(REASONS) == "['length', 'cancelled', 'length', 'cancelled']"


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_axe_finds_nothing_serious(writing: NotebookPage, theme: str) -> None:
    writing.page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
    stop(writing, 2)
    writing.wait_for(2, "stopped after")
    found = Axe().run(writing.page, context=".jp-OutputArea-output").response["violations"]
    assert [(one["id"], one["impact"]) for one in found if one["impact"] in SEVERE] == []
    writing.interrupt()
    writing.wait_done(2)
    found = Axe().run(writing.page, context=".jp-OutputArea-output").response["violations"]
    assert [(one["id"], one["impact"]) for one in found if one["impact"] in SEVERE] == []
