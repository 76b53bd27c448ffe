"""The loop that generates, without the GIL: several requests on one context."""

from libc.stdint cimport int32_t, uint8_t, uintptr_t
from libcpp cimport bool as cbool
from libcpp.vector cimport vector
from posix.types cimport pid_t
from posix.unistd cimport getpid

from cyllama_jupyter._native cimport llama
from cyllama_jupyter._native.cancel cimport atomic_bool
from cyllama_jupyter._native.context cimport LlamaContext, _should_abort
from cyllama_jupyter._native.request cimport CppRequest, Request
from cyllama_jupyter._native.wakeup cimport Notifier, Wakeup

from cyllama_jupyter.errors import ClosedError, EngineBusy, StateError

cdef extern from "governor.hpp" namespace "cyllama" nogil:
    cdef cppclass ThreadGovernor:
        ThreadGovernor(int most, int first) except +

cdef extern from "backend.hpp" namespace "cyllama" nogil:
    cdef cppclass Backend:
        pass

cdef extern from "llama_backend.hpp" namespace "cyllama" nogil:
    cdef cppclass LlamaBackend(Backend):
        LlamaBackend(llama.llama_context *ctx, const llama.llama_model *model, llama.ggml_abort_callback person_asks,
                     void *person, atomic_bool &person_failed) except +
        void ignore_abort()

cdef extern from "scheduler.hpp" namespace "cyllama" nogil:
    cdef enum class Submitted:
        queued
        busy
        stopped

    cdef cppclass CppScheduler "cyllama::Scheduler":
        CppScheduler(Backend &backend, ThreadGovernor &governor, size_t max_queued, size_t stash_bytes,
                     atomic_bool &cancel_running, Notifier &ended) except +
        Submitted submit(const vector[CppRequest *] &requests) except +
        size_t n_open()
        void stop() except +
        vector[CppRequest *] take_ended() except +
        void run() except +
        cbool send(Errand &errand) except +

    cdef cppclass Errand:
        void report_to(Notifier *waiter)
        cbool done()
        cbool performed()
        void rethrow() except +

cdef extern from "state.hpp" namespace "cyllama" nogil:
    cdef cppclass Entry "cyllama::Stash::Entry":
        vector[int32_t] tokens
        vector[uint8_t] state

    cdef cppclass SaveErrand(Errand):
        vector[Entry] saved

    cdef cppclass RestoreErrand(Errand):
        vector[Entry] to_restore

cdef double _SLICE = 0.05  # seconds between two looks at an errand


