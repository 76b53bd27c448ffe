from libcpp cimport bool as cbool
from libcpp.vector cimport vector

from cyllama_jupyter._native cimport llama
from cyllama_jupyter._native.cancel cimport AbortState
from cyllama_jupyter._native.model cimport LlamaModel


cdef cbool _should_abort(void *data) noexcept nogil


cdef class LlamaContext:
    cdef llama.llama_context *_ctx  # owned; freed before _model
    cdef LlamaModel _model  # keeps what _ctx borrows alive
    cdef tuple _adapters  # what _ctx borrows, or None; let go after it
    cdef AbortState _abort
    cdef object _callback  # the person's own abort callback, or None
    cdef object _callback_error  # what it raised during the running decode
    cdef dict _requests  # those of the scheduler that has it, by address; None without one
    cdef cbool _busy  # a native call is running; read and written with the GIL
    cdef cbool _has_logits  # the last decode returned 0
    cdef readonly int n_ctx
    cdef readonly int n_batch
    cdef readonly int n_ubatch
    cdef readonly int n_sequences
    cdef int _enter(self) except -1
    cdef void _leave(self)
    cdef int _check(self, vector[llama.llama_token] &ids) except -1
    cdef size_t _n_past(self)
