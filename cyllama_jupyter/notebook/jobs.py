"""Cells that run in the background: ``%%llm --bg``."""

import contextvars
import itertools
import threading
from collections.abc import Callable, Iterator

from cyllama_jupyter.errors import LoadCancelled
from cyllama_jupyter.notebook.cell import Cell
from cyllama_jupyter.notebook.interrupts import StopFlag

__all__ = ["Job", "Jobs"]

_SHOWN = 50  # characters of a prompt
_KEPT = 100  # jobs that have ended


class Job:
    """One cell on a thread of its own; its output streams on below it, and its errors are shown there.

    Once it has ended it holds neither the cell nor its answer.

    Args:
        number: What ``%llm stop`` calls it.
        cell: What to run; its ``ending_of`` tells all of an error, which is raised to nobody.
    """

    def __init__(self, number: int, cell: Cell) -> None:
        self.number = number
        title = cell.task.question.title
        self._title = title if len(title) <= _SHOWN else f"{title[:_SHOWN]}…"
        self._stop = StopFlag()
        self._ended = "running"
        cell.begin()  # while its own cell runs, or the output would land in whichever runs later
        context = (
            contextvars.copy_context()
        )  # in ipykernel 7 it says which cell output belongs to; 7.0 sends none without
        # A daemon: at the interpreter's exit the engine is stopped, and with it whatever this waits for.
        self._thread = threading.Thread(
            target=context.run, args=(self._run, cell), name=f"cyllama-job-{number}", daemon=True
        )
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Cancel it; what it wrote stays."""
        self._stop.set()

    def wait(self, seconds: float) -> bool:
        """Wait for its end, at most so long; return whether it has ended."""
        self._thread.join(seconds)
        return not self.running

    def __str__(self) -> str:
        return f"{self.number}  {self._ended:8}  {self._title}"

    def _run(self, cell: Cell) -> None:
        try:
            self._ended = cell.answer(self._stop).response.finish_reason
        except LoadCancelled:
            self._ended = "cancelled"
        except Exception:  # noqa: BLE001 - the output has told it, and nobody waits for this thread
            self._ended = "failed"


class Jobs:
    """The jobs of a notebook, from 1 on: all that run, and the last hundred that have ended."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._jobs: dict[int, Job] = {}

    def start(self, cell: Cell) -> Job:
        """Run a cell in the background."""
        for job in [job for job in self if not job.running][:-_KEPT]:
            del self._jobs[job.number]
        number = next(self._numbers)
        self._jobs[number] = Job(number, cell)
        return self._jobs[number]

    def __iter__(self) -> Iterator[Job]:
        """Iterate over the jobs, the first one first."""
        return iter(list(self._jobs.values()))

    def select(self, number: int | None) -> list[Job]:
        """Return one job, or with None all that run.

        Args:
            number: What ``%llm jobs`` calls it.

        Raises:
            KeyError: There is no such job, or it ended long ago.
        """
        return [self._jobs[number]] if number is not None else [job for job in self if job.running]

    def stop(self) -> None:
        """Cancel all that run."""
        for job in self.select(None):
            job.stop()

    def wait(self, jobs: list[Job], tick: Callable[[], bool]) -> bool:
        """Wait for jobs, calling ``tick()`` some thirty times a second; it returns True to give up.

        Args:
            jobs: What to wait for.
            tick: Looks around.

        Returns:
            Whether all have ended.
        """
        while not all(job.wait(1 / 30) for job in jobs):
            if tick():
                return False
        return True
