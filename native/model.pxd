from libcpp cimport bool as cbool
from libcpp.memory cimport shared_ptr
from libcpp.string cimport string
from libcpp.vector cimport vector

from cyllama_jupyter._native cimport llama

cdef extern from "pieces.hpp" namespace "cyllama" nogil:
    cdef cppclass Pieces:
        Pieces(const llama.llama_vocab *vocab) except +
    string piece_of(const llama.llama_vocab *vocab, llama.llama_token token, cbool special) except +


cdef class LlamaModel:
    cdef llama.llama_model *_model  # owned
    cdef const llama.llama_vocab *_vocab  # borrowed from _model
    cdef vector[float] _tensor_split  # _model borrows it
    cdef cbool _closed
    cdef int _users  # calls that read the vocabulary without the GIL; the last one frees a closed model
    cdef readonly int open_contexts  # contexts that borrow _model; it is not freed before them
    cdef readonly int open_adapters  # adapters that borrow _model, the same
    cdef shared_ptr[const Pieces] _pieces  # made when first wanted
    cdef int _ensure_open(self) except -1
    cdef shared_ptr[const Pieces] _all_pieces(self) except *
    cdef void _free_if_unused(self)
