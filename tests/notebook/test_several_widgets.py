"""Several answers in a page that shows widgets: a grid of live outputs, static in the end."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from IPython.core.displaypub import DisplayPublisher

from cyllama_jupyter import LLMOutput
from cyllama_jupyter.notebook import frontend
from cyllama_jupyter.notebook.frontend import FrontEnds
from cyllama_jupyter.notebook.interrupts import StopFlag
from cyllama_jupyter.notebook.several import answer_several
from cyllama_jupyter.notebook.sinks import (
    Ending,
    HeadlessColumns,
    HtmlColumns,
    Outcome,
    Running,
    Status,
    TerminalColumns,
)
from cyllama_jupyter.notebook.sinks.grid import final_grid
from cyllama_jupyter.notebook.sinks.look import final
from cyllama_jupyter.notebook.sinks.widget_columns import WidgetColumns
from tests.notebook.columns import answers
from tests.notebook.fakes import RecordingPublisher
from tests.notebook.wire import View, Wire

VIEW = "application/vnd.jupyter.widget-view+json"
WRITING = Status("decode", "writing · 1 token")
ONE, TWO = Ending("the first", ("3 tokens",)), Ending("the sec", ("stopped",), outcome=Outcome.STOPPED)
MODELS = 2 * 2 + 2  # two outputs and the grid, each with its layout


class Shown:
    """Two widgets side by side, and what a page says to them through the pump."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.published = RecordingPublisher()
        self.outputs = [LLMOutput(caption="1 of 2"), LLMOutput(caption="2 of 2")]
        self.said: list[tuple[int, dict[str, object]]] = []
        self.pumped = 0
        self.sink = WidgetColumns(cast("DisplayPublisher", self.published), self.outputs, self.pump)

    def say(self, place: int, **content: object) -> None:
        """Say something as a page of one widget; it is heard in the next call of the pump."""
        self.said.append((place, content))

    def pump(self) -> None:
        self.pumped += 1
        said, self.said = self.said, []
        for place, content in said:
            self.outputs[place]._handle_custom_msg(content, [])


@pytest.fixture
def shown(wire: Wire) -> Shown:
    return Shown(wire)


def test_one_display_holds_them_all_in_a_grid(shown: Shown) -> None:
    (display,) = shown.published.published
    grid = next(state for state in shown.wire.opened if "children" in state)
    assert grid["children"] == [f"IPY_MODEL_{output.model_id}" for output in shown.outputs]
    assert display.data[VIEW]["model_id"] not in {output.model_id for output in shown.outputs}
    assert [state["caption"] for state in shown.wire.opened if "caption" in state] == ["1 of 2", "2 of 2"]


def test_all_show_the_load(shown: Shown) -> None:
    shown.sink.update(Status("loading", "loading", 0.4))
    assert [message["label"] for message in shown.wire.messages] == ["loading", "loading"]


def test_each_gets_what_is_new_of_its_own(shown: Shown) -> None:
    shown.sink.update_each([Running(WRITING, "the"), Running(WRITING, "the")])
    shown.wire.messages.clear()
    shown.sink.update_each([Running(WRITING, "the first"), Running(WRITING, "the")])
    assert [message["text"] for message in shown.wire.messages] == [" first"]


def test_one_that_ends_early_is_ended_once(shown: Shown) -> None:
    for text in ("the", "the s"):
        shown.sink.update_each([ONE, Running(WRITING, text)])
    assert len(shown.wire.of_type("end")) == 1
    assert len(shown.published.published) == 1, "the static grid comes with the last"


def test_the_end_is_a_static_grid_in_the_same_display(shown: Shown) -> None:
    shown.sink.update_each([ONE, Running(WRITING, "the")])
    shown.sink.finish_each([ONE, TWO])
    first, last = shown.published.published
    assert last.update
    assert last.transient == first.transient
    assert last.data == final_grid([ONE, TWO])
    assert [message["outcome"] for message in shown.wire.of_type("end")] == ["done", "stopped"]
    assert shown.wire.closed == len(shown.wire.opened) == MODELS


def test_where_there_are_no_answers_one_ending_stands_for_all(shown: Shown) -> None:
    shown.sink.finish(TWO)
    assert shown.published.published[-1].data == final(TWO)
    assert len(shown.wire.of_type("end")) == 2
    assert shown.wire.closed == MODELS


def test_each_has_its_stop(shown: Shown) -> None:
    assert list(shown.sink.poll_each()) == [False, False]
    assert not shown.sink.poll()
    shown.say(1, type="stop")
    assert list(shown.sink.poll_each()) == [False, True]
    assert shown.sink.poll(), "before there are answers, any of them stops the load"


def test_it_pumps_once_for_all(shown: Shown) -> None:
    shown.sink.poll_each()
    assert shown.pumped == 1


