"""What llama.cpp can compute on (ggml's backend registry)."""

from typing import Literal, NamedTuple

from cyllama_jupyter._native cimport llama

llama.llama_backend_init()  # or a backend may not have looked for its devices yet

cdef dict _KINDS = {
    llama.GGML_BACKEND_DEVICE_TYPE_CPU: "cpu",
    llama.GGML_BACKEND_DEVICE_TYPE_GPU: "gpu",
    llama.GGML_BACKEND_DEVICE_TYPE_IGPU: "igpu",
    llama.GGML_BACKEND_DEVICE_TYPE_ACCEL: "accel",
    llama.GGML_BACKEND_DEVICE_TYPE_META: "meta",
}


class Device(NamedTuple):
    """Something that llama.cpp can compute on (``ggml_backend_dev_get``).

    Args:
        name: llama.cpp's short name, such as ``CPU`` or ``CUDA0``.
        description: What it is, in the words of its driver.
        kind: "cpu"; "gpu", which has memory of its own; "igpu", which shares the machine's; "accel", which helps the
            CPU (BLAS, AMX); "meta", several devices taken for one.
        free: Bytes of its memory that are free; 0 where its driver does not say.
        total: Bytes of its memory; 0 where its driver does not say.
    """

    name: str
    description: str
    kind: Literal["cpu", "gpu", "igpu", "accel", "meta"]
    free: int
    total: int


def devices():
    """Return the devices that this llama.cpp sees, in its own order.

    A driver may have to start for this, and a GPU's then keeps some hundred megabytes (CUDA's context).
    """
    return [_device(llama.ggml_backend_dev_get(index)) for index in range(llama.ggml_backend_dev_count())]


cdef object _device(llama.ggml_backend_dev_t device):
    cdef size_t free = 0
    cdef size_t total = 0
    with nogil:  # a driver may take its time
        llama.ggml_backend_dev_memory(device, &free, &total)
    return Device(
        llama.ggml_backend_dev_name(device).decode("utf-8", "replace"),
        llama.ggml_backend_dev_description(device).decode("utf-8", "replace"),
        _KINDS[llama.ggml_backend_dev_type(device)],
        free,
        total,
    )
