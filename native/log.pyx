"""llama.cpp's log lines, kept in a lock-free ring until Python drains them."""

from cyllama_jupyter._native cimport llama

cdef extern from "log_ring.hpp" namespace "cyllama" nogil:
    cdef cppclass LogRing:
        void push(int level, const char *text)
        Py_ssize_t pop(int *level, char *text)
        size_t take_dropped()

cdef enum:
    PART_BYTES = 512  # LogRing::part_bytes
    CONTINUATION = 5  # GGML_LOG_LEVEL_CONT

cdef LogRing _ring  # lives as long as the process: llama.cpp may log after Python is gone


cdef void _push(llama.ggml_log_level level, const char *text, void *user_data) noexcept nogil:
    _ring.push(<int> level, text)


def install():
    """Send llama.cpp's log to the ring; process-global (``llama_log_set``): the last library to call it wins."""
    cdef llama.ggml_log_callback current = NULL
    cdef void *user_data = NULL
    llama.llama_log_get(&current, &user_data)
    if current is not <llama.ggml_log_callback> _push:  # or another thread's decode would read what is being written
        llama.llama_log_set(_push, NULL)


def drain():
    """Take the lines that have come since the last call.

    Returns:
        Pairs of ggml's level (1 debug, 2 info, 3 warning, 4 error) and the text. A first line of level 5 goes on with
        the last one of the call before; a level of 0 reports lines that were dropped because nobody drained.
    """
    cdef char text[PART_BYTES]
    cdef int level = 0
    cdef Py_ssize_t length
    lines = []
    while True:
        length = _ring.pop(&level, text)
        if length < 0:
            break
        part = <bytes> text[:length]
        if level == CONTINUATION and lines:
            lines[-1] = (lines[-1][0], lines[-1][1] + part)
        else:
            lines.append((level, part))
    lines = [(kind, line.decode("utf-8", "replace")) for kind, line in lines]
    dropped = _ring.take_dropped()
    if dropped:
        lines.append((0, f"{dropped} lines of llama.cpp's log were dropped\n"))
    return lines


def say(int level, str text not None):
    """Log a line as llama.cpp does, for tests."""
    _ring.push(level, text.encode())
