"""Forty clicks on Stop, eight in each of five moments, with the real model in JupyterLab; `make bench` times them."""

import ast
from pathlib import Path

import pytest

from tests.browser.conftest import Open
from tests.browser.moments import BEFORE, MOMENTS

CLICKS = 8
IDLE = """
from cyllama_jupyter.engine import worker
def at_work():  # how many generations the engines still have
    return sum(engine.scheduler.n_open for engine in worker._ENGINES if engine.scheduler is not None)
"""


@pytest.mark.accept
@pytest.mark.parametrize("front_end", ["lab"])
@pytest.mark.parametrize("name", MOMENTS)
def test_every_stop_leaves_an_idle_engine_and_the_text(open_notebook: Open, smollm2: Path, name: str) -> None:
    moment = MOMENTS[name]
    page = open_notebook(f"{BEFORE}\n{IDLE}\n{moment.before}", moment.cell(smollm2), "at_work()")
    page.run(1)
    for _ in range(CLICKS):
        before = page.count(3)
        page.start(2)
        page.start(3)
        page.wait_for(2, moment.shown)
        page.stop(2)
        page.wait_done(3, before)
        assert page.value("at_work()") == "0"
        assert page.value("marker, pid == os.getpid()") == "(42, True)"
        stopped, after = page.save()["cells"][2:4]
        (output,) = stopped["outputs"]
        assert "stopped" in "".join(output["data"]["text/html"])
        if name != "load":
            assert page.value("_llm.finish_reason") == "'cancelled'"
            text = ast.literal_eval(page.value("printable(_llm)"))
            assert "".join(output["data"]["text/plain"]).startswith(text)
        assert after["outputs"][0]["output_type"] == "execute_result"
