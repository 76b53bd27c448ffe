"""How often a cell paints."""

from cyllama_jupyter.notebook.painter import Painter
from cyllama_jupyter.notebook.sinks import Status
from tests.notebook.fakes import NEVER, Clock, RecordingSink


class SlowSink(RecordingSink):
    """Takes its time."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        super().__init__(interval=0.1)
        self._clock, self._seconds = clock, seconds

    def update(self, status: Status, text: str = "") -> None:
        super().update(status, text)
        self._clock.now += self._seconds


def paints(sink: RecordingSink, clock: Clock, seconds: float) -> int:
    """Offer a paint every millisecond, and count those that were due."""
    painter, end = Painter(sink, clock), clock.now + seconds
    while clock.now < end:
        if painter.due():
            painter.paint(Status("decode", str(clock.now)))
        clock.now += 0.001
    return len(sink.updates)


def test_at_most_ten_times_a_second() -> None:
    assert 95 <= paints(RecordingSink(interval=0.1), Clock(), 10) <= 100


def test_less_where_a_paint_takes_long() -> None:
    clock = Clock()
    assert 8 <= paints(SlowSink(clock, 0.1), clock, 10) <= 10  # a tenth of the time at most


def test_what_is_shown_is_not_painted_again() -> None:
    sink = RecordingSink()
    painter = Painter(sink, Clock())
    for text in ("a", "a", "ab", "ab"):
        painter.paint(Status("decode", "x"), text)
    assert [text for _, text in sink.updates] == ["a", "ab"]


def test_the_first_is_due_at_once() -> None:
    assert Painter(RecordingSink(interval=0.1), Clock()).due()


def test_a_sink_that_wants_none_gets_the_first_alone() -> None:
    assert paints(RecordingSink(interval=NEVER), Clock(), 10) == 1
