from libcpp cimport bool as cbool
from libcpp.memory cimport shared_ptr
from libcpp.string cimport string

from cyllama_jupyter._native cimport llama
from cyllama_jupyter._native.model cimport LlamaModel, Pieces

cdef extern from "<string_view>" namespace "std" nogil:
    cdef cppclass string_view:
        string_view(const char *bytes, size_t size)

cdef extern from "chooser.hpp" namespace "cyllama" nogil:
    cdef cppclass Chooser:
        Chooser(llama.llama_sampler *chain) except +
        llama.llama_sampler *chain()
        # What is wrong, or nothing.
        string constrain(const shared_ptr[const Pieces] &pieces, string_view gbnf) except +
        void constrain_as(const Chooser &other, const shared_ptr[const Pieces] &pieces) except +
        string accept_answer(llama.llama_token token) except +
        llama.llama_token choose(llama.llama_context *ctx, int index) except +


cdef class LlamaSampler:
    cdef Chooser *_chooser  # owned
    cdef LlamaModel _model
    cdef cbool _chooses  # some link takes one token; without one llama.cpp would assert
    cdef int _add(self, llama.llama_sampler *link, name) except -1
