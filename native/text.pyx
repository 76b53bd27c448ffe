"""Token bytes to text: whole characters, and nothing of a stop sequence."""

from libcpp cimport bool as cbool
from libcpp.string cimport string
from libcpp.vector cimport vector

cdef extern from "<string_view>" namespace "std" nogil:
    cdef cppclass string_view:
        string_view()
        string_view(const char *bytes, size_t size)

cdef extern from "text.hpp" namespace "cyllama" nogil:
    cdef cppclass CppTextFilter "cyllama::TextFilter":
        CppTextFilter()
        CppTextFilter(vector[string] stops) except +
        void push(string_view piece, string &out) except +
        void flush(string &out) except +
        cbool stopped()


cdef class TextFilter:
    """Turns the bytes of a generation's tokens into text, up to a stop sequence.

    A character may be split over tokens (``llama_token_to_piece`` gives bytes), and so may a stop sequence. Bytes that
    can be no UTF-8 become U+FFFD; the beginning of a character that never ended is not text and is left out. The first
    stop sequence to be complete counts, and of several that end there the longest. Only text that may still become a
    stop sequence is held back.

    Args:
        stop_sequences: What ends the text and is not part of it; an empty one ends nothing.
    """

    cdef CppTextFilter _filter

    def __cinit__(self, stop_sequences):
        cdef vector[string] stops = [stop.encode("utf-8", "surrogatepass") for stop in stop_sequences]
        self._filter = CppTextFilter(stops)

    def push(self, bytes piece not None):
        """Return what is whole characters and certainly not part of a stop sequence; nothing comes after one."""
        cdef string passed
        self._filter.push(string_view(<const char *> piece, len(piece)), passed)
        return passed.decode("utf-8")

    def flush(self):
        """Return what was held back: no stop sequence came of it."""
        cdef string held
        self._filter.flush(held)
        return held.decode("utf-8")

    @property
    def stopped(self):
        """Whether a stop sequence is complete."""
        return self._filter.stopped()
