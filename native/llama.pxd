# Only what is called. `except +` marks what may throw: an uncaught C++ exception ends the process.
from libc.stddef cimport size_t
from libc.stdint cimport int8_t, int32_t, int64_t, uint32_t, uint64_t
from libcpp cimport bool as cbool

cdef extern from "ggml.h" nogil:
    ctypedef cbool (*ggml_abort_callback)(void *data)
    ctypedef enum ggml_log_level:
        GGML_LOG_LEVEL_CONT
    ctypedef void (*ggml_log_callback)(ggml_log_level level, const char *text, void *user_data)
    ctypedef enum ggml_type:
        GGML_TYPE_F32
        GGML_TYPE_F16
        GGML_TYPE_BF16
        GGML_TYPE_Q8_0
        GGML_TYPE_Q4_0
        GGML_TYPE_Q4_1
        GGML_TYPE_IQ4_NL
        GGML_TYPE_Q5_0
        GGML_TYPE_Q5_1
    size_t ggml_type_size(ggml_type type)  # bytes of a block
    int64_t ggml_blck_size(ggml_type type)  # values of a block
    const char *ggml_type_name(ggml_type type)  # a constant

cdef extern from "ggml-backend.h" nogil:
    ctypedef struct ggml_backend_device:
        pass
    ctypedef ggml_backend_device *ggml_backend_dev_t  # belongs to its backend, which is never unloaded
    ctypedef enum ggml_backend_dev_type_t "enum ggml_backend_dev_type":
        GGML_BACKEND_DEVICE_TYPE_CPU
        GGML_BACKEND_DEVICE_TYPE_GPU
        GGML_BACKEND_DEVICE_TYPE_IGPU
        GGML_BACKEND_DEVICE_TYPE_ACCEL
        GGML_BACKEND_DEVICE_TYPE_META
    size_t ggml_backend_dev_count() except +
    ggml_backend_dev_t ggml_backend_dev_get(size_t index) except +  # asserts that there is one
    const char *ggml_backend_dev_name(ggml_backend_dev_t device) except +  # borrowed from the device
    const char *ggml_backend_dev_description(ggml_backend_dev_t device) except +  # the same
    ggml_backend_dev_type_t ggml_backend_dev_type(ggml_backend_dev_t device) except +
    void ggml_backend_dev_memory(ggml_backend_dev_t device, size_t *free, size_t *total) except +

cdef extern from "gguf.h" nogil:
    ctypedef struct gguf_context:
        pass
    ctypedef struct gguf_init_params:
        cbool no_alloc
        void *ctx
    # NULL on error; the caller frees what it returns.
    gguf_context *gguf_init_from_file(const char *fname, gguf_init_params params) except +
    void gguf_free(gguf_context *ctx)
    ctypedef enum gguf_type:
        GGUF_TYPE_UINT8
        GGUF_TYPE_INT8
        GGUF_TYPE_UINT16
        GGUF_TYPE_INT16
        GGUF_TYPE_UINT32
        GGUF_TYPE_INT32
        GGUF_TYPE_FLOAT32
        GGUF_TYPE_BOOL
        GGUF_TYPE_STRING
        GGUF_TYPE_ARRAY
        GGUF_TYPE_UINT64
        GGUF_TYPE_INT64
        GGUF_TYPE_FLOAT64
    # Of another type than it asks for, an accessor asserts. What they return is borrowed from the header.
    int64_t gguf_find_key(const gguf_context *ctx, const char *key)  # -1: there is none
    gguf_type gguf_get_kv_type(const gguf_context *ctx, int64_t key_id)
    const char *gguf_type_name(gguf_type type)  # a constant
    gguf_type gguf_get_arr_type(const gguf_context *ctx, int64_t key_id)
    const char *gguf_get_val_str(const gguf_context *ctx, int64_t key_id)
    const void *gguf_get_val_data(const gguf_context *ctx, int64_t key_id)
    size_t gguf_get_arr_n(const gguf_context *ctx, int64_t key_id)
    const void *gguf_get_arr_data(const gguf_context *ctx, int64_t key_id)
    const char *gguf_get_arr_str(const gguf_context *ctx, int64_t key_id, size_t i)
    size_t gguf_get_data_offset(const gguf_context *ctx)
    int64_t gguf_get_n_tensors(const gguf_context *ctx)
    size_t gguf_get_tensor_offset(const gguf_context *ctx, int64_t tensor_id)
    size_t gguf_get_tensor_size(const gguf_context *ctx, int64_t tensor_id)
    ggml_type gguf_get_tensor_type(const gguf_context *ctx, int64_t tensor_id)
    const char *gguf_get_tensor_name(const gguf_context *ctx, int64_t tensor_id)
    const int64_t *gguf_get_tensor_ne(const gguf_context *ctx, int64_t tensor_id)  # four lengths

