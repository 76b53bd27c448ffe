"""Stop in the output, and the toolbar's interrupt, in every phase of a cell, in real front ends."""

import ast
from pathlib import Path

import pytest

from tests.browser.conftest import Open
from tests.browser.moments import BEFORE, MOMENTS
from tests.browser.page import NotebookPage

RACED = 150  # tokens
THE_LAST = range(RACED - 30, RACED + 1, 6)  # the bar is told of every third to tenth token
# A person cannot aim at one token: the page does it, in the frame in which the bar shows so many, or has gone.
AT_TOKENS = """
(output, tokens) => {
    let seen = false;
    const look = done => {
        const bar = output.querySelector('.cyllama-output')?.shadowRoot.querySelector('.bar');
        const written = Number(/writing · (\\d+)/.exec(bar?.querySelector('.label').textContent)?.[1] ?? 0);
        seen ||= written > 0;
        if (bar ? written < tokens : !seen) requestAnimationFrame(() => look(done));
        else done(bar?.querySelector('.stop').click());
    };
    window.stopped = new Promise(look);
}
"""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every test here on the ipykernel versions that are asked for: the oldest and the installed one without."""
    if "ipykernel" in metafunc.fixturenames:
        metafunc.parametrize("ipykernel", metafunc.config.getoption("--ipykernels").split(","))


@pytest.fixture(params=MOMENTS)
def running(request: pytest.FixtureRequest, open_notebook: Open, slow_model: Path) -> NotebookPage:
    """Return a page whose third cell is in the phase, and whose fourth would print something."""
    moment = MOMENTS[request.param]
    page = open_notebook(f"{BEFORE}\n{moment.before}", moment.cell(slow_model), "'next cell'")
    page.run(1)
    page.start(2)
    page.wait_for(2, moment.shown)
    return page


def assert_partial(page: NotebookPage) -> None:
    """Assert that the kernel is as before, and the saved notebook has the partial answer as static HTML."""
    assert page.value("marker, pid == os.getpid()") == "(42, True)"
    saved = page.save()
    output, *errors = saved["cells"][2]["outputs"]
    assert "stopped" in "".join(output["data"]["text/html"])
    assert set(output["data"]) == {"text/html", "text/plain"}
    assert all(error["output_type"] == "error" for error in errors)


def test_stop_ends_the_cell_and_the_next_one_runs(running: NotebookPage) -> None:
    running.stop(2)
    running.wait_done(2)
    running.run(3)
    assert_partial(running)
    assert "next cell" in str(running.save()["cells"][3]["outputs"])
    assert len(running.save()["cells"][2]["outputs"]) == 1


def test_the_toolbar_s_interrupt_ends_the_cell_and_the_queue(running: NotebookPage) -> None:
    running.start(3)
    running.interrupt()
    running.wait_done(2)
    assert_partial(running)
    assert running.save()["cells"][3]["outputs"] == []
    assert running.save()["cells"][2]["outputs"][1]["ename"] == "KeyboardInterrupt"


@pytest.fixture
def racing(open_notebook: Open, slow_model: Path) -> NotebookPage:
    """Return a page with an answer that ends by itself, another below it, and the model in memory."""
    ask = f"%%llm --model {slow_model} --temperature 0 --max-tokens"
    page = open_notebook(BEFORE, f"{ask} {RACED} --out answer\nword", f"{ask} 3 --out after\nword")
    page.run(1)
    page.run(3)
    return page


def assert_exact_end(page: NotebookPage) -> None:
    """Assert that the answer was cancelled or complete, nothing between, and that its text is in the saved notebook."""
    reason = ast.literal_eval(page.value("answer.finish_reason"))
    shown = {"cancelled": "stopped after", "length": f"{RACED} tokens · cut off"}[reason]
    output = page.save()["cells"][2]["outputs"][0]
    assert shown in "".join(output["data"]["text/html"])
    assert "".join(output["data"]["text/plain"]) == ast.literal_eval(page.value("printable(answer)"))
    assert page.value("marker, pid == os.getpid()") == "(42, True)"


def test_stop_as_the_last_token_comes(racing: NotebookPage) -> None:
    """Whoever wins, the end is exact, and a stop that comes too late does not hit the cell below.

    There is no such race for the interrupt: ipykernel itself loses the reply of a cell that is interrupted in its last
    milliseconds (7.4.0, with plain Python in the cell, within a dozen tries).
    """
    for tokens in THE_LAST:
        before = racing.count(3)
        racing.output(2).evaluate(AT_TOKENS, tokens)
        racing.start(2)
        racing.start(3)
        racing.wait_done(3, before)
        racing.page.evaluate("() => window.stopped")
        assert_exact_end(racing)
        assert len(racing.save()["cells"][2]["outputs"]) == 1
        assert racing.value("after.finish_reason, after.stats.generated_tokens") == "('length', 3)"


def test_stop_in_the_third_of_ten_cells_leaves_the_others_whole(open_notebook: Open, slow_model: Path) -> None:
    ask = f"%%llm --model {slow_model} --temperature 0 --max-tokens"
    cells = [f"{ask} {100_000 if number == 3 else 3} --out answer{number}\nword {number}" for number in range(1, 11)]
    page = open_notebook(*cells)
    page.run_all()
    page.wait_for(3, "writing")
    page.stop(3)
    page.wait_done(10)
    reasons = page.value("[globals()[f'answer{n}'].finish_reason for n in range(1, 11)]")
    assert ast.literal_eval(reasons) == ["length", "length", "cancelled", *["length"] * 7]
    saved = page.save()
    counts = [cell["execution_count"] for cell in saved["cells"][1:]]
    assert counts == sorted(counts)
    for number, cell in enumerate(saved["cells"][1:], 1):
        (output,) = cell["outputs"]
        assert ("stopped after" if number == 3 else "3 tokens") in "".join(output["data"]["text/html"])
