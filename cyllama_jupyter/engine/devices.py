"""What llama.cpp can compute on, with what is free there."""

import psutil

from cyllama_jupyter._native.devices import Device
from cyllama_jupyter._native.devices import devices as _seen
from cyllama_jupyter.engine.loading import free_memory

__all__ = ["Device", "devices", "gpus"]


def devices() -> list[Device]:
    """Return the devices that llama.cpp sees, in its order (``ggml_backend_dev_get``).

    For the CPU ggml takes the whole memory for free; here it is what may still be taken. A GPU's driver starts for
    this, and keeps some hundred megabytes of its memory.
    """
    return [
        device._replace(free=free_memory(), total=psutil.virtual_memory().total) if device.kind == "cpu" else device
        for device in _seen()
    ]


def gpus() -> list[Device]:
    """Return the devices that llama.cpp puts layers on: the GPUs, or else the GPUs that share the machine's memory."""
    seen = _seen()
    return [device for device in seen if device.kind == "gpu"] or [device for device in seen if device.kind == "igpu"]
