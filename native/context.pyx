"""A context: what a model remembers of its sequences, and the decode that can be stopped."""

import threading

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int32_t
from libcpp cimport bool as cbool
from libcpp.vector cimport vector

from cyllama_jupyter._native cimport llama
from cyllama_jupyter._native.cancel cimport AbortState
from cyllama_jupyter._native.model cimport LlamaModel

from cyllama_jupyter.errors import (
    ClosedError,
    ContextOverflow,
    DecodeAborted,
    DecodeError,
    LoadError,
    UnsupportedModelError,
)


cdef dict _CACHE_TYPES = {
    "f32": llama.GGML_TYPE_F32,
    "f16": llama.GGML_TYPE_F16,
    "bf16": llama.GGML_TYPE_BF16,
    "q8_0": llama.GGML_TYPE_Q8_0,
    "q4_0": llama.GGML_TYPE_Q4_0,
    "q4_1": llama.GGML_TYPE_Q4_1,
    "iq4_nl": llama.GGML_TYPE_IQ4_NL,
    "q5_0": llama.GGML_TYPE_Q5_0,
    "q5_1": llama.GGML_TYPE_Q5_1,
}


cdef llama.ggml_type _cache_type(str name) except *:
    if name not in _CACHE_TYPES:
        raise ValueError(f"the cache keeps keys and values as {', '.join(_CACHE_TYPES)}, not as {name!r}")
    return <llama.ggml_type> <int> _CACHE_TYPES[name]


def cache_block(str name):
    """Return how many values of a cache type are kept together, and in how many bytes (``ggml_blck_size``)."""
    cdef llama.ggml_type kind = _cache_type(name)
    return llama.ggml_blck_size(kind), llama.ggml_type_size(kind)


cdef cbool _should_abort(void *data) noexcept nogil:
    # Polled by ggml after every graph node, on the thread that called llama_decode.
    cdef AbortState *state = <AbortState *> data
    if state.requested():
        return True
    if not state.asks_callback.load() and not state.signals_due():
        return False
    with gil:
        return _ask_python(<LlamaContext> state.context)


cdef cbool _ask_python(LlamaContext context) noexcept:
    callback = context._callback
    try:
        PyErr_CheckSignals()  # a Ctrl-C raises here, on the main thread
        return callback is not None and bool(callback())
    except BaseException as error:  # raised again by decode() or a request's result; a C callback cannot raise
        context._abort.callback_raised.store(True)
        if context._requests is None:
            context._callback_error = error
        else:
            for request in list(context._requests.values()):
                request.callback_error = error
        return True


