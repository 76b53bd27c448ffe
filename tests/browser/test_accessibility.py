"""The widget for people who use a keyboard or a screen reader."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import Open

SEVERE = {"serious", "critical"}
ARTEFACTS = Path(__file__).parents[2] / "artifacts"


@pytest.fixture
def endless(slow_model: Path) -> str:
    return f"%%llm --model {slow_model} --max-tokens 100000 --temperature 0\nword"


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_axe_finds_nothing_serious(open_notebook: Open, endless: str, theme: str, front_end: str) -> None:
    page = open_notebook(endless)
    page.page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
    page.start(1)
    page.wait_for(1, "writing")
    ARTEFACTS.mkdir(exist_ok=True)
    page.page.screenshot(path=ARTEFACTS / f"{front_end}-{theme.rpartition(' ')[2].lower()}-writing.png")
    found = Axe().run(page.page, context=".jp-OutputArea-output").response["violations"]
    assert [(one["id"], one["impact"]) for one in found if one["impact"] in SEVERE] == []
    page.stop(1)
    page.wait_done(1)
    page.page.screenshot(path=ARTEFACTS / f"{front_end}-{theme.rpartition(' ')[2].lower()}-stopped.png")


@pytest.mark.parametrize("key", ["Enter", "Escape"])
def test_the_keyboard_stops(open_notebook: Open, endless: str, key: str) -> None:
    page = open_notebook(endless)
    page.start(1)
    page.wait_for(1, "writing")
    page.output(1).get_by_role("button", name="Stop", exact=True).focus()
    page.page.keyboard.press(key)
    page.wait_done(1)
    assert page.value("_llm.finish_reason") == "'cancelled'"


def test_roles_and_names(open_notebook: Open, endless: str) -> None:
    page = open_notebook(endless)
    page.start(1)
    page.wait_for(1, "writing")
    output = page.output(1)
    assert "writing" in output.get_by_role("status").first.inner_text()
    log = output.get_by_role("log")
    assert log.get_attribute("aria-live") == "polite"
    page.stop(1)
    page.wait_done(1)
