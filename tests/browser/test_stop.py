"""Stop in the output, and the toolbar's interrupt, in every phase of a cell, in real front ends."""

import ast
from pathlib import Path

import pytest

from tests.browser.conftest import Open
from tests.browser.page import NotebookPage

LONG_PROMPT = "word " * 2000
BEFORE = "import os; pid = os.getpid(); marker = 42"
ENDLESS_LOAD = """
import threading
from cyllama_jupyter import LoadCancelled
from cyllama_jupyter.notebook import magics
def endless(path, on_progress):  # the engine's own cancelled load is proven in tests/engine/test_cancel.py
    while on_progress(0.42) is not False:
        threading.Event().wait(0.03)
    raise LoadCancelled("as LLM does")
next(iter(magics._registered.values()))._shelf._open = endless
"""
MOMENTS = {
    "load": (ENDLESS_LOAD, "word", "loading"),
    "prefill": (BEFORE, LONG_PROMPT, "reading the prompt"),
    "first token": (BEFORE, "word", "writing"),
    "decode": (BEFORE, "word", "writing · 1"),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every test here on the ipykernel versions that are asked for: the oldest and the installed one without."""
    if "ipykernel" in metafunc.fixturenames:
        metafunc.parametrize("ipykernel", metafunc.config.getoption("--ipykernels").split(","))


@pytest.fixture(params=MOMENTS)
def running(request: pytest.FixtureRequest, open_notebook: Open, slow_model: Path) -> NotebookPage:
    """Return a page whose third cell is in the phase, and whose fourth would print something."""
    before, prompt, moment = MOMENTS[request.param]
    cell = f"%%llm --model {slow_model} --max-tokens 100000 --temperature 0\n{prompt}"
    page = open_notebook(f"{BEFORE}\n{before}", cell, "'next cell'")
    page.run(1)
    page.start(2)
    page.wait_for(2, moment)
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
