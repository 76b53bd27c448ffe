from cyllama_jupyter._native cimport llama
from cyllama_jupyter._native.model cimport LlamaModel


cdef class LlamaAdapter:
    cdef llama.llama_adapter_lora *_adapter  # owned; freed before _model, and after the contexts that borrow it
    cdef LlamaModel _model  # keeps what _adapter borrows alive
    cdef int _n_contexts  # contexts that borrow _adapter
