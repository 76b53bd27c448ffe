"""Stop in the output, and the toolbar's interrupt, in real front ends."""

from pathlib import Path

import pytest

from tests.browser.conftest import Open

READ = "reading the prompt"
WRITE = "writing"
LONG_PROMPT = "word " * 2000


@pytest.fixture
def cell(slow_model: Path) -> str:
    return f"%%llm --model {slow_model} --max-tokens 100000 --temperature 0\n"


@pytest.mark.parametrize(("prompt", "moment"), [(LONG_PROMPT, READ), ("word", WRITE)], ids=["prefill", "decode"])
def test_stop_ends_the_cell_and_the_next_one_runs(open_notebook: Open, cell: str, prompt: str, moment: str) -> None:
    page = open_notebook("import os; pid = os.getpid()", cell + prompt, "'next cell'")
    page.run(1)
    page.start(2)
    page.wait_for(2, moment)
    page.stop(2)
    page.wait_done(2)
    page.run(3)
    assert page.value("pid == os.getpid(), _llm.finish_reason") == "(True, 'cancelled')"
    saved = page.save()
    (output,) = saved["cells"][2]["outputs"]
    assert "stopped after" in "".join(output["data"]["text/html"])
    assert set(output["data"]) == {"text/html", "text/plain"}
    assert "next cell" in str(saved["cells"][3]["outputs"])
