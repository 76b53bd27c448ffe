"""The widget as a cell's output: live while it runs, static when it has ended."""

from typing import cast

import pytest
from IPython.core.displaypub import DisplayPublisher

from cyllama_jupyter import LLMOutput
from cyllama_jupyter.notebook.sinks import Ending, Outcome, Status
from cyllama_jupyter.notebook.sinks.look import final
from cyllama_jupyter.notebook.sinks.widget import WidgetSink, greet
from tests.notebook.fakes import RecordingPublisher
from tests.notebook.wire import Wire

VIEW = "application/vnd.jupyter.widget-view+json"
WRITING = Status("decode", "writing · 1 token")
ENDING = Ending("Hello", ("1 token",), ("1 s",))


class Page:
    """A page at the other end of a pump: what it says is heard in the next call."""

    def __init__(self, wire: Wire) -> None:
        self.calls = 0
        self.says: list[dict[str, object]] = []
        self._wire = wire

    def __call__(self) -> None:
        self.calls += 1
        said, self.says = self.says, []
        for content in said:
            self._wire.hear(content)


@pytest.fixture
def page(wire: Wire) -> Page:
    return Page(wire)


@pytest.fixture
def shown() -> RecordingPublisher:
    return RecordingPublisher()


@pytest.fixture
def sink(shown: RecordingPublisher, page: Page) -> WidgetSink:
    """Return a sink with a pump."""
    return WidgetSink(cast("DisplayPublisher", shown), LLMOutput(), page)


def test_it_is_displayed_at_once(sink: WidgetSink, shown: RecordingPublisher, wire: Wire) -> None:
    (display,) = shown.published
    assert wire.last is not None
    assert display.data[VIEW]["model_id"] == wire.last.comm_id
    assert "text/plain" in display.data
    assert not display.update


def test_thirty_times_a_second() -> None:
    assert WidgetSink.interval == 1 / 30


def test_updates_go_over_the_wire_and_not_into_the_notebook(
    sink: WidgetSink, shown: RecordingPublisher, wire: Wire
) -> None:
    sink.update(WRITING)
    sink.update(WRITING, "Hel")
    assert [message["type"] for message in wire.messages] == ["status", "delta"]
    assert len(shown.published) == 1


def test_the_end_is_static_html_in_the_same_display(sink: WidgetSink, shown: RecordingPublisher, wire: Wire) -> None:
    sink.update(WRITING, "Hel")
    sink.finish(ENDING)
    first, last = shown.published
    assert last.update
    assert last.transient == first.transient
    assert last.data == final(ENDING)
    assert [message["type"] for message in wire.messages] == ["status", "delta", "delta", "end"]
    assert wire.closed == len(wire.opened) == 2  # its layout too: nothing is left in the notebook's metadata


def test_where_a_page_came_late_it_stays_open_and_answers(sink: WidgetSink, page: Page, wire: Wire) -> None:
    page.says = [{"type": "replay", "view": "late"}]
    assert not sink.poll()
    sink.finish(ENDING)
    assert wire.closed == 0
    wire.say(type="replay", view="later")
    assert [message["to"] for message in wire.of_type("replay")] == ["late", "later"]
    assert wire.messages[-1]["end"]["outcome"] == "done"


def test_a_page_that_came_in_the_last_moment_counts(sink: WidgetSink, page: Page, wire: Wire) -> None:
    page.says = [{"type": "replay", "view": "late"}]
    sink.finish(ENDING)
    assert wire.closed == 0
    assert wire.of_type("replay")


def test_stop(sink: WidgetSink, page: Page) -> None:
    assert not sink.poll()
    page.says = [{"type": "stop"}]
    assert sink.poll()
    assert sink.poll()


def test_a_background_cell_leaves_the_pumping_to_others(shown: RecordingPublisher, page: Page, wire: Wire) -> None:
    sink = WidgetSink(cast("DisplayPublisher", shown), LLMOutput(), None)
    page.says = [{"type": "stop"}]
    assert not sink.poll()
    page()
    assert sink.poll()


def test_finished_twice_the_second_stands(sink: WidgetSink, shown: RecordingPublisher) -> None:
    broken = Ending("Hel", ("stopped at once",), outcome=Outcome.STOPPED)
    sink.finish(ENDING)
    sink.finish(broken)
    assert shown.published[-1].data == final(broken)


class TestGreet:
    def test_a_page_that_says_hello(self, page: Page, wire: Wire) -> None:
        page.says = [{"type": "hello", "version": 1}]
        output = greet(page)
        assert output is not None
        assert page.calls == 1
        assert wire.closed == 0

    def test_nobody_does(self, page: Page, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("cyllama_jupyter.notebook.sinks.widget._LOOK", 1e-6)
        monkeypatch.setattr("cyllama_jupyter.notebook.sinks.widget._HELLO_SECONDS", 60e-6)
        assert greet(page) is None
        assert page.calls == 60
        assert wire.closed == len(wire.opened) == 2
