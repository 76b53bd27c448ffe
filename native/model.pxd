from libcpp.vector cimport vector

from cyllama_jupyter._native cimport llama


cdef class LlamaModel:
    cdef llama.llama_model *_model  # owned
    cdef const llama.llama_vocab *_vocab  # borrowed from _model
    cdef vector[float] _tensor_split  # _model borrows it
    cdef readonly int open_contexts  # contexts that borrow _model; it is not freed before them
    cdef int _ensure_open(self) except -1
