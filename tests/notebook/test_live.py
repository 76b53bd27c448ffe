"""A cell with its widget from end to end: a fake engine, the real loop, the real widget, and a page that says Stop."""

import json
from pathlib import Path
from typing import Any, cast

import pytest
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

from cyllama_jupyter import LLMOutput, LoadCancelled, Response
from cyllama_jupyter.notebook.cell import Cell
from cyllama_jupyter.notebook.frontend import FrontEnds
from cyllama_jupyter.notebook.jobs import Job
from cyllama_jupyter.notebook.pump import Pump
from cyllama_jupyter.notebook.shelf import ModelShelf, OnProgress
from cyllama_jupyter.notebook.sinks.widget import WidgetSink
from cyllama_jupyter.testing import FakeLLM, play
from tests.notebook.fakes import RecordingPublisher, task
from tests.notebook.wire import View, Wire

AGES = 600.0  # seconds
SLOW = 0.1  # tokens a second


class Live:
    """A cell whose output is a widget, and what came of it."""

    def __init__(self, wire: Wire, pump: Pump | None, **options: Any) -> None:  # noqa: ANN401 - those of FakeLLM
        self.shown = RecordingPublisher()
        self.kept: list[Response] = []
        self._wire = wire
        self._models: list[FakeLLM] = []
        self._options = options
        sink = WidgetSink(cast("DisplayPublisher", self.shown), LLMOutput(), pump)
        self.cell = Cell(
            task("--model a", ModelShelf(self._load)), sink, lambda answer: self.kept.append(answer.response)
        )

    def _load(self, _: Path, on_progress: OnProgress) -> FakeLLM:
        self._models.append(FakeLLM(on_progress=on_progress, **self._options))
        return self._models[-1]

    def view(self) -> View:
        """Return a page that was there from the beginning."""
        view = View()
        for message in self._wire.messages:
            view.read(message)
        return view

    def close(self) -> None:
        for llm in self._models:
            llm.close()


def stop_in(wire: Wire, phase: str) -> Pump:
    """Return a pump that brings the click of somebody who waits for a phase."""

    def pump() -> None:
        if any(message["phase"] == phase for message in wire.of_type("status")):
            wire.say(type="stop")

    return pump


@pytest.mark.parametrize(
    ("phase", "options"),
    [("prefill", {"prefill_seconds": AGES}), ("decode", {"rate": SLOW})],
)
def test_stop_ends_the_cell_and_keeps_the_answer(wire: Wire, phase: str, options: dict[str, Any]) -> None:
    live = Live(wire, stop_in(wire, phase), **options)
    live.cell.run()
    live.close()
    assert [answer.finish_reason for answer in live.kept] == ["cancelled"]
    end = live.view().end
    assert end is not None
    assert end["outcome"] == "stopped"
    assert end["footer"].startswith("stopped after 0 tokens")
    assert "stopped after 0 tokens" in live.shown.published[-1].data["text/html"]
    assert wire.closed == len(wire.opened)


def test_stop_in_the_load(wire: Wire) -> None:
    live = Live(wire, stop_in(wire, "loading"), load_seconds=AGES)
    with pytest.raises(LoadCancelled):
        live.cell.run()
    assert live.kept == []
    assert "stopped while loading" in live.shown.published[-1].data["text/html"]


def test_stop_of_a_cell_in_the_background(wire: Wire) -> None:
    live = Live(wire, None, rate=SLOW)
    job = Job(1, live.cell)
    wire.say(type="stop")
    assert job.wait(AGES)
    live.close()
    assert str(job).split()[1] == "cancelled"
    end = live.view().end
    assert end is not None
    assert end["outcome"] == "stopped"


def test_a_page_sees_every_phase_and_the_whole_text(wire: Wire) -> None:
    live = Live(wire, lambda: None, text="Hello 🙂, world", rate=40, prefill_seconds=0.1, load_seconds=0.1)
    live.cell.run()
    live.close()
    phases = [message["phase"] for message in wire.of_type("status")]
    assert sorted(set(phases), key=phases.index) == ["starting", "loading", "prefill", "decode"]
    assert live.view().text == live.kept[0] == "Hello 🙂, world"


def test_a_page_that_comes_in_the_middle_sees_the_same(wire: Wire) -> None:
    asked: list[str] = []

    def pump() -> None:
        if wire.of_type("delta") and not asked:
            asked.append("late")
            wire.say(type="replay", view="late")

    live = Live(wire, pump, text="word " * 40, rate=400)
    live.cell.run()
    live.close()
    late = View("late")
    begin = wire.messages.index(wire.of_type("replay")[0])
    for message in wire.messages[begin:]:
        late.read(message)
    first = live.view()
    assert (late.text, late.seq, late.end) == (first.text, first.seq, first.end)
    assert wire.closed == 0, "the final display does not reach a page that came late"


def test_what_is_sent_is_little_more_than_the_text(wire: Wire) -> None:
    text = "Ωmega 🙂 \n" * 4000
    live = Live(wire, lambda: None, text=text, chunk=8)
    live.cell.run()
    live.close()
    assert live.view().text == text
    sent = sum(len(json.dumps(message, ensure_ascii=False).encode()) for message in wire.messages)
    assert sent <= 1.2 * len(text.encode()) + 100 * len(wire.messages)


def test_play_is_a_cell_like_any_other(wire: Wire, shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = RecordingPublisher()
    sink = WidgetSink(cast("DisplayPublisher", shown), LLMOutput(), lambda: None)
    monkeypatch.setattr(FrontEnds, "sink", lambda _: sink)
    answer = play("Hello, **world**")
    assert answer == "".join(message["text"] for message in wire.of_type("delta"))
    assert "<strong>world</strong>" in shown.published[-1].data["text/html"]
