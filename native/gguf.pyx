"""The header of a GGUF file, read by ggml's own parser without loading any weights."""

from libc.stdint cimport int64_t

from cyllama_jupyter._native cimport llama


def required_bytes(path: bytes):
    """Return how long the file must be to hold every tensor that its header names.

    Args:
        path: File-system path, encoded by ``os.fsencode``.

    Returns:
        Bytes from the start of the file to the end of its last tensor, or None when ggml cannot parse the header
        (``gguf_init_from_file``).
    """
    cdef const char *name = path
    cdef llama.gguf_init_params params
    params.no_alloc = True
    params.ctx = NULL
    cdef llama.gguf_context *header
    with nogil:
        header = llama.gguf_init_from_file(name, params)
    if header is NULL:
        return None
    cdef size_t end = 0
    cdef int64_t index
    try:
        for index in range(llama.gguf_get_n_tensors(header)):
            end = max(end, llama.gguf_get_tensor_offset(header, index) + llama.gguf_get_tensor_size(header, index))
        return llama.gguf_get_data_offset(header) + end
    finally:
        llama.gguf_free(header)
