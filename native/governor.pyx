"""How many threads llama.cpp gets for each step, chosen by measurement."""

from libcpp.optional cimport optional
from libcpp.string cimport string

cdef extern from "governor.hpp" namespace "cyllama" nogil:
    cdef cppclass CppGovernor "cyllama::ThreadGovernor":
        CppGovernor(int most, int first) except +
        int choose(int n_tokens)
        void record(int n_tokens, int threads, double seconds)
        double limit(int n_tokens, int threads)
        void give_up(int n_tokens, int threads, double seconds)
        void hear(double free_cores)
        void forget()

cdef extern from "load_meter.hpp" namespace "cyllama" nogil:
    cdef cppclass CppLoadMeter "cyllama::LoadMeter":
        CppLoadMeter(string stat) except +
        void restart()
        optional[double] look()


cdef class LoadMeter:
    """Tells how many cores the rest of the machine leaves to the engine.

    Args:
        stat: Where Linux tells what each core did (``proc_stat(5)``).
    """

    cdef CppLoadMeter *_meter  # owned

    def __cinit__(self, str stat="/proc/stat"):
        self._meter = new CppLoadMeter(stat.encode())
        self._meter.restart()

    def __dealloc__(self):
        del self._meter

    def look(self):
        """Return the cores that were left since the last look, or None within a quarter of a second of it.

        Below 0 they are not known. What the main thread computes is not the engine's.
        """
        cdef optional[double] free = self._meter.look()
        return free.value() if free.has_value() else None


cdef class ThreadGovernor:
    """Learns from the time that steps take how many threads make them fastest, while other processes come and go.

    Args:
        most: Threads that may be used.
        first: Threads with which steps of fewer than 64 tokens begin; longer ones begin with ``most``.
    """

    cdef CppGovernor *_governor  # owned

    def __cinit__(self, int most, int first):
        self._governor = new CppGovernor(most, first)

    def __dealloc__(self):
        del self._governor

    def choose(self, int n_tokens):
        """Return the threads for the next step of ``n_tokens``."""
        return self._governor.choose(n_tokens)

    def record(self, int n_tokens, int threads, double seconds):
        """Learn that a step of ``n_tokens`` took ``seconds`` on so many threads."""
        self._governor.record(n_tokens, threads, seconds)

    def limit(self, int n_tokens, int threads):
        """Return the seconds after which a step is to be given up, since fewer threads would have been through."""
        return self._governor.limit(n_tokens, threads)

    def give_up(self, int n_tokens, int threads, double seconds):
        """Learn that a step was given up after so many seconds."""
        self._governor.give_up(n_tokens, threads, seconds)

    def hear(self, double free_cores):
        """Learn how many cores other processes leave to this one now."""
        self._governor.hear(free_cores)

    def forget(self):
        """Learn that what was heard tells nothing of now."""
        self._governor.forget()
