"""What a saved state can be used with alone: which model a file holds, told without reading gigabytes."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from cyllama_jupyter._native.build_info import LLAMA_CPP_PYTHON_VERSION
from cyllama_jupyter._native.gguf import GgufHeader
from cyllama_jupyter.config import GenerationConfig
from cyllama_jupyter.errors import StateError

__all__ = ["ModelFile"]

_N_SAMPLES = 64
_SAMPLE_BYTES = 65_536


class ModelFile:
    """A model's file, and those of its adapters, as they were when this was made.

    Args:
        path: A GGUF file, checked already.
        adapters: Pairs of an adapter's file and its scale.
    """

    def __init__(self, path: str, adapters: Sequence[tuple[str, float]] = ()) -> None:
        self._adapters = [(ModelFile(adapter), scale) for adapter, scale in adapters if scale]  # 0 changes nothing
        self._path = path
        self._identity = _identity(path)
        self._fingerprint = ""

    def origin(self, config: GenerationConfig) -> dict[str, str]:
        """Return what a state of this model depends on, as it was loaded; it raises what ``fingerprint`` raises."""
        return {
            "model": self.fingerprint(),
            "flash_attn": str(config.flash_attn),
            "llama-cpp-python": LLAMA_CPP_PYTHON_VERSION,
            "type of keys": str(config.type_k),
            "type of values": str(config.type_v),
            "set of adapters": self._scaled_adapters(),
        }

    def _scaled_adapters(self) -> str:
        return ", ".join(sorted(f"{file.fingerprint()[:16]} at {scale}" for file, scale in self._adapters)) or "none"

    def fingerprint(self) -> str:
        """Return a SHA-256 over the file's size, all of its metadata and tensor infos, and 64 samples of its weights.

        Each sample has 64 KiB. Training changes every tensor, so two models differ in all of them; a file that was
        changed in a few bytes between two samples is not told apart.

        Raises:
            StateError: The file was replaced or is gone, so that nobody can tell what was loaded.
        """
        if not self._fingerprint:
            self._fingerprint = self._computed()
        return self._fingerprint

    def _computed(self) -> str:
        try:
            found = _fingerprint(self._path) if _identity(self._path) == self._identity else ""
            if found and _identity(self._path) == self._identity:
                return found
        except OSError:
            pass  # what is gone has changed too
        raise StateError(f"the file {self._path!r} has changed since it was loaded: load the model again")


def _identity(path: str) -> tuple[int, ...]:
    status = Path(path).stat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _fingerprint(path: str) -> str:
    begin = GgufHeader(os.fsencode(path)).data_offset
    with Path(path).open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        digest = hashlib.sha256(size.to_bytes(8, "little"))
        for part in _parts(file, begin, size):
            digest.update(part)
    return digest.hexdigest()


def _parts(file: BinaryIO, begin: int, size: int) -> Iterator[bytes]:
    """Yield all up to ``begin``, and samples of the rest, the last bytes among them."""
    yield file.read(begin)
    span = max(0, size - begin - _SAMPLE_BYTES)
    for index in range(_N_SAMPLES):
        file.seek(begin + span * index // (_N_SAMPLES - 1))
        yield file.read(_SAMPLE_BYTES)
