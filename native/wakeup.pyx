"""A way to wait for another thread, or for native code, that no interrupt can break."""

cimport cython
from cpython.exc cimport PyErr_CheckSignals


@cython.no_gc  # refers to nothing
cdef class Wakeup:
    """An auto-reset event on one of CPython's raw locks.

    ``threading.Event`` and ``Condition`` run Python code while they hold a lock: a KeyboardInterrupt there leaves it
    held, and the next ``set()`` hangs. Every method here is one C call, and native code notifies without the GIL.
    """

    def notify(self):
        """Let one waiter go on, now or when it comes; several calls before that count as one."""
        self._wakeup.notify()

    def wait(self, double timeout):
        """Wait until notified, at most ``timeout`` seconds or until a signal was handled; return whether it was.

        Raises:
            BaseException: What a signal handler raised, such as KeyboardInterrupt.
        """
        cdef long long microseconds = <long long> (1e6 * min(max(timeout, 0.0), 1e9))
        cdef PyLockStatus status
        with nogil:
            status = self._wakeup.wait(microseconds)
        if status == PY_LOCK_INTR:
            PyErr_CheckSignals()
        return status == PY_LOCK_ACQUIRED
