"""Tells of the ends of generations, on a thread of its own."""

import _thread
import logging
import sys
import threading
from typing import TYPE_CHECKING, cast

from cyllama_jupyter._native.scheduler import Scheduler
from cyllama_jupyter._native.wakeup import Wakeup
from cyllama_jupyter.engine import logs
from cyllama_jupyter.engine.waiting import SLICE

if TYPE_CHECKING:
    from cyllama_jupyter.engine.run import Run

__all__ = ["Reporter"]

_LONG = 3600.0  # seconds; it is notified


class Reporter:
    """Runs the callbacks of what has ended and sends llama.cpp's log on, so that the engine's thread needs no GIL."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._stopped = False
        self._ended = Wakeup()
        self._over = True

    def start(self) -> int:
        """Start its thread and return the identifier."""
        self._over = False
        return _thread.start_new_thread(self._run, ())

    def stop(self) -> None:
        """Let it report the rest, and wait for that."""
        self._stopped = True
        self._scheduler.ended.notify()
        while not self._over:
            self._ended.wait(SLICE)

    def _run(self) -> None:
        threading.current_thread().name = "cyllama-reporter"
        try:
            while not self._stopped:
                self._scheduler.ended.wait(_LONG)
                self._report()
            self._report()
        finally:
            self._over = True
            self._ended.notify()

    def _report(self) -> None:
        """Run the callbacks and send the log on, in which cancels and full contexts stand as errors."""
        ended = cast("list[Run]", self._scheduler.take_ended())
        for run in ended:
            run.report()
        if ended:
            _forward_logs(logging.CRITICAL if any(run.outcome == "failed" for run in ended) else logging.DEBUG)


def _forward_logs(ceiling: int) -> None:
    """Send the log on; a handler of the program's that raises must not end the engine."""
    try:
        logs.forward(ceiling)
    except BaseException:  # noqa: BLE001 - as logging itself treats what handlers raise
        if logging.raiseExceptions:
            sys.excepthook(*sys.exc_info())
