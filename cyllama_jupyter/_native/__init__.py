"""The compiled modules over llama.cpp; importing this package checks and loads the libllama they were built against."""

import ctypes
import importlib.util
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__: list[str] = []

_DISTRIBUTION = "llama-cpp-python"
_LIBRARY = {"win32": "llama.dll", "darwin": "libllama.dylib"}.get(sys.platform, "libllama.so")


def _built_against() -> str:
    try:
        from cyllama_jupyter._native.build_info import LLAMA_CPP_PYTHON_VERSION  # noqa: PLC0415 - written by the build
    except ImportError as error:
        message = "cyllama_jupyter is not compiled here: run `pip install .` (or `make install`) in its source folder"
        raise ImportError(message) from error
    return LLAMA_CPP_PYTHON_VERSION


def _check_version(built: str) -> None:
    """Refuse any other llama-cpp-python: its structs are passed by value, so a wrong version corrupts the stack."""
    try:
        installed = version(_DISTRIBUTION)
    except PackageNotFoundError:
        installed = "none"
    if installed != built:
        message = (
            f"cyllama_jupyter was built against {_DISTRIBUTION} {built} but {installed} is installed: "
            f"run `pip install {_DISTRIBUTION}=={built}`, or reinstall cyllama_jupyter"
        )
        raise ImportError(message)


def _load_library(built: str) -> ctypes.CDLL:
    """Load libllama by path, so that ours and a later ``import llama_cpp`` share one copy."""
    spec = importlib.util.find_spec("llama_cpp")  # finds it without running it
    if spec is None or spec.origin is None:
        raise ImportError(f"{_DISTRIBUTION} {built} is installed without its package llama_cpp: reinstall it")
    path = Path(spec.origin).parent / "lib" / _LIBRARY
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        remedy = f"run `pip install --force-reinstall {_DISTRIBUTION}=={built}`"
        raise ImportError(f"llama.cpp's library {path} cannot be loaded ({error}): {remedy}") from error


_BUILT = _built_against()
_check_version(_BUILT)
_LIBLLAMA = _load_library(_BUILT)