@cython.no_gc_clear  # __dealloc__ needs _model, which the garbage collector would clear first
cdef class LlamaContext:
    """A context over a model (``llama_init_from_model``); ``decode`` works on its first sequence.

    One thread at a time: a call from a second thread raises RuntimeError instead of corrupting the first.

    Args:
        model: The model; it stays in memory as long as this context.
        n_ctx: Length of the context in tokens; llama.cpp may round it up.
        n_batch: The most tokens that one ``decode`` takes.
        n_ubatch: The most tokens that are computed at once; the longer, the later a cancel is seen.
        n_threads: Threads for decoding one token.
        n_threads_batch: Threads for decoding more than one token.
        n_sequences: How many sequences share its ``n_ctx`` tokens (``kv_unified``).
        flash_attn: Compute attention faster; logits then depend on the number of threads.
        type_k: How the keys of the cache are kept, in llama.cpp's words: f32, f16, bf16, q8_0, q4_0, q4_1, iq4_nl,
            q5_0 or q5_1.
        type_v: The same for the values; the quantised ones need ``flash_attn``.

    Attributes:
        n_ctx, n_batch, n_ubatch: The lengths above as llama.cpp rounded them.
        n_sequences: As above.

    Raises:
        ValueError: A length or a number of threads is below 1, or a type of the cache is none.
        LoadError: llama.cpp could not make the context, mostly for want of memory.
        UnsupportedModelError: It is an embedding model, which has no memory (``llama_get_memory``).
    """

    def __cinit__(self, LlamaModel model not None, *, int n_ctx, int n_batch, int n_ubatch, int n_threads,
                  int n_threads_batch, int n_sequences=1, cbool flash_attn=False, str type_k="f16",
                  str type_v="f16"):
        model._ensure_open()
        if min(n_ctx, n_batch, n_ubatch, n_threads, n_threads_batch, n_sequences) < 1:  # llama.cpp asserts on some
            raise ValueError(
                "n_ctx, n_batch, n_ubatch, n_threads, n_threads_batch and n_sequences must be 1 or more")
        cdef llama.llama_context_params params = llama.llama_context_default_params()
        params.n_ctx = n_ctx
        params.n_batch = n_batch
        params.n_ubatch = n_ubatch
        params.n_seq_max = n_sequences
        params.kv_unified = True
        params.n_threads = n_threads
        params.n_threads_batch = n_threads_batch
        params.flash_attn_type = (
            llama.LLAMA_FLASH_ATTN_TYPE_ENABLED if flash_attn else llama.LLAMA_FLASH_ATTN_TYPE_DISABLED)
        params.type_k = _cache_type(type_k)
        params.type_v = _cache_type(type_v)
        params.abort_callback = _should_abort
        params.abort_callback_data = &self._abort
        params.no_perf = True
        with nogil:
            self._ctx = llama.llama_init_from_model(model._model, params)
        if self._ctx is NULL:
            raise LoadError(f"llama.cpp could not make a context of {n_ctx:,} tokens; try a smaller n_ctx")
        if llama.llama_get_memory(self._ctx) is NULL:
            llama.llama_free(self._ctx)
            self._ctx = NULL
            raise UnsupportedModelError("the model keeps nothing in memory between tokens, so it cannot generate text")
        self._abort.context = <void *> self
        self._model = model
        model.open_contexts += 1
        self.n_ctx = llama.llama_n_ctx(self._ctx)
        self.n_batch = llama.llama_n_batch(self._ctx)
        self.n_ubatch = llama.llama_n_ubatch(self._ctx)
        self.n_sequences = n_sequences

    def __dealloc__(self):
        if self._ctx is not NULL:
            llama.llama_free(self._ctx)
            self._model.open_contexts -= 1

    def close(self):
        """Free the context.

        Raises:
            RuntimeError: Another thread is inside a method of this context.
        """
        if self._ctx is NULL:
            return
        self._enter()
        cdef llama.llama_context *ctx = self._ctx
        self._ctx = NULL
        self._has_logits = False
        try:
            with nogil:
                llama.llama_free(ctx)
        finally:
            self._busy = False
            self._model.open_contexts -= 1
            for adapter in self._adapters or ():
                adapter.release()

    cdef int _enter(self) except -1:
        if self._ctx is NULL:
            raise ClosedError("the context is closed")
        if self._busy:
            raise RuntimeError("the context is in use, by another thread or by the LLM that it belongs to")
        self._busy = True
        return 0

    cdef void _leave(self):
        # After a scheduler, whose abort callback has been in place.
        llama.llama_set_abort_callback(self._ctx, _should_abort, &self._abort)
        self._requests = None
        self._busy = False

    def decode(self, tokens):
        """Compute tokens after those already in memory, and the logits of the last one (``llama_decode``).

        Args:
            tokens: Token ids, 1 to ``n_batch`` of them.

        Raises:
            ContextOverflow: They do not fit behind what is in memory.
            DecodeAborted: It was cancelled; whole ubatches that were done stay in memory,
                except that the state of a recurrent model is then worthless: ``clear`` it.
            DecodeError: llama.cpp failed.
            BaseException: Whatever the callback given to ``set_abort_callback`` or a signal handler raised: on the main
                thread Ctrl-C ends a decode with KeyboardInterrupt (``PyErr_CheckSignals`` every 20 ms).
        """
        cdef vector[llama.llama_token] ids = tokens
        cdef int32_t status
        self._enter()
        try:
            self._check(ids)
            self._has_logits = False
            self._callback_error = None
            self._abort.checks_signals = threading.current_thread() is threading.main_thread()
            with nogil:
                status = llama.llama_decode(self._ctx, llama.llama_batch_get_one(ids.data(), <int32_t> ids.size()))
        finally:
            self._busy = False
        error, self._callback_error = self._callback_error, None
        if error is not None:
            raise error
        self._raise_for(status)
        self._has_logits = True

    cdef int _check(self, vector[llama.llama_token] &ids) except -1:
        # llama.cpp asserts on some of these, which would end the process.
        cdef int32_t n_vocab = llama.llama_vocab_n_tokens(self._model._vocab)
        cdef llama.llama_token token
        if not 1 <= ids.size() <= self.n_batch:
            raise ValueError(f"decode takes 1 to {self.n_batch} tokens, got {ids.size()}")
        for token in ids:
            if not 0 <= token < n_vocab:
                raise ValueError(f"token {token} is not in the vocabulary of {n_vocab}")
        cdef size_t end = self._n_past() + ids.size()
        if end > self.n_ctx:
            raise ContextOverflow(end, self.n_ctx)
        return 0

    def _raise_for(self, int status):
        if status == 0:
            return
        if status == 2:
            raise DecodeAborted("the decode was cancelled")
        if status == 1:
            raise DecodeError("llama.cpp found no room in the context for these tokens")
        raise DecodeError(f"llama_decode failed with {status}")

    cdef size_t _n_past(self):
        return llama.llama_memory_seq_pos_max(llama.llama_get_memory(self._ctx), 0) + 1

    def clear(self):
        """Forget every token in memory (``llama_memory_clear``)."""
        self._enter()
        try:
            self._has_logits = False
            with nogil:
                llama.llama_memory_clear(llama.llama_get_memory(self._ctx), False)
        finally:
            self._busy = False

    def set_abort_callback(self, callback):
        """Ask ``callback()`` too, after every graph node, whether to abort; None takes it away.

        It adds to ``cancel`` and never replaces it. It runs with the GIL some hundred times a token, which slows
        generation and every cancel; what it raises aborts the decode and is raised by it. On the context of an ``LLM``,
        True cancels what runs, and an exception fails it: its ``result()`` raises that.

        Raises:
            TypeError: It is neither callable nor None.
        """
        if callback is not None and not callable(callback):
            raise TypeError(f"the abort callback must be callable or None, got {type(callback).__name__}")
        self._callback = callback
        self._abort.asks_callback.store(callback is not None)

    @property
    def cancel(self):
        """Whether the decode that runs now is to abort; set it to True to abort it. A new generation clears it."""
        return self._abort.requested()

    @cancel.setter
    def cancel(self, cbool value):
        self._abort.flag.store(value)

    @property
    def has_logits(self):
        """Whether there is something to sample from: the last decode returned 0."""
        return self._has_logits

    @property
    def n_past(self):
        """Number of tokens in memory."""
        self._enter()
        try:
            return self._n_past()
        finally:
            self._busy = False
