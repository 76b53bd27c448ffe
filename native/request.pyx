"""One generation: what the scheduler works on and everybody else asks about."""

from libc.stdint cimport int32_t
from libcpp.string cimport string
from libcpp.vector cimport vector

from cyllama_jupyter._native.cancel cimport CancelToken
from cyllama_jupyter._native.sampler cimport LlamaSampler
from cyllama_jupyter._native.wakeup cimport Notifier, Wakeup

_PHASES = ("queued", "prefill", "decode", "done")
_REASONS = {
    <int> CppReason.stop: "stop",
    <int> CppReason.length: "length",
    <int> CppReason.cancelled: "cancelled",
    <int> CppReason.timeout: "timeout",
    <int> CppReason.failed: "failed",
    <int> CppReason.closed: "closed",
    <int> CppReason.raised: "raised",
}


cdef class Request:
    """A generation from its call to its end; given to ``Scheduler.submit``.

    Written by one thread at a time, whoever wins ``claim``; anybody may read.

    Args:
        prompt: Token ids of the prompt.
        begun: Token ids of the answer's beginning, computed after the prompt.
        token: The cancel flag of this call.
        sampler: The chain that chooses its tokens, or None where no scheduler will serve it.
        max_tokens: The most tokens to generate.
        stop_sequences: What ends the text and is not part of it.
        n_threads: Threads for decoding; 0 leaves them to the governor.
        n_threads_batch: Threads for prefill; 0 the same.
        timeout: Seconds from the call after which it ends; 0 is never.
        age: Seconds since the call.
        n_likely: How many alternatives to each token are told with their probabilities; below 0 no probability is.

    Attributes:
        token: The cancel flag.
        pieces: The text that was taken in by ``drain``, in pieces.
        generated_ids: The tokens that were, without those of the beginning.
        likely: For each of them, where wanted, itself and the alternatives as (id, bytes, probability).
        progressed: Is notified when there is more text, and at the end.
        finished: Is notified at the end.
        callback_error: What the person's own abort callback raised, for the outcome "raised" (``set_abort_callback``).
    """

    def __cinit__(self, prompt, CancelToken token not None, LlamaSampler sampler, *, size_t max_tokens, begun=(),
                  stop_sequences=(), int n_likely=-1, int n_threads=0, int n_threads_batch=0, double timeout=0.0,
                  double age=0.0):
        cdef vector[int32_t] tokens = prompt
        cdef vector[int32_t] first = begun
        tokens.insert(tokens.end(), first.begin(), first.end())
        cdef vector[string] stops = [stop.encode("utf-8", "surrogatepass") for stop in stop_sequences]
        cdef Limits limits
        limits.max_tokens = max_tokens
        limits.n_threads = n_threads
        limits.n_threads_batch = n_threads_batch
        limits.timeout = timeout
        limits.age = age
        limits.n_likely = n_likely
        self.token = token
        self._sampler = sampler
        self.progressed = Wakeup()
        self.finished = Wakeup()
        self.pieces = []
        self.generated_ids = []
        self.likely = []
        self._request = new CppRequest(
            tokens, limits, stops, &token._token, NULL if sampler is None else <void *> sampler._chooser,
            <Notifier *> &self.progressed._wakeup, <Notifier *> &self.finished._wakeup, first.size())

    def __dealloc__(self):
        del self._request

    @property
    def phase(self):
        """Where it is: "queued", "prefill", "decode" or "done"."""
        return _PHASES[<int> self._request.phase()]

    @property
    def done(self):
        """Whether it came to its end, good or bad."""
        return self._request.phase() == CppPhase.done

    @property
    def prompt_tokens(self):
        """Tokens of the prompt and of the answer's beginning."""
        return self._request.n_given

    @property
    def prompt_read(self):
        """Those of them that are computed."""
        return self._request.prompt_read()

    @property
    def generated(self):
        """Tokens generated so far."""
        return self._request.generated()

    @property
    def reused(self):
        """Those of them that lay in memory already."""
        return self._request.reused()

    def drain(self):
        """Take in the text that has come since the last call; no interrupt can come between."""
        cdef vector[string] pieces
        cdef vector[string] records
        cdef vector[Likelihood] likely
        cdef size_t index
        self._request.text.read(pieces)
        self._request.generated_log.read(records)  # later: no text is there before its token
        for index in range(records.size()):
            self.generated_ids.append(unpack(records[index], likely))
            if likely.size():
                self.likely.append([(each.token, <bytes> each.piece, each.probability) for each in likely])
        for index in range(pieces.size()):
            self.pieces.append(pieces[index].decode("utf-8"))

    def report_to(self, Wakeup listener not None):
        """Let a wake-up be notified too of more text and of the end, from now on: what came before is there already.

        Raises:
            RuntimeError: It reports to another one, which may be in use this moment.
        """
        if self._listener is not None and self._listener is not listener:
            raise RuntimeError("a generation reports its progress to one listener")
        self._listener = listener
        self._request.report_to(<Notifier *> &listener._wakeup)

    def end_if_queued(self):
        """End it at once when it was cancelled or its time is up before anybody began it; return whether it did so."""
        return self._request.settle()

    # Of what is done.

    @property
    def outcome(self):
        """How it ended: "stop", "length", "cancelled", "timeout", "failed", "closed" or "raised" (see above)."""
        return _REASONS[<int> self._request.reason()]

    @property
    def message(self):
        """What made it fail, in words."""
        return self._request.error().decode("utf-8", "replace")

    @property
    def seconds(self):
        """What it took: in all from the call, in prefill, in decoding."""
        return self._request.total_seconds(), self._request.prompt_seconds(), self._request.decode_seconds()

    # For an engine that is written in Python.

    @property
    def interruption(self):
        """Why it has to end now: "cancelled", "timeout", or None."""
        return _REASONS.get(<int> self._request.interruption())

    def claim(self):
        """Take the right to write; True for one caller alone."""
        return self._request.claim()

    def start(self):
        """Begin the prefill."""
        self._request.start(0)

    def advance(self, size_t n_read):
        """Tell that so many tokens of the prompt are computed."""
        self._request.advance(n_read)

    def start_decoding(self):
        """Begin to generate."""
        self._request.start_decoding()

    def begin_with(self, bytes piece not None):
        """Let the answer's text begin with the bytes of a token, before anybody claims it."""
        self._request.push(string_view(<const char *> piece, len(piece)))

    def push(self, bytes piece not None, int32_t token, likely=()):
        """Count one token, and publish what its bytes make readable; return whether a stop sequence is complete.

        Args:
            piece: Its bytes.
            token: Its id.
            likely: Itself and the alternatives as (id, bytes, probability).
        """
        cdef vector[Likelihood] all_likely
        cdef Likelihood each
        for each.token, each.piece, each.probability in likely:
            all_likely.push_back(each)
        self._request.count_token(token, all_likely)
        self._request.push(string_view(<const char *> piece, len(piece)))
        return self._request.stopped()

    def finish(self, outcome):
        """End it: "stop", "length", "cancelled", "timeout", "failed" or "closed"."""
        for reason, name in _REASONS.items():
            if name == outcome:
                self._request.finish(<CppReason> <int> reason)
                return
        raise ValueError(f"there is no outcome {outcome!r}")
