"""llama.cpp's log lines as ``logging`` records of the logger ``cyllama_jupyter.llama``."""

import logging
import sys
from collections.abc import Iterator

from cyllama_jupyter._native import log

__all__ = ["LOGGER", "forward", "install", "show"]

LOGGER = logging.getLogger("cyllama_jupyter.llama")
_FAMILY = (LOGGER, logging.getLogger("cyllama_jupyter"))
_LEVELS = {0: logging.DEBUG, 1: logging.DEBUG, 2: logging.INFO, 3: logging.WARNING, 4: logging.ERROR, 5: logging.INFO}


def install() -> None:
    """Take llama.cpp's log over. It is global to the process, so this is done again before every load."""
    log.install()


def show() -> None:
    """Print the lines to stderr as they are forwarded, unless the program has its own handler for them."""
    LOGGER.setLevel(logging.DEBUG)
    if not LOGGER.handlers:
        LOGGER.addHandler(logging.StreamHandler(sys.stderr))


def forward(ceiling: int = logging.CRITICAL) -> list[str]:
    """Send the lines that have come since the last call to ``logging``.

    What is no warning is sent only where somebody has given this logger, or the package's, a level or a handler:
    llama.cpp says hundreds of lines at every load, which a program that looks at its own has not asked for.

    Args:
        ceiling: The highest level to send them at: llama.cpp logs a cancel as an error, which it is not.

    Returns:
        The lines that llama.cpp logged as warnings or errors.
    """
    complaints = []
    wanted = logging.DEBUG if _is_asked_for() else logging.WARNING
    for level, line in _lines():
        if min(level, ceiling) >= wanted:
            LOGGER.log(min(level, ceiling), "%s", line)
        if level >= logging.WARNING:
            complaints.append(line)
    return complaints


def _is_asked_for() -> bool:
    handlers = [handler for logger in _FAMILY for handler in logger.handlers]
    return any(logger.level for logger in _FAMILY) or any(
        not isinstance(each, logging.NullHandler) for each in handlers
    )


def _lines() -> Iterator[tuple[int, str]]:
    for ggml_level, line in log.drain():
        if line.strip():
            yield _LEVELS.get(ggml_level, logging.WARNING), line.strip()
