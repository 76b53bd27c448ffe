"""Cells that run in the background: ``%%llm --bg``."""

import contextvars
import itertools
import threading
from collections.abc import Callable, Iterator

from cyllama_jupyter.errors import LoadCancelled
from cyllama_jupyter.notebook.cell import Cell
from cyllama_jupyter.notebook.interrupts import StopFlag
from cyllama_jupyter.notebook.wording import failed

__all__ = ["Job", "Jobs"]

_SHOWN = 50


class Job:
    """One cell on a thread of its own; its output streams on below it, and its errors are shown there.

    Args:
        number: What ``%llm stop`` calls it.
        cell: What to run.
    """

    def __init__(self, number: int, cell: Cell) -> None:
        self.number = number
        self._cell = cell
        self._stop = StopFlag()
        self._ended = "running"
        cell.begin()  # while its own cell runs, or the output would land in whichever runs later
        context = (
            contextvars.copy_context()
        )  # in ipykernel 7 it says which cell output belongs to; 7.0 sends none without
        # A daemon: at the interpreter's exit the engine is stopped, and with it whatever this waits for.
        self._thread = threading.Thread(
            target=context.run, args=(self._run,), name=f"cyllama-job-{number}", daemon=True
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
        prompt = " ".join(self._cell.prompt.split())
        shown = prompt if len(prompt) <= _SHOWN else f"{prompt[:_SHOWN]}…"
        return f"{self.number}  {self._ended:8}  {shown}"

    def _run(self) -> None:
        try:
            self._ended = self._cell.answer(self._stop).finish_reason
        except LoadCancelled:
            self._ended = "cancelled"
        except Exception as error:  # noqa: BLE001 - nobody waits for this thread: it is told in the output instead
            self._ended = "failed"
            self._cell.sink.finish(failed(error, self._cell.text))


class Jobs:
    """The jobs of a notebook, from 1 on."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._jobs: dict[int, Job] = {}

    def start(self, cell: Cell) -> Job:
        """Run a cell in the background."""
        number = next(self._numbers)
        self._jobs[number] = Job(number, cell)
        return self._jobs[number]

    def __iter__(self) -> Iterator[Job]:
        """Iterate over all jobs, the first one first."""
        return iter(list(self._jobs.values()))

    def select(self, number: int | None) -> list[Job]:
        """Return one job, or with None all that run.

        Args:
            number: What ``%llm jobs`` calls it.

        Raises:
            KeyError: There is no such job.
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
