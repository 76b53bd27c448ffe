"""Answers that are objects, in real front ends: what a model wrote is seen as it is, live and in the end."""

import json

from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import Open
from tests.browser.page import NotebookPage

PLANET = {
    "snake_case_name": "*Mars* and `code`",
    "price": "$5 or $6",
    "tag": "<b>bold</b>",
    "moons": ["Phobos", "Deimos"],
}
CITIES = [{"city": "*Oslo*", "price": "$5 or $6", "n": 1}, {"city": "<b>a_b_c</b>", "price": "`x`", "n": None}]
SEVERE = {"serious", "critical"}
NO_MARKUP = "mjx-container, .jp-RenderedHTML b, .jp-RenderedHTML em"


def model(text: str, rate: float | None = None) -> str:
    """Return the source of a cell after which every model answers with a text."""
    return f"""
from cyllama_jupyter.notebook import magics
from cyllama_jupyter.testing import FakeLLM
shelf = next(iter(magics._registered.values()))._session.shelf
shelf._open = lambda path, on_progress: FakeLLM({text!r}, chunk=3, rate={rate})
"""


def shown(page: NotebookPage, index: int) -> str:
    """Return the text of the code box in the static output of a cell."""
    return str(page.output(index).locator(".jp-RenderedHTML pre > code").evaluate("code => code.textContent"))


def test_json_is_code_while_it_is_written_and_in_the_end(open_notebook: Open) -> None:
    text = json.dumps(PLANET)
    page = open_notebook(model(text, rate=30), "%%llm --as json --out planet\nDescribe Mars.")
    page.run(1)
    page.start(2)
    live = page.output(2).locator(".verbatim.code pre > code")
    live.get_by_text("*Mars* and `code`").first.wait_for()
    assert text.startswith(str(live.evaluate("code => code.textContent")))
    page.wait_done(2)
    page.output(2).locator(".jp-RenderedHTML pre > code").wait_for()
    assert shown(page, 2) == json.dumps(PLANET, indent=2)
    assert page.output(2).locator(NO_MARKUP).count() == 0
    [output] = page.save()["cells"][2]["outputs"]
    assert "".join(output["data"]["text/plain"]) == text
    assert page.value("planet['moons']") == "['Phobos', 'Deimos']"


def test_axe_finds_nothing_serious_in_an_object_that_is_being_written(open_notebook: Open) -> None:
    page = open_notebook(model(json.dumps(PLANET), rate=2), "%%llm --as json\nDescribe Mars.")
    page.run(1)
    page.start(2)
    page.output(2).locator(".verbatim.code .hljs-attr").first.wait_for()
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        page.page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
        found = Axe().run(page.page, context=".jp-OutputArea-output").response["violations"]
        assert [(one["id"], one["impact"]) for one in found if one["impact"] in SEVERE] == []
    page.stop(2)
    page.wait_done(2)


def test_what_is_cut_off_stays_as_it_is_above_the_error(open_notebook: Open) -> None:
    page = open_notebook(model(json.dumps(PLANET)), "%%llm --as json --max-tokens 12\nDescribe Mars.")
    page.run(1)
    page.run(2)
    page.wait_for(2, "AnswerError")
    half = shown(page, 2)
    assert half
    assert json.dumps(PLANET).startswith(half)


def test_rows_are_a_table_of_plain_text(open_notebook: Open) -> None:
    page = open_notebook(model(json.dumps(CITIES)), "%%llm --as table\nSome cities.")
    page.run(1)
    page.run(2)
    table = page.output(2).locator(".jp-RenderedHTML table")
    assert table.locator("th").all_inner_texts() == ["city", "price", "n"]
    assert table.locator("td").all_inner_texts() == ["*Oslo*", "$5 or $6", "1", "<b>a_b_c</b>", "`x`", ""]
    assert page.output(2).locator(NO_MARKUP).count() == 0


def test_an_answer_that_goes_on_shows_all_of_it_from_its_first_word(open_notebook: Open) -> None:
    text = "Once upon a time there was a fox. " * 8
    page = open_notebook(model(text, rate=60), "%%llm --max-tokens 20\nTell it.", "%%llm --continue --max-tokens 40")
    page.run(1)
    page.run(2)
    begun = page.value("_llm.text")
    page.page.evaluate(
        """() => {
            window.seen = [];
            const look = () => {
                const log = document.querySelector('.cyllama-output')?.shadowRoot.querySelector('.log');
                if (log?.textContent) window.seen.push(log.textContent);
                requestAnimationFrame(look);
            };
            look();
        }"""
    )
    page.run(3)
    seen = page.page.evaluate("() => window.seen")
    assert len(begun.strip("'\"")) > 10
    assert len(seen) > 3
    assert all(text.startswith(begun.strip("'\"").strip()) for text in seen)
