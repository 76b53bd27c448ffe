"""Cancellation in atomic words: every method here is lock-free and may be called from a signal handler."""

cimport cython


cdef class CancelScope:
    """Hands out a ticket for every call and remembers the newest that a cancel has hit."""

    def issue(self):
        """Return a new token: a call made now, hit by every later ``cancel()``."""
        cdef CancelToken token = CancelToken.__new__(CancelToken)
        token._owner = self
        token._token.bind(&self._scope)
        return token

    def cancel(self):
        """Cancel every token issued so far and none issued later."""
        self._scope.cancel()

    @property
    def requested(self):
        """Whether ``cancel()`` was called after the newest token was issued."""
        return self._scope.requested()


@cython.no_gc  # refers to nothing that could refer back
cdef class CancelToken:
    """The cancel flag of one call; made by ``CancelScope.issue``."""

    def cancel(self):
        """Cancel this call alone."""
        self._token.cancel()

    @property
    def cancelled(self):
        """Whether this call was cancelled, by itself or by its scope."""
        return self._token.cancelled()


cdef class LoadState:
    """What a model load reports while it runs, and how it is stopped (``llama_progress_callback``)."""

    def cancel(self):
        """Stop the load at the next tensor."""
        self._state.cancelled.store(True)

    @property
    def cancelled(self):
        """Whether ``cancel()`` was called."""
        return self._state.cancelled.load()

    @property
    def fraction(self):
        """How much of the model is loaded, 0.0 to 1.0."""
        return self._state.fraction.load()
