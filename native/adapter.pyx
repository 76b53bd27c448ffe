"""A LoRA adapter in memory, and its place in a context."""

cimport cython
from libc.stdint cimport int32_t
from libcpp.vector cimport vector

from cyllama_jupyter._native cimport llama
from cyllama_jupyter._native.context cimport LlamaContext
from cyllama_jupyter._native.model cimport LlamaModel

from cyllama_jupyter.errors import ClosedError, LoadError


@cython.no_gc_clear  # __dealloc__ needs _model, which the garbage collector would clear first
cdef class LlamaAdapter:
    """A LoRA adapter of a model (``llama_adapter_lora_init``).

    Adapters of one model are made and closed on one thread, for llama.cpp keeps a list of them in the model.

    Args:
        model: The model that it changes; it stays in memory as long as this adapter.
        path: File-system path of a GGUF file, encoded by ``os.fsencode``. What llama.cpp asserts about it is checked by
            ``adapters.check_adapter_file``.

    Raises:
        LoadError: llama.cpp could not load the file; its log says why.
    """

    def __cinit__(self, LlamaModel model not None, path: bytes):
        model._ensure_open()
        cdef const char *name = path
        with nogil:
            self._adapter = llama.llama_adapter_lora_init(model._model, name)
        if self._adapter is NULL:
            raise LoadError("llama.cpp could not load the adapter")
        self._model = model
        model.open_adapters += 1

    def __dealloc__(self):
        if self._adapter is not NULL:
            llama.llama_adapter_lora_free(self._adapter)
            self._model.open_adapters -= 1

    def close(self):
        """Free the adapter.

        Raises:
            RuntimeError: A context that uses it is still open.
        """
        if self._n_contexts:
            raise RuntimeError("close the contexts that use the adapter before it")
        if self._adapter is NULL:
            return
        cdef llama.llama_adapter_lora *adapter = self._adapter
        self._adapter = NULL
        with nogil:
            llama.llama_adapter_lora_free(adapter)
        self._model.open_adapters -= 1

    def release(self):
        """Let go of one context, which calls this when it is closed; the last one closes the adapter."""
        self._n_contexts -= 1
        if not self._n_contexts:
            self.close()


def apply(LlamaContext context not None, adapters, scales):
    """Let a context compute with these adapters and no others (``llama_set_adapters_lora``).

    From here on they are the context's: they are closed with it, or when others take their place.

    Args:
        context: What is in its memory was computed without them: apply them before the first decode, or clear it.
        adapters: Of the context's model, each once.
        scales: How strong each is; 1 is as it was trained, 0 is not at all.

    Raises:
        ClosedError: One of them is closed.
        LoadError: llama.cpp refused them.
        TypeError: Something is no adapter.
        ValueError: An adapter is of another model, or there twice, or there are more or fewer scales.
    """
    cdef tuple taken = tuple(adapters)
    cdef vector[float] strengths = scales
    cdef vector[llama.llama_adapter_lora *] pointers
    cdef LlamaAdapter adapter
    cdef int32_t status
    if None in taken:  # which Cython takes for one of any class
        raise TypeError("None is no adapter")
    for adapter in taken:
        if adapter._adapter is NULL:
            raise ClosedError("the adapter is closed")
        if adapter._model is not context._model:
            raise ValueError("an adapter changes the model that it was loaded for, and no other")
        pointers.push_back(adapter._adapter)
    if len(set(map(id, taken))) != strengths.size() or pointers.size() != strengths.size():
        raise ValueError(f"{pointers.size():,} adapters, each once, need as many scales, got {strengths.size():,}")
    context._enter()
    try:
        status = llama.llama_set_adapters_lora(context._ctx, pointers.data(), pointers.size(), strengths.data())
        if status != 0:
            raise LoadError(f"llama.cpp could not apply the adapters: llama_set_adapters_lora returned {status}")
        before, context._adapters = context._adapters, taken
        for adapter in taken:
            adapter._n_contexts += 1
    finally:
        context._busy = False
    for adapter in before or ():
        adapter.release()
