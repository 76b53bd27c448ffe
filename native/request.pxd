from libc.stdint cimport int32_t
from libcpp cimport bool as cbool
from libcpp.string cimport string
from libcpp.vector cimport vector

from cyllama_jupyter._native.cancel cimport CancelToken, CppToken
from cyllama_jupyter._native.sampler cimport LlamaSampler
from cyllama_jupyter._native.wakeup cimport Notifier, Wakeup

cdef extern from "<string_view>" namespace "std" nogil:
    cdef cppclass string_view:
        string_view(const char *bytes, size_t size)

cdef extern from "text_log.hpp" namespace "cyllama" nogil:
    cdef cppclass TextLog:
        void read(vector[string] &pieces) except +

cdef extern from "likelihood.hpp" namespace "cyllama" nogil:
    cdef struct Likelihood:
        int32_t token
        float probability
        string piece
    int32_t unpack(const string &record, vector[Likelihood] &likely) except +

cdef extern from "request.hpp" namespace "cyllama" nogil:
    cdef enum class CppPhase "cyllama::Phase":
        queued
        prefill
        decode
        done

    cdef enum class CppReason "cyllama::Reason":
        none
        stop
        length
        cancelled
        timeout
        failed
        closed
        raised

    cdef cppclass Limits:
        size_t max_tokens
        int n_threads
        int n_threads_batch
        double timeout
        double age
        int n_likely

    cdef cppclass CppRequest "cyllama::Request":
        CppRequest(vector[int32_t] given, const Limits &limits, vector[string] stops, const CppToken *token,
                   void *sampler, Notifier *progressed, Notifier *finished, size_t n_begun) except +
        CppPhase phase()
        size_t prompt_read()
        size_t generated()
        size_t reused()
        CppReason interruption()
        cbool claim()
        cbool settle() except +
        void start(size_t n_reused)
        void advance(size_t n_read)
        void start_decoding()
        void count_token(int32_t token, const vector[Likelihood] &likely) except +
        void push(string_view piece) except +
        cbool stopped()
        void report_to(Notifier *listener)
        void finish(CppReason reason) except +
        CppReason reason()
        const string &error()
        double total_seconds()
        double prompt_seconds()
        double decode_seconds()
        TextLog text
        TextLog generated_log
        size_t n_given
        size_t n_prompt


cdef class Request:
    cdef CppRequest *_request  # owned
    cdef readonly CancelToken token  # with the four below: what _request borrows
    cdef LlamaSampler _sampler
    cdef readonly Wakeup progressed
    cdef readonly Wakeup finished
    cdef Wakeup _listener
    cdef readonly list pieces
    cdef readonly list generated_ids
    cdef readonly list likely
    cdef public object callback_error
