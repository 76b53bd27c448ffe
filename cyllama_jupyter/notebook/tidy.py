"""Errors in one line: what a user can act on, without our frames above it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from cyllama_jupyter.errors import CyllamaError

__all__ = ["tidy", "tidy_errors"]

_Error = TypeVar("_Error", bound=BaseException)
_RENDERER = "_render_traceback_"  # IPython asks the exception for it before it makes a traceback


def tidy(error: _Error) -> _Error:
    """Give an exception one line in place of its traceback, and return it; it still has to be raised.

    The name of the error reaches the front end unchanged, which a subclass would not let it.

    Args:
        error: The exception to be raised.
    """
    message = " ".join(str(error).split())
    line = f"{type(error).__name__}: {message}" if message else type(error).__name__
    vars(error).setdefault(_RENDERER, lambda: [line])
    return error


@contextmanager
def tidy_errors(*, debug: bool = False) -> Iterator[None]:
    """Let errors of this package, and interrupts, leave the block in one line each.

    Args:
        debug: Leave errors their tracebacks.

    Raises:
        CyllamaError: As it came.
        KeyboardInterrupt: As it came.
    """
    try:
        yield
    except (CyllamaError, KeyboardInterrupt) as error:
        if not debug:
            tidy(error)
        raise
