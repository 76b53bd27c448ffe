"""What a very long answer costs the page: memory and nodes in proportion to its text, and no more."""

from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import CDPSession

from tests.browser.conftest import Open
from tests.browser.long_answer import MIXED_MARKDOWN
from tests.browser.page import NotebookPage

PIECE = 120
LENGTHS = (40_000, 80_000)
LINEAR = 2.3  # twice the text, and some slack for what the page itself does meanwhile
FEED = f"""
from cyllama_jupyter import LLMOutput
from cyllama_jupyter.notebook.sinks import Ending, Status
from IPython.display import display
{MIXED_MARKDOWN}
def feed(characters):
    text, output = mixed_markdown(characters), LLMOutput()
    display(output)
    for length in range(0, characters, {PIECE}):
        output.show(Status("decode", f"writing · {{length}}"), text[:length])
    output.end(Ending(text, ("the end",)))
"""
UNFINISHED = """
() => [...document.querySelectorAll('.cyllama-output')].flatMap(({shadowRoot: root}) => [
    ...root.querySelectorAll('.formula:not(.typeset)'),
    ...[...root.querySelectorAll('pre > code')].filter(code => !code.querySelector('[class^=hljs]')),
]).length === 0
"""


def usage(page: NotebookPage, session: CDPSession) -> tuple[float, float]:
    """Return the bytes and the nodes that the page holds on to."""
    page.page.wait_for_function(UNFINISHED)
    session.send("HeapProfiler.collectGarbage")
    session.send("HeapProfiler.collectGarbage")  # what the first one's finalizers let go
    metrics: list[dict[str, Any]] = session.send("Performance.getMetrics")["metrics"]
    nodes = next(metric["value"] for metric in metrics if metric["name"] == "Nodes")
    return float(session.send("Runtime.getHeapUsage")["usedSize"]), float(nodes)


@pytest.mark.parametrize("front_end", ["lab"])
def test_memory_is_linear_in_the_text(open_notebook: Open) -> None:
    page = open_notebook(f"{FEED}\nfeed(2_000)", *(f"feed({length})" for length in LENGTHS))
    session = page.page.context.new_cdp_session(page.page)
    session.send("Performance.enable")
    used = []
    for index in (1, 2, 3):
        page.run(index)
        page.wait_for(index, "the end")
        used.append(usage(page, session))
    (bytes_40, nodes_40), (bytes_80, nodes_80) = (
        (after[0] - before[0], after[1] - before[1]) for before, after in pairwise(used)
    )
    assert 0 < bytes_80 <= LINEAR * bytes_40
    assert 0 < nodes_80 <= LINEAR * nodes_40
