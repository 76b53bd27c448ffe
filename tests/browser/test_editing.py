"""What a cell gives to its author in real front ends: names to complete, and code to go on with."""

from playwright.sync_api import TimeoutError  # noqa: A004 - Playwright's own name for it

from tests.browser.conftest import Open
from tests.browser.page import NotebookPage
from tests.browser.test_objects import model

CODE = "def double(x):\n    return 2 * x"
COMPLETED = {
    "%%llm --ma": "--max-tokens",
    "%%llm --as jso": "json",
    "%%llm --attach my_own": "my_own_name",
    "%llm chats sh": "show",
    "%%llm\nSay {{ my_own": "my_own_name",
}


TRIES = 4
SOON = 10_000  # milliseconds


def is_offered(page: NotebookPage, typed: str, offered: str) -> bool:
    """Type a text and press Tab, which a front end that is still making itself ready takes for an indent."""
    page.cell(2).locator(".cm-content").click()
    page.page.keyboard.press("Control+a")
    page.page.keyboard.insert_text(typed)
    page.page.keyboard.press("Tab")
    try:
        page.page.locator(".jp-Completer-item").filter(visible=True, has_text=offered).first.wait_for(timeout=SOON)
    except TimeoutError:
        page.page.keyboard.press("Escape")
        return False
    return True


def sources(page: NotebookPage) -> list[str]:
    return list(
        page.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.content.widgets.map(cell => cell.model.sharedModel.source)"
        )
    )


def test_code_is_offered_below_and_nobody_runs_it(open_notebook: Open) -> None:
    answer = f"Here it is:\n\n```python\n{CODE}\n```\n\nThat is *all*."
    page = open_notebook(model(answer), "%%llm --as code --out code\nDouble a number.", "'the last cell'")
    page.run(1)
    page.run(2)
    page.page.wait_for_function("() => window.jupyterapp.shell.currentWidget.content.widgets.length === 5")
    assert sources(page)[3:] == [CODE, "'the last cell'"]
    assert page.count(3) is None
    assert page.value("'double' in globals()") == "False"
    assert page.value("code.language") == "'python'"


def test_the_tab_key_completes(open_notebook: Open) -> None:
    page = open_notebook("my_own_name = 1", "")
    page.run(1)
    for typed, offered in COMPLETED.items():
        assert any(is_offered(page, typed, offered) for _ in range(TRIES))
        page.page.keyboard.press("Enter")
        assert sources(page)[2] == typed[: typed.rindex(" ") + 1] + offered
