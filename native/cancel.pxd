from libc.stdint cimport int64_t
from libcpp cimport bool as cbool

cdef extern from "<atomic>" namespace "std" nogil:
    cdef cppclass atomic_bool "std::atomic<bool>":
        cbool load()
        void store(cbool value)
    cdef cppclass atomic_float "std::atomic<float>":
        float load()
        void store(float value)

cdef extern from "cancel.hpp" namespace "cyllama" nogil:
    cdef cppclass CppScope "cyllama::CancelScope":
        int64_t issue()
        void cancel()
        cbool requested()

    cdef cppclass CppToken "cyllama::CancelToken":
        void bind(CppScope *scope)
        void cancel()
        cbool cancelled()

    cdef cppclass AbortState:
        atomic_bool flag
        atomic_bool asks_callback
        atomic_bool callback_raised
        void *context
        cbool checks_signals
        cbool signals_due()
        cbool requested()

    cdef cppclass CppLoadState "cyllama::LoadState":
        atomic_float fraction
        atomic_bool cancelled


cdef class CancelScope:
    cdef CppScope _scope


cdef class CancelToken:
    cdef CppToken _token
    cdef CancelScope _owner  # keeps what _token borrows alive


cdef class LoadState:
    cdef CppLoadState _state
