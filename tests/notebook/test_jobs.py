"""Cells that run in the background."""

import contextvars
import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import cast

import pytest

from cyllama_jupyter.errors import LoadCancelled, LoadError
from cyllama_jupyter.notebook.cell import Cell
from cyllama_jupyter.notebook.interrupts import Flag
from cyllama_jupyter.notebook.jobs import Job, Jobs
from cyllama_jupyter.notebook.sinks import Status
from tests.notebook.fakes import RecordingSink, response

SECONDS = 60.0


class FakeCell:
    """Runs until it may go on, or fails."""

    def __init__(self, prompt: str = "Hi", error: Exception | None = None, text: str = "") -> None:
        self.task = SimpleNamespace(question=SimpleNamespace(title=" ".join(prompt.split())))
        self.text = text
        self.sink = RecordingSink()
        self.threads: list[threading.Thread] = []
        self.stopped: bool | None = None
        self.during: Callable[[], object] = lambda: None
        self._error = error
        self._go_on = threading.Event()

    def begin(self) -> None:
        self.threads.append(threading.current_thread())
        self.sink.update(Status("starting", "starting"))

    def answer(self, flag: Flag) -> SimpleNamespace:
        self.threads.append(threading.current_thread())
        assert self._go_on.wait(SECONDS)
        self.during()
        self.stopped = bool(flag)
        if self._error is not None:
            raise self._error
        return SimpleNamespace(response=response(self.text, "cancelled" if flag else "stop"))

    def go_on(self) -> None:
        self._go_on.set()

    @property
    def as_cell(self) -> Cell:
        return cast("Cell", self)


@pytest.fixture
def cell() -> Iterator[FakeCell]:
    """Return a cell that goes on at the latest when the test ends."""
    cell = FakeCell("  Why is the\nsky blue? ")
    yield cell
    cell.go_on()


class TestJob:
    def test_it_runs_on_a_thread_of_its_own(self, cell: FakeCell) -> None:
        job = Job(1, cell.as_cell)
        assert job.running
        assert not job.wait(0.0)
        cell.go_on()
        assert job.wait(SECONDS)
        assert not job.running
        assert cell.threads[-1] is not threading.main_thread()
        assert cell.threads[-1].daemon
        assert cell.stopped is False

    def test_what_it_shows_first_belongs_to_its_own_cell(self, cell: FakeCell) -> None:
        """Displays made on another thread, later, would land below whichever cell runs then."""
        Job(1, cell.as_cell)
        assert cell.threads[0] is threading.main_thread()
        assert cell.sink.labels == ["starting"]

    def test_it_runs_in_the_context_of_its_cell(self, cell: FakeCell) -> None:
        """In ipykernel 7 that says where output belongs."""
        request = contextvars.ContextVar("request", default="none")
        seen: list[str] = []
        cell.during = lambda: seen.append(request.get())
        token = request.set("the cell's")
        job = Job(1, cell.as_cell)
        request.reset(token)
        cell.go_on()
        assert job.wait(SECONDS)
        assert seen == ["the cell's"]

    def test_stop(self, cell: FakeCell) -> None:
        job = Job(1, cell.as_cell)
        job.stop()
        cell.go_on()
        assert job.wait(SECONDS)
        assert cell.stopped is True
        assert str(job).split() == ["1", "cancelled", "Why", "is", "the", "sky", "blue?"]

    @pytest.mark.parametrize(
        ("error", "word"), [(None, "stop"), (LoadCancelled("x"), "cancelled"), (LoadError("x"), "failed")]
    )
    def test_how_it_ended(self, error: Exception | None, word: str) -> None:
        cell = FakeCell(error=error)
        job = Job(12, cell.as_cell)
        assert str(job) == "12  running   Hi"
        cell.go_on()
        assert job.wait(SECONDS)
        assert str(job) == f"12  {word:8}  Hi"

    def test_once_ended_it_holds_neither_the_cell_nor_what_that_holds(self) -> None:
        cell = FakeCell()
        held = weakref.ref(cell)
        cell.go_on()
        job = Job(1, cell.as_cell)
        del cell
        assert job.wait(SECONDS)
        gc.collect()
        assert held() is None

    def test_a_long_prompt_is_cut(self) -> None:
        cell = FakeCell("word " * 100)
        cell.go_on()
        job = Job(1, cell.as_cell)
        assert job.wait(SECONDS)
        assert len(str(job)) < 70
        assert str(job).endswith("…")


class TestJobs:
    @pytest.fixture
    def cells(self) -> Iterator[list[FakeCell]]:
        """Return cells that go on at the latest when the test ends."""
        cells = [FakeCell(str(number)) for number in range(3)]
        yield cells
        for cell in cells:
            cell.go_on()

    @pytest.fixture
    def jobs(self, cells: list[FakeCell]) -> Jobs:
        jobs = Jobs()
        for cell in cells:
            jobs.start(cell.as_cell)
        return jobs

    def test_are_numbered_from_1(self, jobs: Jobs) -> None:
        assert [job.number for job in jobs] == [1, 2, 3]

    def test_select(self, jobs: Jobs, cells: list[FakeCell]) -> None:
        assert [job.number for job in jobs.select(2)] == [2]
        assert [job.number for job in jobs.select(None)] == [1, 2, 3]
        cells[0].go_on()
        assert jobs.wait(jobs.select(1), lambda: False)
        assert [job.number for job in jobs.select(None)] == [2, 3]
        assert [job.number for job in jobs.select(1)] == [1]
        with pytest.raises(KeyError):
            jobs.select(4)

    def test_only_the_last_hundred_that_have_ended_are_kept(self, jobs: Jobs) -> None:
        for _ in range(103):
            cell = FakeCell()
            cell.go_on()
            assert jobs.start(cell.as_cell).wait(SECONDS)
        kept = [job.number for job in jobs]
        assert kept[:3] == [1, 2, 3]  # which run
        assert len(kept) == 3 + 101
        assert kept[-1] == 106
        with pytest.raises(KeyError):
            jobs.select(4)

    def test_stop_all(self, jobs: Jobs, cells: list[FakeCell]) -> None:
        jobs.stop()
        for cell in cells:
            cell.go_on()
        assert jobs.wait(list(jobs), lambda: False)
        assert [cell.stopped for cell in cells] == [True] * 3

    def test_wait_looks_around_and_can_be_given_up(self, jobs: Jobs) -> None:
        ticks: list[int] = []

        def tick() -> bool:
            ticks.append(1)
            return len(ticks) == 3

        assert not jobs.wait(list(jobs), tick)
        assert len(ticks) == 3
        assert all(job.running for job in jobs)

    def test_wait_goes_on_while_there_is_one(self, jobs: Jobs, cells: list[FakeCell]) -> None:
        waiting = iter(cells)

        def tick() -> bool:
            next(waiting).go_on()
            return False

        assert jobs.wait(list(jobs), tick)
        assert not any(job.running for job in jobs)

    def test_waiting_for_nothing_takes_no_time(self) -> None:
        assert Jobs().wait([], lambda: pytest.fail("there is nothing to wait for"))
