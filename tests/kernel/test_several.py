"""Several answers in a real kernel, where nobody can show widgets, and for executors."""

from pathlib import Path

import pytest

from tests.kernel.client import Kernel
from tests.kernel.several import ASK


@pytest.fixture(autouse=True)
def _asked(kernel: Kernel, slow_model: Path) -> None:
    assert kernel.run(f"{ASK}\nMODEL = {str(slow_model)!r}").reply["status"] == "ok"


def all_write(html: str) -> bool:
    return html.count("writing · ") == 3


def test_side_by_side_in_one_display(kernel: Kernel) -> None:
    cell = kernel.run("ask(words(MODEL, [3, 9, 6]))")
    (output,) = cell.displays
    assert [f"{place} of 3" in output["text/html"] for place in (1, 2, 3)] == [True] * 3
    assert set(output) == {"text/html", "text/plain"}
    assert kernel.value("[kept[n].stats.generated_tokens for n in range(3)]") == "[3, 9, 6]"


def test_the_interrupt_stops_all_and_the_next_cell_works(kernel: Kernel) -> None:
    request, seen = kernel.run_until("ask(words(MODEL, [100_000] * 3))", all_write)
    kernel.interrupt()
    cell = kernel.finish(request, seen)
    name, traceback = cell.error
    assert name == "KeyboardInterrupt"
    assert len(traceback) == 1
    assert "stopped 3 of 3 answers" in traceback[0]
    (output,) = cell.displays
    assert output["text/html"].count("stopped after") == 3
    assert kernel.value("[kept[n].finish_reason for n in range(3)]") == "['cancelled', 'cancelled', 'cancelled']"
    assert kernel.value("marker, pid == os.getpid()") == "(42, True)"
    assert kernel.run("ask(words(MODEL, [2, 2]))").reply["status"] == "ok"


def test_where_nobody_looks_on_two_runs_give_the_same_bytes(kernel: Kernel) -> None:
    kernel.run("from cyllama_jupyter.testing import FakeLLM")
    code = "with FakeLLM('**Hello**, world', rate=100.0) as fake: ask(fake.submit_samples('Hi', 4))"
    first, second = (kernel.run(code, allow_stdin=False) for _ in range(2))
    assert [message["msg_type"] for message in first.messages].count("display_data") == 1
    assert first.of_type("update_display_data") == []
    assert first.displays == second.displays
    assert first.displays[0]["text/html"].count("<strong>Hello</strong>, world") == 4
    assert "tokens/s" not in first.displays[0]["text/html"]


def test_each_has_a_seed_of_its_own(kernel: Kernel, smollm2: Path) -> None:
    kernel.run(f"llm = LLM({str(smollm2)!r}, n_parallel=4, max_tokens=12, temperature=1.0, seed=7)")
    kernel.run("ask(llm.submit_samples([{'role': 'user', 'content': 'Name a colour.'}], 4))", allow_stdin=False)
    assert len({kernel.value(f"str(kept[{place}])") for place in range(4)}) > 1
