"""``%%llm --bg``: cells that return at once and go on below themselves."""

from pathlib import Path
from typing import Any

import pytest

from tests.kernel.client import Kernel

ENDLESS = "--bg --temperature 0 --max-tokens 100000"


@pytest.fixture(autouse=True)
def _slow_model(kernel: Kernel, slow_model: Path) -> None:
    assert kernel.run(f"%llm load {slow_model}").reply["status"] == "ok"
    kernel.run("%llm stop\n%llm wait")


def updates(messages: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the display id and HTML of each display and update."""
    return [
        (message["content"]["transient"]["display_id"], message["content"]["data"]["text/html"])
        for message in messages
        if message["msg_type"] in ("display_data", "update_display_data")
    ]


def test_it_returns_at_once_and_streams_into_its_own_output(kernel: Kernel) -> None:
    started = kernel.run(f"%%llm {ENDLESS} --out story\nword")
    assert started.reply["status"] == "ok"
    ((own, _),) = updates(started.messages)[:1]
    other = kernel.run("import threading; threading.Event().wait(1); print('other')")
    assert other.stdout == "other\n"
    assert {display for display, _ in updates(other.messages)} <= {own}
    assert "running" in kernel.run("%llm jobs").stdout
    kernel.run("%llm stop")
    assert kernel.run("%llm wait").reply["status"] == "ok"
    assert kernel.value("story.finish_reason, story is _llm, len(story) > 0") == "('cancelled', True, True)"
    assert "cancelled" in kernel.run("%llm jobs").stdout


def test_an_interrupt_of_another_cell_leaves_it_running(kernel: Kernel) -> None:
    kernel.run(f"%%llm {ENDLESS}\nword")
    request = kernel.send("print('busy'); threading.Event().wait(60)")
    seen = []
    for message in kernel.messages(request):
        seen.append(message)
        if message["msg_type"] == "stream":
            break
    kernel.interrupt()
    assert kernel.finish(request, seen).reply["ename"] == "KeyboardInterrupt"
    assert "running" in kernel.run("%llm jobs").stdout.splitlines()[-1]
    request = kernel.send("%llm wait")
    kernel.wait_for_updates(5)  # half a second of the job, in which the cell has begun to wait
    kernel.interrupt()
    waiting = kernel.finish(request)
    assert waiting.reply["ename"] == "KeyboardInterrupt"
    assert "the jobs go on" in waiting.error[1][0]
    kernel.run("%llm stop\n%llm wait")


def test_a_foreground_cell_takes_its_turn_behind_it(kernel: Kernel) -> None:
    kernel.run("%%llm --bg --temperature 0 --max-tokens 20 --out first\nword")
    assert kernel.run("%%llm --temperature 0 --max-tokens 20 --out second\nword").reply["status"] == "ok"
    assert kernel.value("first == second, first.finish_reason") == "(True, 'length')"


def test_a_job_that_fails_says_so_in_its_output(kernel: Kernel) -> None:
    started = kernel.run("%%llm --bg\n" + "word " * 9000)
    assert started.reply["status"] == "ok"
    waited = kernel.run("%llm wait")
    shown = [html for _, html in updates([*started.messages, *waited.messages, *kernel.late()])]
    assert "the context holds 8,192" in shown[-1]
    assert "failed" in kernel.run("%llm jobs").stdout


def test_a_wrong_job_is_a_one_line_error(kernel: Kernel) -> None:
    cell = kernel.run("%llm stop 99")
    assert cell.reply["status"] == "error"
    assert "there is no job 99" in cell.stderr


def test_where_nobody_looks_on_it_waits_for_the_answer(kernel: Kernel) -> None:
    cell = kernel.run("%%llm --bg --temperature 0 --max-tokens 3\nword", allow_stdin=False)
    (only,) = cell.of_type("display_data", "update_display_data")
    assert "3 tokens" in only["data"]["text/html"]
