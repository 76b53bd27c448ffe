"""Who looks on: the sink that a cell gets."""

import itertools
import signal
from types import SimpleNamespace
from typing import Any

import pytest

from cyllama_jupyter.notebook import frontend
from cyllama_jupyter.notebook.frontend import FrontEnds
from cyllama_jupyter.notebook.protocol import VERSION
from cyllama_jupyter.notebook.sinks import Ending, HeadlessSink, HtmlSink, Status, TerminalSink
from cyllama_jupyter.notebook.sinks.widget import WidgetSink
from tests.notebook.fakes import RecordingPublisher
from tests.notebook.wire import Wire


class Shell:
    """A shell with a kernel, which is asked by clients of several sessions."""

    def __init__(self, *, allow_stdin: bool = True) -> None:
        self.display_pub = RecordingPublisher()
        self.kernel = self
        self.session = "tab 1"
        self.allow_stdin = allow_stdin

    def get_parent(self) -> dict[str, Any]:
        return {"header": {"session": self.session}, "content": {"allow_stdin": self.allow_stdin}}


def shell_asked_by(parent: object) -> Any:  # noqa: ANN401 - half a shell
    return SimpleNamespace(kernel=SimpleNamespace(get_parent=lambda: parent), display_pub=RecordingPublisher())


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a hello as often as ever, but not as long."""
    monkeypatch.setattr("cyllama_jupyter.notebook.sinks.widget._LOOK", 1e-6)
    monkeypatch.setattr("cyllama_jupyter.notebook.sinks.widget._HELLO_SECONDS", 60e-6)


@pytest.fixture
def pump(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Give every kernel a pump, and return its calls."""
    calls: list[int] = []
    monkeypatch.setattr(frontend, "find_pump", lambda _: lambda: calls.append(1))
    return calls


class TestWhoLooksOn:
    @pytest.mark.parametrize(
        ("parent", "kind"),
        [
            ({"content": {"allow_stdin": True}}, HtmlSink),
            ({"content": {"allow_stdin": False}}, HeadlessSink),
            ({"content": {}}, HtmlSink),
            ({"content": None}, HtmlSink),
            ({}, HtmlSink),
            (None, HtmlSink),
        ],
    )
    def test_asks_the_request(self, parent: object, kind: type) -> None:
        front_ends = FrontEnds(shell_asked_by(parent))
        assert type(front_ends.sink()) is kind
        assert front_ends.watched == (kind is HtmlSink)

    def test_a_kernel_that_knows_no_parent(self) -> None:
        assert isinstance(FrontEnds(SimpleNamespace(kernel=object(), display_pub=None)).sink(), HtmlSink)

    @pytest.mark.parametrize("shell", [SimpleNamespace(), SimpleNamespace(kernel=None)])
    def test_no_kernel_is_a_terminal(self, shell: object) -> None:
        front_ends = FrontEnds(shell)
        assert isinstance(front_ends.sink(), TerminalSink)
        assert front_ends.watched
        assert front_ends.pump() is None

    def test_each_request_anew(self) -> None:
        shell = Shell()
        front_ends = FrontEnds(shell)
        assert isinstance(front_ends.sink(), HtmlSink)
        shell.allow_stdin = False
        assert isinstance(front_ends.sink(), HeadlessSink)


