"""The header of a GGUF file, read by ggml's own parser without loading any weights."""

from struct import calcsize, unpack

from libc.stdint cimport int64_t
from libcpp.string cimport string
from libcpp.unordered_set cimport unordered_set

from cyllama_jupyter._native cimport llama

from cyllama_jupyter.errors import ModelFileError


cdef size_t _LONGEST = 1024  # numbers of an array: one for each layer; a vocabulary has more

cdef dict _READERS = {
    llama.GGUF_TYPE_UINT8: "B",
    llama.GGUF_TYPE_INT8: "b",
    llama.GGUF_TYPE_UINT16: "H",
    llama.GGUF_TYPE_INT16: "h",
    llama.GGUF_TYPE_UINT32: "I",
    llama.GGUF_TYPE_INT32: "i",
    llama.GGUF_TYPE_FLOAT32: "f",
    llama.GGUF_TYPE_BOOL: "?",
    llama.GGUF_TYPE_UINT64: "Q",
    llama.GGUF_TYPE_INT64: "q",
    llama.GGUF_TYPE_FLOAT64: "d",
}


def quantisation(int file_type):
    """Return llama.cpp's name of a ``general.file_type`` (``llama_ftype_name``)."""
    return llama.llama_ftype_name(<llama.llama_ftype> file_type).decode("utf-8", "replace")


cdef class GgufHeader:
    """The parsed header of a file (``gguf_init_from_file``).

    Args:
        path: File-system path, encoded by ``os.fsencode``.

    Raises:
        ModelFileError: ggml cannot parse it.
    """

    cdef llama.gguf_context *_header  # owned, until this is collected

    def __cinit__(self, path: bytes):
        cdef const char *name = path
        cdef llama.gguf_init_params params
        params.no_alloc = True
        params.ctx = NULL
        with nogil:
            self._header = llama.gguf_init_from_file(name, params)
        if self._header is NULL:
            raise ModelFileError("the header cannot be read")

    def __dealloc__(self):
        if self._header is not NULL:
            llama.gguf_free(self._header)

    @property
    def data_offset(self):
        """Where the tensors begin: bytes from the start of the file."""
        return llama.gguf_get_data_offset(self._header)

    @property
    def required_bytes(self):
        """How long the file must be to hold every tensor: bytes from its start to the end of the last one."""
        cdef size_t end = 0
        cdef int64_t index
        for index in range(llama.gguf_get_n_tensors(self._header)):
            end = max(end, llama.gguf_get_tensor_offset(self._header, index)
                      + llama.gguf_get_tensor_size(self._header, index))
        return llama.gguf_get_data_offset(self._header) + end

    @property
    def tensor_bytes(self):
        """Size of all tensors in bytes, without the padding between them."""
        cdef int64_t index
        cdef size_t size = 0
        for index in range(llama.gguf_get_n_tensors(self._header)):
            size += llama.gguf_get_tensor_size(self._header, index)
        return size

    @property
    def n_params(self):
        """Number of parameters: the values of all tensors."""
        cdef int64_t index
        cdef int64_t count = 0
        cdef llama.ggml_type kind
        for index in range(llama.gguf_get_n_tensors(self._header)):
            kind = llama.gguf_get_tensor_type(self._header, index)
            count += (<int64_t> llama.gguf_get_tensor_size(self._header, index)
                      // <int64_t> llama.ggml_type_size(kind) * llama.ggml_blck_size(kind))
        return count

    @property
    def tensors(self):
        """The tensors in their order: their names, types in ggml's words, and four lengths, 1 where there is none."""
        cdef int64_t index
        cdef const int64_t *shape
        found = []
        for index in range(llama.gguf_get_n_tensors(self._header)):
            name = llama.gguf_get_tensor_name(self._header, index).decode("utf-8", "replace")
            kind = llama.ggml_type_name(llama.gguf_get_tensor_type(self._header, index)).decode()
            shape = llama.gguf_get_tensor_ne(self._header, index)
            found.append((name, kind, (shape[0], shape[1], shape[2], shape[3])))
        return found

    def kind(self, key: bytes):
        """Return the type of a value of the metadata in ggml's words ("f32", "arr"), or None where there is none."""
        cdef int64_t index = llama.gguf_find_key(self._header, key)
        return None if index < 0 else llama.gguf_type_name(llama.gguf_get_kv_type(self._header, index)).decode()

    def length(self, key: bytes):
        """Return how many values an array of the metadata has; 0 where there is none of that name."""
        cdef int64_t index = llama.gguf_find_key(self._header, key)
        if index < 0 or llama.gguf_get_kv_type(self._header, index) != llama.GGUF_TYPE_ARRAY:
            return 0
        return llama.gguf_get_arr_n(self._header, index)

    def string(self, key: bytes):
        """Return a text of the metadata, or None where there is none of that name."""
        cdef int64_t index = llama.gguf_find_key(self._header, key)
        if index < 0 or llama.gguf_get_kv_type(self._header, index) != llama.GGUF_TYPE_STRING:
            return None
        return llama.gguf_get_val_str(self._header, index).decode("utf-8", "replace")

    def numbers(self, key: bytes):
        """Return a number of the metadata, or those of an array, as a tuple; empty where there are none of that name.

        An array of more than 1,024 is taken for none.
        """
        cdef int64_t index = llama.gguf_find_key(self._header, key)
        if index < 0:
            return ()
        kind = llama.gguf_get_kv_type(self._header, index)
        cdef size_t count = 1
        cdef const char *data
        if kind == llama.GGUF_TYPE_ARRAY:
            kind = llama.gguf_get_arr_type(self._header, index)
            count = llama.gguf_get_arr_n(self._header, index)
            if kind not in _READERS or count > _LONGEST:
                return ()
            data = <const char *> llama.gguf_get_arr_data(self._header, index)
        elif kind in _READERS:
            data = <const char *> llama.gguf_get_val_data(self._header, index)
        else:
            return ()
        form = f"={count}{_READERS[kind]}"
        return unpack(form, data[:calcsize(form)]) if count else ()

    def repeated(self, key: bytes):
        """Return the first text that an array of the metadata holds twice, or None."""
        cdef int64_t index = llama.gguf_find_key(self._header, key)
        if index < 0 or llama.gguf_get_kv_type(self._header, index) != llama.GGUF_TYPE_ARRAY:
            return None
        if llama.gguf_get_arr_type(self._header, index) != llama.GGUF_TYPE_STRING:
            return None
        cdef unordered_set[string] seen
        cdef string text
        cdef size_t at = 0
        cdef size_t count = llama.gguf_get_arr_n(self._header, index)
        with nogil:
            while at < count:
                text = string(llama.gguf_get_arr_str(self._header, index, at))
                if not text.empty() and not seen.insert(text).second:  # llama.cpp names those anew
                    break
                at += 1
        return (<bytes> text).decode("utf-8", "replace") if at < count else None
