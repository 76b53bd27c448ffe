"""Calls that need a deep stack."""

import _thread
import threading
from collections.abc import Callable
from typing import TypeVar

from cyllama_jupyter._native.wakeup import Wakeup
from cyllama_jupyter.engine.waiting import SLICE

__all__ = ["call"]

_T = TypeVar("_T")
_PAGE = 4096
_sizing = threading.Lock()  # the size of the next thread's stack is a setting of the whole process


def call(function: Callable[[], _T], stack_bytes: int) -> _T:
    """Return ``function()``, run on a thread whose stack is so deep; the system grants it page by page, as it is used.

    Args:
        function: Releases the GIL where it takes long. After Ctrl-C it goes on to its end, and nobody hears of it.
        stack_bytes: Size of the stack.

    Raises:
        RuntimeError: The system has no such stack to give.
        BaseException: Whatever the function raised.
    """
    results: list[tuple[_T | None, BaseException | None]] = []
    done = Wakeup()

    def run() -> None:
        try:
            results.append((function(), None))
        except BaseException as error:  # noqa: BLE001 - raised by the thread that waits
            results.append((None, error))
        done.notify()

    with _sizing:
        before = threading.stack_size()
        try:
            threading.stack_size(-(-stack_bytes // _PAGE) * _PAGE)
            _thread.start_new_thread(run, ())
        finally:
            threading.stack_size(before)
    while not results:
        done.wait(SLICE)
    result, error = results[0]
    if error is not None:
        raise error
    return result  # type: ignore[return-value] # without an error it is what the function returned