class TestWidgets:
    def test_a_page_that_says_hello_gets_one(self, wire: Wire, pump: list[int]) -> None:
        wire.greets = True
        shell = Shell()
        sink = FrontEnds(shell).sink()
        assert isinstance(sink, WidgetSink)
        (display,) = shell.display_pub.published
        assert "application/vnd.jupyter.widget-view+json" in display.data
        pump.clear()
        sink.poll()
        assert pump

    def test_a_background_cell_does_not_pump(self, wire: Wire, pump: list[int]) -> None:
        wire.greets = True
        sink = FrontEnds(Shell()).sink(background=True)
        pump.clear()
        sink.poll()
        assert pump == []

    def test_without_a_hello_it_is_html_and_nothing_is_left_open(self, wire: Wire, pump: list[int]) -> None:
        shell = Shell()
        assert isinstance(FrontEnds(shell).sink(), HtmlSink)
        assert len(pump) == 60
        assert wire.closed == len(wire.opened) == 2
        assert shell.display_pub.published == []

    @pytest.mark.usefixtures("wire", "pump")
    @pytest.mark.parametrize(("background", "way"), [(False, "■ in the toolbar"), (True, "%llm stop")])
    def test_without_a_button_it_says_how_to_stop(self, way: str, *, background: bool) -> None:
        shell = Shell()
        sink = FrontEnds(shell).sink(background=background)
        sink.update(Status("starting", "starting"))
        assert f"starting · stop it with {way}" in shell.display_pub.published[0].data["text/html"]
        sink.finish(Ending("Hello"))
        assert "stop it" not in shell.display_pub.published[1].data["text/html"]

    def test_who_said_nothing_is_not_asked_again(self, wire: Wire, pump: list[int]) -> None:
        shell = Shell()
        front_ends = FrontEnds(shell)
        front_ends.sink()
        pump.clear()
        wire.opened.clear()
        assert isinstance(front_ends.sink(), HtmlSink)
        assert (pump, wire.opened) == ([], [])

    def test_who_said_hello_before_is_waited_for(self, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
        """On a busy machine the next hello may take long, and without a widget there would be no Stop."""
        looks = itertools.count()

        def greet_late() -> None:
            if next(looks) == 100:  # a page that nobody knows is given up after 60
                wire.say(type="hello", version=VERSION)

        monkeypatch.setattr(frontend, "find_pump", lambda _: greet_late)
        front_ends = FrontEnds(Shell())
        wire.greets = True
        assert isinstance(front_ends.sink(), WidgetSink)
        wire.greets = False
        assert isinstance(front_ends.sink(), WidgetSink)

    @pytest.mark.usefixtures("pump")
    def test_another_page_is_asked(self, wire: Wire) -> None:
        shell = Shell()
        front_ends = FrontEnds(shell)
        front_ends.sink()
        shell.session, wire.greets = "tab 2", True
        assert isinstance(front_ends.sink(), WidgetSink)
        shell.session = "tab 1"
        assert isinstance(front_ends.sink(), HtmlSink)

    def test_executors_see_nothing_of_it(self, wire: Wire, pump: list[int]) -> None:
        wire.greets = True
        assert isinstance(FrontEnds(Shell(allow_stdin=False)).sink(), HeadlessSink)
        assert (pump, wire.opened) == ([], [])

    def test_where_no_pump_can_work_there_is_none(self, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
        wire.greets = True
        monkeypatch.setattr(frontend, "find_pump", lambda _: None)
        assert isinstance(FrontEnds(Shell()).sink(), HtmlSink)
        assert wire.opened == []

    @pytest.mark.parametrize("greets", [True, False])
    def test_an_interrupt_meanwhile_waits_for_the_pump(
        self, wire: Wire, monkeypatch: pytest.MonkeyPatch, *, greets: bool
    ) -> None:
        handled = []

        def interrupted() -> None:
            signal.raise_signal(signal.SIGINT)
            handled.append("to its end")

        monkeypatch.setattr(frontend, "find_pump", lambda _: interrupted)
        monkeypatch.setattr("cyllama_jupyter.notebook.sinks.widget._HELLO_SECONDS", 2e-6)
        wire.greets = greets
        front_ends = FrontEnds(Shell())
        with pytest.raises(KeyboardInterrupt, match="stopped before it began"):
            front_ends.sink()
        assert handled
        assert wire.closed == len(wire.opened) == 2
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        monkeypatch.setattr(frontend, "find_pump", lambda _: lambda: None)
        wire.greets = True
        assert isinstance(front_ends.sink(), WidgetSink), "an interrupt says nothing about the page"


class TestShow:
    def test_is_static_and_opens_nothing(self, wire: Wire, pump: list[int]) -> None:
        shell = Shell()
        FrontEnds(shell).show(Ending("Hello", ("1 token",)))
        assert [sorted(display.data) for display in shell.display_pub.published] == [["text/html", "text/plain"]]
        assert (pump, wire.opened) == ([], [])

    def test_without_timings_where_nobody_looks_on(self) -> None:
        shell = Shell(allow_stdin=False)
        FrontEnds(shell).show(Ending("Hello", ("1 token",), ("1 s",)))
        assert "1 s" not in shell.display_pub.published[0].data["text/html"]

    def test_in_a_terminal(self, capsys: pytest.CaptureFixture[str]) -> None:
        FrontEnds(SimpleNamespace()).show(Ending("Hello", ("1 token",)))
        assert capsys.readouterr() == ("Hello\n", "1 token\n")


@pytest.mark.usefixtures("pump")
@pytest.mark.parametrize(
    "shell", [Shell(), Shell(allow_stdin=False), SimpleNamespace()], ids=["page", "executor", "tty"]
)
def test_a_cell_can_write_to_any(wire: Wire, shell: object) -> None:
    wire.greets = True
    for _ in range(2):
        sink = FrontEnds(shell).sink()
        sink.update(Status("starting", "starting"))
        sink.update(Status("decode", "writing"), "Hello")
        assert not sink.poll()
        sink.finish(Ending("Hello"))