def test_where_a_page_came_late_to_one_all_stay_and_answer(shown: Shown) -> None:
    shown.say(0, type="replay", view="late")
    shown.sink.finish_each([ONE, TWO])
    assert shown.wire.closed == 0
    shown.say(1, type="replay", view="later")
    shown.pump()
    assert [message["to"] for message in shown.wire.of_type("replay")] == ["late", "later"]
    assert shown.wire.messages[-1]["end"]["outcome"] == "stopped"


def test_finished_twice_the_second_stands_and_nothing_follows_an_end(shown: Shown) -> None:
    shown.sink.finish_each([ONE, TWO])
    shown.sink.finish_each([ONE, TWO])
    assert len(shown.wire.of_type("end")) == 2
    assert shown.published.published[-1].data == final_grid([ONE, TWO])


@pytest.mark.parametrize("count", range(1, 9))
def test_all_together_stay_far_below_the_rate_limit(wire: Wire, count: int) -> None:
    outputs = [LLMOutput() for _ in range(count)]
    sink = WidgetColumns(cast("DisplayPublisher", RecordingPublisher()), outputs, None)
    assert 2 * count / sink.interval <= 120, "messages a second: a status and a delta each"
    assert sink.interval <= 0.15


def test_a_page_that_came_in_the_middle_sees_the_same(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(shown.outputs[1], "send", sent.append)

    def pump() -> None:
        if any(message["type"] == "delta" for message in sent) and not shown.outputs[1].replayed:
            shown.say(1, type="replay", view="late")
        shown.pump()

    sink = WidgetColumns(cast("DisplayPublisher", shown.published), shown.outputs, pump)
    with answers({"text": "short"}, {"text": "Hello 🙂, world", "rate": 30.0}) as generations:
        answer_several(generations, sink, StopFlag(), lambda _, answer: Ending(answer.text, ("5 tokens",)))
    early, late = View(), View("late")
    for message in sent:
        early.read(message)
    for message in sent[[message["type"] for message in sent].index("replay") :]:
        late.read(message)
    assert early.text == late.text == "Hello 🙂, world"
    assert early.end == late.end
    assert shown.wire.closed == 0


class Shell:
    """A shell with a kernel, which is asked by a page or by an executor."""

    def __init__(self, *, allow_stdin: bool = True) -> None:
        self.display_pub = RecordingPublisher()
        self.kernel = self
        self._parent = {"header": {"session": "tab"}, "content": {"allow_stdin": allow_stdin}}

    def get_parent(self) -> dict[str, Any]:
        return self._parent


class TestWhoLooksOn:
    @pytest.fixture(autouse=True)
    def _pump(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(frontend, "find_pump", lambda _: lambda: None)
        monkeypatch.setattr("cyllama_jupyter.notebook.sinks.widget._LOOK", 1e-6)
        monkeypatch.setattr("cyllama_jupyter.notebook.sinks.widget._HELLO_SECONDS", 60e-6)
        monkeypatch.setattr("cyllama_jupyter.notebook.sinks.widget._KNOWN_SECONDS", 60e-6)

    def test_a_page_that_says_hello_gets_widgets_with_captions(self, wire: Wire) -> None:
        wire.greets = True
        assert isinstance(FrontEnds(Shell()).sinks(3), WidgetColumns)
        captions = [state["caption"] for state in wire.opened if "caption" in state]
        assert captions == ["1 of 3", "2 of 3", "3 of 3"]

    def test_without_a_hello_one_was_tried_and_nothing_is_left_open(self, wire: Wire) -> None:
        shell = Shell()
        front_ends = FrontEnds(shell)
        assert isinstance(front_ends.sinks(3), HtmlColumns)
        assert wire.closed == len(wire.opened) == 2
        assert isinstance(front_ends.sinks(3), HtmlColumns)
        assert len(wire.opened) == 2, "who said nothing is not asked again"
        assert shell.display_pub.published == []

    def test_executors_and_terminals(self, wire: Wire) -> None:
        wire.greets = True
        assert isinstance(FrontEnds(Shell(allow_stdin=False)).sinks(2), HeadlessColumns)
        assert isinstance(FrontEnds(SimpleNamespace()).sinks(2), TerminalColumns)
        assert wire.opened == []

    @pytest.mark.usefixtures("wire")
    @pytest.mark.parametrize(("background", "way"), [(False, "■ in the toolbar"), (True, "%llm stop")])
    def test_without_buttons_it_says_how_to_stop(self, way: str, *, background: bool) -> None:
        shell = Shell()
        FrontEnds(shell).sinks(2, background=background).update_each([Running(WRITING), Running(WRITING)])
        assert shell.display_pub.published[0].data["text/html"].count(f"stop it with {way}") == 1

    def test_shown_again_they_are_static(self, wire: Wire) -> None:
        shell = Shell()
        FrontEnds(shell).show_several([ONE, TWO])
        assert [display.data for display in shell.display_pub.published] == [final_grid([ONE, TWO])]
        assert wire.opened == []
