from libcpp cimport bool as cbool

from cyllama_jupyter._native cimport llama
from cyllama_jupyter._native.model cimport LlamaModel


cdef class LlamaSampler:
    cdef llama.llama_sampler *_chain  # owned; owns every link
    cdef LlamaModel _model
    cdef cbool _chooses  # some link takes one token; without one llama.cpp would assert
    cdef int _add(self, llama.llama_sampler *link, name) except -1