cdef extern from "llama.h" nogil:
    ctypedef int32_t llama_token
    ctypedef int32_t llama_pos
    ctypedef int32_t llama_seq_id
    ctypedef struct llama_model:
        pass
    ctypedef struct llama_vocab:
        pass
    ctypedef struct llama_context:
        pass
    ctypedef struct llama_sampler:
        pass
    ctypedef struct llama_adapter_lora:
        pass
    ctypedef void *llama_memory_t

    ctypedef enum llama_split_mode:
        LLAMA_SPLIT_MODE_NONE
    ctypedef enum llama_flash_attn_type:
        LLAMA_FLASH_ATTN_TYPE_DISABLED
        LLAMA_FLASH_ATTN_TYPE_ENABLED
    ctypedef enum llama_vocab_type_t "enum llama_vocab_type":
        LLAMA_VOCAB_TYPE_NONE
    ctypedef enum llama_token_attr:
        LLAMA_TOKEN_ATTR_UNKNOWN
        LLAMA_TOKEN_ATTR_CONTROL
        LLAMA_TOKEN_ATTR_USER_DEFINED

    ctypedef cbool (*llama_progress_callback)(float progress, void *user_data)

    ctypedef struct llama_model_params:
        int32_t n_gpu_layers
        llama_split_mode split_mode
        int32_t main_gpu
        const float *tensor_split
        llama_progress_callback progress_callback
        void *progress_callback_user_data

    ctypedef struct llama_context_params:
        uint32_t n_ctx
        uint32_t n_batch
        uint32_t n_ubatch
        uint32_t n_seq_max
        int32_t n_threads
        int32_t n_threads_batch
        llama_flash_attn_type flash_attn_type
        ggml_type type_k
        ggml_type type_v
        ggml_abort_callback abort_callback
        void *abort_callback_data
        cbool no_perf
        cbool kv_unified

    ctypedef struct llama_batch:
        int32_t n_tokens

    ctypedef struct llama_sampler_chain_params:
        cbool no_perf

    ctypedef enum llama_ftype:
        LLAMA_FTYPE_ALL_F32
    const char *llama_ftype_name(llama_ftype ftype) except +  # a constant, for any number

    void llama_backend_init()
    void llama_log_get(ggml_log_callback *log_callback, void **user_data)
    void llama_log_set(ggml_log_callback log_callback, void *user_data)
    size_t llama_max_devices()
    cbool llama_supports_gpu_offload()

    # Model: the caller owns what load returns; NULL on error and when the progress callback returned false.
    llama_model_params llama_model_default_params()
    llama_model *llama_model_load_from_file(const char *path_model, llama_model_params params) except +
    void llama_model_free(llama_model *model)
    const llama_vocab *llama_model_get_vocab(const llama_model *model)  # borrowed from the model
    const char *llama_model_chat_template(const llama_model *model, const char *name)  # borrowed, or NULL
    int32_t llama_model_meta_val_str(const llama_model *model, const char *key, char *buf, size_t buf_size)
    int32_t llama_model_desc(const llama_model *model, char *buf, size_t buf_size)
    int32_t llama_model_n_ctx_train(const llama_model *model)
    int32_t llama_model_n_swa(const llama_model *model)
    cbool llama_model_is_recurrent(const llama_model *model)
    cbool llama_model_is_hybrid(const llama_model *model)
    uint64_t llama_model_size(const llama_model *model)
    uint64_t llama_model_n_params(const llama_model *model)
    cbool llama_model_has_encoder(const llama_model *model)
    cbool llama_model_has_decoder(const llama_model *model)
    cbool llama_model_is_diffusion(const llama_model *model)

    # Vocabulary
    llama_vocab_type_t llama_vocab_type(const llama_vocab *vocab)
    int32_t llama_vocab_n_tokens(const llama_vocab *vocab)
    llama_token llama_vocab_bos(const llama_vocab *vocab)
    llama_token llama_vocab_eos(const llama_vocab *vocab)
    cbool llama_vocab_get_add_bos(const llama_vocab *vocab)
    llama_token_attr llama_vocab_get_attr(const llama_vocab *vocab, llama_token token)
    int32_t llama_tokenize(const llama_vocab *vocab, const char *text, int32_t text_len, llama_token *tokens,
                           int32_t n_tokens_max, cbool add_special, cbool parse_special) except +
    int32_t llama_token_to_piece(const llama_vocab *vocab, llama_token token, char *buf, int32_t length,
                                 int32_t lstrip, cbool special) except +

    # Context: the caller owns what init returns and frees it before its model; NULL on error.
    llama_context_params llama_context_default_params()
    llama_context *llama_init_from_model(llama_model *model, llama_context_params params) except +
    void llama_free(llama_context *ctx)
    uint32_t llama_n_ctx(const llama_context *ctx)
    uint32_t llama_n_batch(const llama_context *ctx)
    uint32_t llama_n_ubatch(const llama_context *ctx)
    llama_memory_t llama_get_memory(const llama_context *ctx)  # borrowed from the context
    void llama_memory_clear(llama_memory_t mem, cbool data) except +
    llama_pos llama_memory_seq_pos_max(llama_memory_t mem, llama_seq_id seq_id)
    void llama_set_abort_callback(llama_context *ctx, ggml_abort_callback callback, void *data)
    llama_batch llama_batch_get_one(llama_token *tokens, int32_t n_tokens)  # borrows tokens; not to be freed
    int32_t llama_decode(llama_context *ctx, llama_batch batch) except +
    float *llama_get_logits_ith(llama_context *ctx, int32_t i)  # borrowed from the context, or NULL

    # Adapters: the caller owns what init returns, NULL on error; its model frees those that are left. Both calls change
    # a list in the model, without a lock. A context borrows what is set: of several with a scale of 0 none.
    llama_adapter_lora *llama_adapter_lora_init(llama_model *model, const char *path_lora) except +
    void llama_adapter_lora_free(llama_adapter_lora *adapter)
    int32_t llama_set_adapters_lora(llama_context *ctx, llama_adapter_lora **adapters, size_t n_adapters,
                                    float *scales) except +

    # Samplers: the caller owns what init returns; a chain owns what is added to it.
    llama_sampler_chain_params llama_sampler_chain_default_params()
    llama_sampler *llama_sampler_chain_init(llama_sampler_chain_params params) except +
    void llama_sampler_chain_add(llama_sampler *chain, llama_sampler *smpl) except +
    void llama_sampler_accept(llama_sampler *smpl, llama_token token) except +
    llama_sampler *llama_sampler_init_greedy() except +
    llama_sampler *llama_sampler_init_dist(uint32_t seed) except +
    llama_sampler *llama_sampler_init_top_k(int32_t k) except +
    llama_sampler *llama_sampler_init_top_p(float p, size_t min_keep) except +
    llama_sampler *llama_sampler_init_min_p(float p, size_t min_keep) except +
    llama_sampler *llama_sampler_init_temp(float t) except +
    llama_sampler *llama_sampler_init_top_n_sigma(float n) except +
    llama_sampler *llama_sampler_init_mirostat(int32_t n_vocab, uint32_t seed, float tau, float eta,
                                               int32_t m) except +
    llama_sampler *llama_sampler_init_mirostat_v2(uint32_t seed, float tau, float eta) except +
    llama_sampler *llama_sampler_init_penalties(int32_t n_vocab, int32_t penalty_last_n, float penalty_repeat,
                                                float penalty_freq, float penalty_present) except +
    llama_sampler *llama_sampler_init_dry(const llama_vocab *vocab, float dry_multiplier, float dry_base,
                                          int32_t dry_allowed_length, int32_t dry_penalty_last_n,
                                          const char **seq_breakers, size_t num_breakers) except +
