"""A loaded model and its vocabulary."""

from libc.stdint cimport INT32_MAX, int32_t
from libcpp cimport bool as cbool
from libcpp.memory cimport shared_ptr
from libcpp.vector cimport vector

from cyllama_jupyter._native cimport llama
from cyllama_jupyter._native.cancel cimport CppLoadState, LoadState

from cyllama_jupyter.errors import ClosedError, LoadCancelled, LoadError

llama.llama_backend_init()


def supports_gpu():
    """Return whether this llama.cpp can compute on a GPU that is there (``llama_supports_gpu_offload``)."""
    return llama.llama_supports_gpu_offload()


cdef cbool _on_progress(float fraction, void *user_data) noexcept nogil:
    cdef CppLoadState *state = <CppLoadState *> user_data
    state.fraction.store(fraction)
    return not state.cancelled.load()


cdef class LlamaModel:
    """A model in memory (``llama_model_load_from_file``).

    Args:
        path: File-system path of a GGUF file, encoded by ``os.fsencode``.
        n_gpu_layers: Layers to put on the GPU; -1 means all.
        main_gpu: Index of the GPU that is used when the model is not split.
        split_mode: How to split the model over GPUs: 0 not at all, 1 by layers, 2 by rows.
        tensor_split: The share of each GPU, or empty to let llama.cpp choose.
        state: Reports the progress of this load and stops it.

    Raises:
        LoadCancelled: ``state.cancel()`` was called.
        LoadError: llama.cpp could not load the file; its log says why.
    """

    def __cinit__(self, path: bytes, *, int n_gpu_layers, int main_gpu, int split_mode, tensor_split,
                  LoadState state not None):
        cdef const char *name = path
        self._tensor_split = tensor_split
        if self._tensor_split.size() > llama.llama_max_devices():
            raise ValueError(
                f"tensor_split names {self._tensor_split.size()} devices, "
                f"but llama.cpp knows at most {llama.llama_max_devices()}")
        self._tensor_split.resize(llama.llama_max_devices(), 0.0)
        cdef llama.llama_model_params params = llama.llama_model_default_params()
        params.n_gpu_layers = n_gpu_layers
        params.main_gpu = main_gpu
        params.split_mode = <llama.llama_split_mode> split_mode
        params.tensor_split = self._tensor_split.data() if len(tensor_split) else NULL
        params.progress_callback = _on_progress
        params.progress_callback_user_data = &state._state
        with nogil:
            self._model = llama.llama_model_load_from_file(name, params)
        if self._model is NULL:
            if state.cancelled:
                raise LoadCancelled("the load was cancelled")
            raise LoadError("llama.cpp could not load the model")
        self._vocab = llama.llama_model_get_vocab(self._model)

    def __dealloc__(self):
        if self._model is not NULL:
            llama.llama_model_free(self._model)

    def close(self):
        """Free the model, or let the ``tokenize`` that runs on another thread free it.

        Raises:
            RuntimeError: A context or an adapter of this model is still open.
        """
        if self.open_contexts:
            raise RuntimeError("close the model's contexts before the model")
        if self.open_adapters:
            raise RuntimeError("close the model's adapters before the model")
        self._closed = True
        self._free_if_unused()

    cdef void _free_if_unused(self):
        if self._users or not self._closed:
            return
        cdef llama.llama_model *model = self._model
        self._model = NULL
        self._vocab = NULL
        if model is not NULL:
            with nogil:
                llama.llama_model_free(model)

    cdef int _ensure_open(self) except -1:
        if self._closed:
            raise ClosedError("the model is closed")
        return 0

    def tokenize(self, text: bytes, *, cbool add_special, cbool parse_special):
        """Return the token ids of UTF-8 text (``llama_tokenize``).

        Args:
            text: UTF-8 bytes.
            add_special: Add the BOS and EOS tokens that the model asks for.
            parse_special: Read the text of control tokens, such as ``<|im_end|>``, as those tokens.

        Raises:
            ValueError: The text is longer than llama.cpp can take.
        """
        self._ensure_open()
        if len(text) >= INT32_MAX:
            raise ValueError(f"the text has {len(text):,} bytes and llama.cpp takes at most {INT32_MAX:,}")
        cdef const char *data = text
        cdef int32_t length = <int32_t> len(text)
        cdef vector[llama.llama_token] tokens
        cdef int32_t count
        tokens.resize(length + 2)  # no token is shorter than a byte, but for BOS and EOS
        self._users += 1
        try:
            with nogil:
                count = llama.llama_tokenize(
                    self._vocab, data, length, tokens.data(), <int32_t> tokens.size(), add_special, parse_special)
                if count < 0 and count > -INT32_MAX:
                    tokens.resize(-count)
                    count = llama.llama_tokenize(
                        self._vocab, data, length, tokens.data(), <int32_t> tokens.size(), add_special, parse_special)
        finally:
            self._users -= 1
            self._free_if_unused()
        if count < 0:
            raise ValueError("llama.cpp could not tokenize the text")
        tokens.resize(count)
        return tokens

    cdef shared_ptr[const Pieces] _all_pieces(self) except *:
        # The bytes of every token; they outlive the model.
        self._ensure_open()
        cdef const Pieces *made
        if self._pieces.get() is NULL:
            self._users += 1
            try:
                with nogil:  # some ten milliseconds
                    made = new Pieces(self._vocab)
            finally:
                self._users -= 1
                self._free_if_unused()
            self._pieces.reset(made)
        return self._pieces

    def token_to_piece(self, llama.llama_token token, *, cbool special=False):
        """Return the bytes of one token, which may be a part of a character (``llama_token_to_piece``)."""
        self._ensure_token(token)
        return <bytes> piece_of(self._vocab, token, special)

    def control_tokens(self):
        """Return the ids that ``parse_special`` reads by their text: control tokens and the unknown token."""
        return self._with_attribute(llama.LLAMA_TOKEN_ATTR_CONTROL | llama.LLAMA_TOKEN_ATTR_UNKNOWN)

    def user_defined_tokens(self):
        """Return the ids of the tokens that are read by their text in any text, whatever ``parse_special`` says."""
        return self._with_attribute(llama.LLAMA_TOKEN_ATTR_USER_DEFINED)

    def _with_attribute(self, int wanted):
        self._ensure_open()
        return [
            token for token in range(llama.llama_vocab_n_tokens(self._vocab))
            if llama.llama_vocab_get_attr(self._vocab, token) & wanted
        ]

    def _ensure_token(self, llama.llama_token token):
        self._ensure_open()
        if not 0 <= token < llama.llama_vocab_n_tokens(self._vocab):
            raise ValueError(f"token {token} is not in the vocabulary of {llama.llama_vocab_n_tokens(self._vocab)}")

    def chat_template(self, name=None):
        """Return the Jinja source of the model's chat template, or None (``llama_model_chat_template``)."""
        self._ensure_open()
        encoded = None if name is None else name.encode("utf-8", "surrogatepass")
        cdef const char *key = NULL
        if encoded is not None:
            key = encoded
        cdef const char *template = llama.llama_model_chat_template(self._model, key)
        return None if template is NULL else template.decode("utf-8", "replace")

    def metadata(self, key: str):
        """Return one value of the GGUF header as text, or None (``llama_model_meta_val_str``)."""
        self._ensure_open()
        encoded = key.encode("utf-8", "surrogatepass")
        cdef const char *name = encoded
        cdef vector[char] value
        value.resize(1)
        cdef int32_t length = llama.llama_model_meta_val_str(self._model, name, value.data(), value.size())
        if length < 0:
            return None
        value.resize(length + 1)
        llama.llama_model_meta_val_str(self._model, name, value.data(), value.size())
        return value.data()[:length].decode("utf-8", "replace")

    @property
    def can_generate(self):
        """Whether this is a decoder with a vocabulary; an embedding model may say so too, and has no memory."""
        self._ensure_open()
        return (
            llama.llama_model_has_decoder(self._model)
            and not llama.llama_model_has_encoder(self._model)
            and not llama.llama_model_is_diffusion(self._model)
            and llama.llama_vocab_type(self._vocab) != llama.LLAMA_VOCAB_TYPE_NONE
        )

    @property
    def description(self):
        """Architecture, size and quantisation in llama.cpp's words (``llama_model_desc``)."""
        self._ensure_open()
        cdef char text[256]
        length = llama.llama_model_desc(self._model, text, sizeof(text))
        return text[:max(0, min(length, <int32_t> sizeof(text) - 1))].decode("utf-8", "replace")

    @property
    def n_vocab(self):
        """Number of tokens in the vocabulary."""
        self._ensure_open()
        return llama.llama_vocab_n_tokens(self._vocab)

    @property
    def longest_piece(self):
        """Length of the longest token in bytes."""
        self._ensure_open()
        cdef llama.llama_token token
        cdef int32_t longest = 1
        for token in range(llama.llama_vocab_n_tokens(self._vocab)):
            longest = max(longest, -llama.llama_token_to_piece(self._vocab, token, NULL, 0, 0, True))
        return longest

    @property
    def n_ctx_train(self):
        """Context length that the model was trained for, in tokens."""
        self._ensure_open()
        return llama.llama_model_n_ctx_train(self._model)

    @property
    def has_attention_only(self):
        """Whether all that it remembers is attention to every token: no recurrent state, no sliding window."""
        self._ensure_open()
        return not (
            llama.llama_model_n_swa(self._model)
            or llama.llama_model_is_recurrent(self._model)
            or llama.llama_model_is_hybrid(self._model)
        )

    @property
    def n_bytes(self):
        """Size of all tensors in bytes."""
        self._ensure_open()
        return llama.llama_model_size(self._model)

    @property
    def n_params(self):
        """Number of parameters."""
        self._ensure_open()
        return llama.llama_model_n_params(self._model)

    @property
    def bos(self):
        """Id of the token that begins a text, or -1."""
        self._ensure_open()
        return llama.llama_vocab_bos(self._vocab)

    @property
    def eos(self):
        """Id of the token that ends a text, or -1."""
        self._ensure_open()
        return llama.llama_vocab_eos(self._vocab)

    @property
    def adds_bos(self):
        """Whether the model asks for a BOS token before a text."""
        self._ensure_open()
        return llama.llama_vocab_get_add_bos(self._vocab)
