cdef extern from "pythread.h" nogil:
    ctypedef enum PyLockStatus:
        PY_LOCK_FAILURE
        PY_LOCK_ACQUIRED
        PY_LOCK_INTR

cdef extern from "notifier.hpp" namespace "cyllama" nogil:
    cdef cppclass Notifier:
        void notify()

cdef extern from "wakeup.hpp" namespace "cyllama" nogil:
    cdef cppclass CppWakeup "cyllama::Wakeup" (Notifier):
        CppWakeup() except +
        void notify()
        PyLockStatus wait(long long microseconds)


cdef class Wakeup:
    cdef CppWakeup _wakeup
