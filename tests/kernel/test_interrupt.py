"""The kernel's interrupt, at every moment of a cell."""

from pathlib import Path

import pytest

from tests.kernel.client import Cell, Kernel

LONG_PROMPT = "word " * 2000
HUGE_ANSWER = "--max-tokens 100000 --temperature 0"


def reading(html: str) -> bool:
    return "reading the prompt" in html


def writing(html: str) -> bool:
    return "writing" in html


@pytest.fixture(autouse=True)
def _kernel_as_before(kernel: Kernel, slow_model: Path) -> None:
    kernel.run(f"%llm load {slow_model}")
    kernel.run(
        "import os; from cyllama_jupyter.notebook import magics; marker = 42; pid = os.getpid();"
        "shelf = next(iter(magics._registered.values()))._session.shelf; llm = shelf.current"
    )


def assert_interrupted(kernel: Kernel, cell: Cell) -> None:
    """Assert that the cell ended as interrupted in one line, and the kernel is as it was."""
    assert (cell.reply["status"], cell.reply["ename"]) == ("error", "KeyboardInterrupt")
    name, traceback = cell.error
    assert name == "KeyboardInterrupt"
    assert len(traceback) == 1
    assert "Traceback" not in traceback[0]
    assert kernel.value("marker, pid == os.getpid()") == "(42, True)"


def test_in_a_prefill(kernel: Kernel) -> None:
    request, seen = kernel.run_until(f"%%llm\n{LONG_PROMPT}", reading)
    kernel.interrupt()
    cell = kernel.finish(request, seen)
    assert_interrupted(kernel, cell)
    (output,) = cell.displays
    assert "stopped after 0 tokens" in output["text/html"]
    assert kernel.value("_llm.finish_reason, str(_llm)") == "('cancelled', '')"
    followup = kernel.run("%%llm --max-tokens 3\nword")
    assert followup.reply["status"] == "ok"
    assert "3 tokens" in followup.displays[0]["text/html"]


def test_while_writing_the_partial_answer_stays(kernel: Kernel) -> None:
    request, seen = kernel.run_until(f"%%llm {HUGE_ANSWER} --out story\nword", writing)
    kernel.interrupt()
    cell = kernel.finish(request, seen)
    assert_interrupted(kernel, cell)
    (output,) = cell.displays
    tokens = int(kernel.value("_llm.stats.generated_tokens"))
    assert tokens > 0
    assert f"stopped after {tokens} token" in output["text/html"]
    assert kernel.value("story is _llm and len(story) > 0") == "True"
    assert set(output) == {"text/html", "text/plain"}


def test_twice(kernel: Kernel) -> None:
    request, seen = kernel.run_until(f"%%llm\n{LONG_PROMPT}", reading)
    kernel.interrupt()
    kernel.interrupt()
    assert_interrupted(kernel, kernel.finish(request, seen))
    assert kernel.run("%%llm --max-tokens 3\nword").reply["status"] == "ok"


def test_many_times_at_once_never_hangs(kernel: Kernel) -> None:
    """The cell's own reply may be lost: ipykernel 7 sends none where an interrupt comes as it is about to."""
    kernel.run_until(f"%%llm\n{LONG_PROMPT}", reading)
    for _ in range(5):
        kernel.interrupt()
    reason = first_that_runs(kernel, "_llm.finish_reason")
    assert reason.displays[-1]["text/plain"] == "'cancelled'"
    followup = kernel.run("%%llm --max-tokens 3\nword")
    assert followup.reply["status"] == "ok"
    assert "3 tokens" in followup.displays[0]["text/html"]
    assert kernel.value("marker, pid == os.getpid(), llm.n_open") == "(42, True, 0)"


def first_that_runs(kernel: Kernel, code: str) -> Cell:
    """Send a cell until the kernel does not abort it, as it does for a while with all that follow an error."""
    while (cell := kernel.run(code)).reply["status"] == "aborted":
        pass
    return cell


def test_with_three_more_cells_queued(kernel: Kernel) -> None:
    request, seen = kernel.run_until(f"%%llm\n{LONG_PROMPT}", reading)
    queued = [kernel.send(f"marker = {number}") for number in range(3)]
    kernel.interrupt()
    cell = kernel.finish(request, seen)
    replies = [kernel.finish(waiting).reply["status"] for waiting in queued]
    assert replies == ["aborted"] * 3
    assert_interrupted(kernel, cell)


ENDLESS_LOAD = """
import threading
from cyllama_jupyter import LoadCancelled
def endless(path, on_progress):  # the engine's own cancelled load is proven in tests/engine/test_cancel.py
    while on_progress(0.42) is not False:
        threading.Event().wait(0.03)
    raise LoadCancelled("as LLM does")
opener, shelf._open = shelf._open, endless
"""


def test_while_loading(kernel: Kernel, tiny_model: Path) -> None:
    kernel.run(ENDLESS_LOAD)
    request, seen = kernel.run_until(f"%%llm --model {tiny_model}\nword", lambda html: "42%" in html)
    kernel.interrupt()
    cell = kernel.finish(request, seen)
    assert_interrupted(kernel, cell)
    assert "stopped while loading tiny.gguf" in cell.displays[0]["text/html"]
    kernel.run("shelf._open = opener")
    assert kernel.run(f"%%llm --model {tiny_model} --max-tokens 3\nword").reply["status"] == "ok"


def test_while_it_waits_for_another_generation(kernel: Kernel) -> None:
    kernel.run(f"other = llm.submit({LONG_PROMPT!r})")
    request, seen = kernel.run_until("%%llm\nword", lambda html: "waiting" in html)
    kernel.interrupt()
    assert_interrupted(kernel, kernel.finish(request, seen))
    assert kernel.value("other.cancelled(), other.done()") == "(False, False)"
    assert kernel.value("other.cancel(), other.result().finish_reason") == "(True, 'cancelled')"


def test_a_plain_python_call_in_a_cell_is_interrupted_too(kernel: Kernel) -> None:
    request = kernel.send(f"print('calling'); llm({LONG_PROMPT!r})")
    seen = []
    for message in kernel.messages(request):
        seen.append(message)
        if message["msg_type"] == "stream":
            break
    kernel.interrupt()
    cell = kernel.finish(request, seen)
    assert cell.reply["ename"] == "KeyboardInterrupt"
    assert kernel.value("llm('word', stream=False).finish_reason in ('stop', 'length')") == "True"