cdef class Scheduler:
    """Serves requests on the sequences of one context, which is its own until ``close``.

    Args:
        context: Where it computes.
        max_queued: How many requests may wait beside those that run.
        stash_bytes: How much memory may keep what was computed for earlier prompts.
        n_threads: The most threads that the governor may use.
        n_threads_decode: With how many it begins to decode.

    Attributes:
        ended: Is notified when requests have come to their end, for ``take_ended``.
    """

    cdef LlamaContext _context
    cdef LlamaBackend *_backend  # owned, with the two below, which borrow it
    cdef ThreadGovernor *_governor
    cdef CppScheduler *_scheduler
    cdef cbool _closed
    cdef dict _open  # what _scheduler borrows: its address to the Request
    cdef Wakeup _errands  # is notified when one is done
    cdef pid_t _process  # which made it
    cdef readonly Wakeup ended

    def __cinit__(self, LlamaContext context not None, *, size_t max_queued, size_t stash_bytes, int n_threads,
                  int n_threads_decode):
        context._enter()
        self._context = context
        self._open = context._requests = {}
        self._process = getpid()
        self.ended = Wakeup()
        self._errands = Wakeup()
        self._backend = new LlamaBackend(
            context._ctx, context._model._model, _should_abort, &context._abort, context._abort.callback_raised)
        self._governor = new ThreadGovernor(n_threads, n_threads_decode)
        self._scheduler = new CppScheduler(
            self._backend[0], self._governor[0], max_queued, stash_bytes, context._abort.flag,
            <Notifier &> self.ended._wakeup)

    def __dealloc__(self):
        if self._process == getpid():  # in a fork nobody leaves the condition that the engine's thread waits for
            del self._scheduler
            del self._governor
            del self._backend

    def close(self):
        """Give the context back, after ``run`` has returned."""
        if self._closed:
            return
        self._closed = True
        with nogil:
            self._scheduler.stop()  # it stays until nobody can call it: another thread may be in `submit` or `stop` now
        self._context._leave()

    def ignore_abort(self):
        """Behave as a backend that ignores ggml's abort callback (CUDA, Metal, Vulkan), for tests."""
        self._backend.ignore_abort()

    def submit(self, *requests):
        """Queue requests, which are taken in together: all of them, or none.

        Raises:
            EngineBusy: There is no place for all of them.
            ClosedError: It was stopped.
            ValueError: A request has no sampler, or its prompt no tokens; or one comes twice.
        """
        cdef Request request
        cdef vector[CppRequest *] borrowed
        for request in requests:
            self._check(request)
            borrowed.push_back(request._request)
        if len(set(requests)) < len(requests):
            raise ValueError("a request can be queued once")
        cdef Submitted answer = self._submit(requests, borrowed)
        if answer == Submitted.busy:
            self._end_queued()
            answer = self._submit(requests, borrowed)
        if answer == Submitted.busy:
            raise EngineBusy(self.n_open, len(requests))
        if answer == Submitted.stopped:
            raise ClosedError("the LLM is closed")

    cdef int _check(self, Request request) except -1:
        if request is None:
            raise TypeError("a request cannot be None")
        if request._request.n_prompt == 0:
            raise ValueError("a request without a prompt has no logits to begin from")
        if request._sampler is None:
            raise ValueError("a request without a sampler cannot be served")
        if request._sampler._model is not self._context._model:
            raise ValueError("the sampler and the context are of different models")
        return 0

    cdef Submitted _submit(self, tuple requests, const vector[CppRequest *] &borrowed) except *:
        cdef Request request
        opened = {}
        for request in requests:
            opened[<uintptr_t> request._request] = request
        self._open.update(opened)
        cdef Submitted answer
        with nogil:
            answer = self._scheduler.submit(borrowed)
        if answer != Submitted.queued:
            for key in opened:
                del self._open[key]
        return answer

    def _end_queued(self):
        # Those who were cancelled in the queue keep their places until the running step has ended, or somebody looks.
        for request in list(self._open.values()):
            request.end_if_queued()

    @property
    def n_open(self):
        """How many requests run or wait; whoever sees the end of one finds it counted no more."""
        return self._scheduler.n_open()

    def run(self):
        """Serve until ``stop``; nothing is open when it returns or raises."""
        if self._closed:
            raise ClosedError("the scheduler is closed")
        with nogil:
            self._scheduler.run()

    def stop(self):
        """Let ``run`` end what is open and return; cancel the requests first, or the running step goes on."""
        with nogil:
            self._scheduler.stop()

    def take_ended(self):
        """Return the requests that have come to their end since the last call."""
        cdef vector[CppRequest *] ended
        with nogil:
            ended = self._scheduler.take_ended()
        return [self._open.pop(<uintptr_t> request) for request in ended]

    def save(self):
        """Return what was computed and is kept: pairs of token ids and state bytes."""
        cdef SaveErrand errand
        self._send(&errand)
        return [(list(each.tokens), _bytes(each.state)) for each in errand.saved]

    def restore(self, sequences):
        """Take in what ``save`` returned, for prompts that begin so.

        Their bytes must be what llama.cpp wrote for this model: it does not check them (``llama_state_seq_set_data``).
        """
        cdef RestoreErrand errand
        cdef Entry each
        cdef const uint8_t[::1] state
        for tokens, state in sequences:
            each.tokens = tokens
            each.state.assign(&state[0], &state[0] + state.shape[0])
            errand.to_restore.push_back(each)
        self._send(&errand)

    cdef int _send(self, Errand *errand) except -1:
        cdef cbool sent
        errand.report_to(<Notifier *> &self._errands._wakeup)
        with nogil:
            sent = self._scheduler.send(errand[0])
        if not sent:
            raise ClosedError("the LLM is closed")
        while not errand.done():  # an interrupt has to wait: the errand lies on this stack
            with nogil:
                self._errands._wakeup.wait(<long long> (1e6 * _SLICE))
        if not errand.performed():
            raise ClosedError("the LLM is closed")
        try:
            errand.rethrow()
        except MemoryError as error:
            raise StateError("what was computed could not be copied for want of memory: free some") from error
        return 0


cdef bytes _bytes(const vector[uint8_t] &data):
    return (<const char *> data.data())[:data.size()]
