"""A chain of samplers: how the next token is chosen from the logits."""

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport isnan
from libc.stdint cimport int32_t, uint32_t
from libcpp cimport bool as cbool
from libcpp.memory cimport shared_ptr
from libcpp.string cimport string
from libcpp.vector cimport vector

from cyllama_jupyter._native cimport llama
from cyllama_jupyter._native.context cimport LlamaContext
from cyllama_jupyter._native.model cimport LlamaModel, Pieces

from cyllama_jupyter.errors import DecodeError, GrammarError


cdef cbool _has_nan(const float *logits, int32_t length) noexcept nogil:
    cdef int32_t index
    for index in range(length):
        if isnan(logits[index]):
            return True
    return False


@cython.no_gc_clear  # __dealloc__ comes before _model goes
cdef class LlamaSampler:
    """A sampler chain (``llama_sampler_chain_init``); links are asked in the order in which they were added.

    Args:
        model: The model whose vocabulary is sampled; it stays in memory as long as this chain.
    """

    def __cinit__(self, LlamaModel model not None):
        model._ensure_open()
        self._model = model
        cdef llama.llama_sampler_chain_params params = llama.llama_sampler_chain_default_params()
        params.no_perf = True
        cdef llama.llama_sampler *chain = llama.llama_sampler_chain_init(params)
        if chain is NULL:
            raise MemoryError("llama.cpp could not make a sampler chain")
        self._chooser = new Chooser(chain)

    def __dealloc__(self):
        del self._chooser

    cdef int _add(self, llama.llama_sampler *link, name) except -1:
        # Takes ownership of `link`.
        if link is NULL:
            raise ValueError(f"llama.cpp refused the {name} sampler's parameters")
        llama.llama_sampler_chain_add(self._chooser.chain(), link)
        return 0

    def add_penalties(self, int last_n, float repeat, float frequency, float presence):
        """Penalise tokens among the last ``last_n`` (``llama_sampler_init_penalties``)."""
        self._model._ensure_open()
        n_vocab = llama.llama_vocab_n_tokens(self._model._vocab)
        self._add(llama.llama_sampler_init_penalties(n_vocab, last_n, repeat, frequency, presence), "penalties")

    def add_dry(self, float multiplier, float base, int allowed_length, int last_n, breakers):
        """Penalise tokens that would go on with a phrase of before (``llama_sampler_init_dry``)."""
        self._model._ensure_open()
        encoded = [breaker.encode() for breaker in breakers]
        cdef vector[const char *] pointers
        for breaker in encoded:
            pointers.push_back(<const char *> <bytes> breaker)
        cdef llama.llama_sampler *link
        with nogil:  # it reads the whole vocabulary once for each breaker
            link = llama.llama_sampler_init_dry(
                self._model._vocab, multiplier, base, allowed_length, last_n, pointers.data(), pointers.size())
        self._add(link, "DRY")

    def add_top_k(self, int k):
        """Keep the ``k`` likeliest tokens, all when 0 (``llama_sampler_init_top_k``)."""
        self._add(llama.llama_sampler_init_top_k(k), "top-k")

    def add_top_p(self, float p):
        """Keep the likeliest tokens that make up ``p`` of the probability (``llama_sampler_init_top_p``)."""
        self._add(llama.llama_sampler_init_top_p(p, 1), "top-p")

    def add_min_p(self, float p):
        """Keep tokens at least ``p`` times as likely as the likeliest (``llama_sampler_init_min_p``)."""
        self._add(llama.llama_sampler_init_min_p(p, 1), "min-p")

    def add_temperature(self, float temperature):
        """Divide the logits by ``temperature`` (``llama_sampler_init_temp``)."""
        self._add(llama.llama_sampler_init_temp(temperature), "temperature")

    def add_top_n_sigma(self, float n):
        """Keep tokens within ``n`` standard deviations of the best logit (``llama_sampler_init_top_n_sigma``)."""
        self._add(llama.llama_sampler_init_top_n_sigma(n), "top-n-sigma")

    def add_mirostat(self, uint32_t seed, float tau, float eta):
        """Choose at random, steered to the surprise ``tau`` (``llama_sampler_init_mirostat``, arXiv:2007.14966)."""
        self._model._ensure_open()
        n_vocab = llama.llama_vocab_n_tokens(self._model._vocab)
        self._add(llama.llama_sampler_init_mirostat(n_vocab, seed, tau, eta, 100), "mirostat")
        self._chooses = True

    def add_mirostat_v2(self, uint32_t seed, float tau, float eta):
        """Choose at random by Mirostat 2 (``llama_sampler_init_mirostat_v2``)."""
        self._add(llama.llama_sampler_init_mirostat_v2(seed, tau, eta), "mirostat 2")
        self._chooses = True

    def add_dist(self, uint32_t seed):
        """Choose at random by probability (``llama_sampler_init_dist``); 0xFFFFFFFF seeds at random."""
        self._add(llama.llama_sampler_init_dist(seed), "dist")
        self._chooses = True

    def add_greedy(self):
        """Choose the likeliest token (``llama_sampler_init_greedy``)."""
        self._add(llama.llama_sampler_init_greedy(), "greedy")
        self._chooses = True

    def constrain(self, grammar: str):
        """Let a grammar have the last word: only tokens that go on with a text of its rule ``root`` are chosen.

        The chain chooses first, and only where the grammar refuses that token it chooses again, among all that fit
        (llama.cpp's ``common_sampler`` does the same).

        Args:
            grammar: In llama.cpp's notation, GBNF, without its tokens in angle brackets.

        Raises:
            GrammarError: It is not valid.
        """
        try:
            encoded = grammar.encode()
        except UnicodeEncodeError as error:
            raise GrammarError(
                f"the grammar has a lone surrogate at character {error.start:,}, which is no text") from error
        if b"\0" in encoded:
            raise GrammarError("the grammar holds a NUL character: write \\x00 in quotes")
        cdef shared_ptr[const Pieces] pieces = self._model._all_pieces()
        cdef const char *text = encoded
        cdef size_t length = len(encoded)
        cdef string complaint
        with nogil:
            complaint = self._chooser.constrain(pieces, string_view(text, length))
        if not complaint.empty():
            raise GrammarError(f"the grammar is not valid: {complaint.decode('utf-8', 'replace')}")

    def constrain_as(self, LlamaSampler other not None):
        """Let the grammar of another chain of this model have the last word too; it is not read again.

        Raises:
            ValueError: The other chain is of another model.
        """
        if other._model is not self._model:
            raise ValueError("the two samplers are of different models")
        self._chooser.constrain_as(other._chooser[0], self._model._all_pieces())

    def accept(self, tokens):
        """Let the links that look back know of tokens, such as the prompt's (``llama_sampler_accept``)."""
        cdef llama.llama_token token
        for token in tokens:
            llama.llama_sampler_accept(self._chooser.chain(), token)

    def accept_answer(self, tokens):
        """Let the grammar know of tokens that the answer begins with.

        Raises:
            GrammarError: It does not allow them.
            ValueError: A token is not in the vocabulary.
        """
        cdef llama.llama_token token
        cdef string complaint
        for token in tokens:
            self._model._ensure_token(token)
            with nogil:  # under an ambiguous grammar it can take long
                complaint = self._chooser.accept_answer(token)
            PyErr_CheckSignals()
            if not complaint.empty():
                raise GrammarError(
                    f"the beginning of the answer does not fit the grammar: {complaint.decode('utf-8', 'replace')}")

    def sample(self, LlamaContext context not None):
        """Choose and accept the next token from the logits of the context's last decode (``llama_sampler_sample``).

        Raises:
            DecodeError: There are no logits, because the last decode did not return 0, or they hold NaN.
            ValueError: The context is over another model than this chain, or no link of the chain chooses.
        """
        if not self._chooses:
            raise ValueError("the chain narrows and never chooses: end it with add_dist, add_greedy or a mirostat")
        if context._model is not self._model:
            raise ValueError("the sampler and the context are of different models")
        context._enter()
        cdef llama.llama_token token = -1
        cdef const float *logits
        cdef cbool broken = False
        try:
            if not context._has_logits:  # llama.cpp would assert, or sample from the decode before
                raise DecodeError("there are no logits to sample from: decode first")
            with nogil:
                logits = llama.llama_get_logits_ith(context._ctx, -1)
                broken = logits is NULL or _has_nan(logits, llama.llama_vocab_n_tokens(self._model._vocab))
                if not broken:
                    token = self._chooser.choose(context._ctx, -1)
        finally:
            context._busy = False
        if broken:
            raise DecodeError("the model computed no numbers (NaN logits); its file is probably damaged")
        if token < 0:
            raise DecodeError("the grammar is at its end: nothing can follow")
        return token
