"""What was computed, in a file: a prompt that begins the same is not read again, even after the kernel was restarted.

A file is, little-endian: 8 bytes of magic, the version and the length of the header as uint32, the header as JSON
(where the state comes from, and for each sequence how many tokens and how many bytes of state it has), then the
sequences themselves, each its tokens as int32 and llama.cpp's state, and at the end a SHA-256 over all before it.

llama.cpp trusts the bytes of a state (``llama_state_seq_set_data``), so none comes near it before the checksum held.
"""

import hashlib
import json
import os
import secrets
import stat
import struct
import sys
from array import array
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from cyllama_jupyter.errors import StateError, StateNotFoundError

__all__ = ["Saved", "read", "write"]

_MAGIC = b"CYLSTATE"
_VERSION = 1
_LEAD = struct.Struct("<8sII")
_MAX_HEADER = 2**20  # bytes: some tens of thousands of sequences
_TOKEN_BYTES = 4
_CHUNK = 2**20

Origin = dict[str, str]
"""What a state can be used with alone: the same in every field."""


class Saved(NamedTuple):
    """What one sequence held.

    Args:
        tokens: Token ids.
        state: What llama.cpp computed for them.
    """

    tokens: Sequence[int]
    state: bytes


def write(path: str | os.PathLike[str], sequences: Sequence[tuple[Sequence[int], bytes]], origin: Origin) -> int:
    """Write what was computed, in place of an old file only when the new one is whole and on the disk.

    Nobody else may read the file: it holds a conversation.

    Args:
        path: Where to; ``~`` is the home folder.
        sequences: Pairs of token ids and state, as ``Scheduler.save`` returns them.
        origin: Where they come from.

    Returns:
        How many tokens were saved.

    Raises:
        OSError: It cannot be written. After that, and after Ctrl-C, an old file is as it was and there is no other.
    """
    target = Path(os.path.realpath(_expanded(path)))  # of a link it is the file that is replaced
    draft = target.with_name(f".{secrets.token_hex(8)}.tmp")
    distinct = _distinct([Saved(*sequence) for sequence in sequences])
    try:
        _write(draft, _chunks(distinct, origin))
        draft.replace(target)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise
    return sum(len(sequence.tokens) for sequence in distinct)


def _distinct(sequences: Sequence[Saved]) -> list[Saved]:
    """Leave out what a later sequence continues."""
    return [
        sequence
        for index, sequence in enumerate(sequences)
        if not any(later.tokens[: len(sequence.tokens)] == sequence.tokens for later in sequences[index + 1 :])
    ]


def _chunks(sequences: Sequence[Saved], origin: Origin) -> Iterator[bytes]:
    sizes = [(len(sequence.tokens), len(sequence.state)) for sequence in sequences]
    header = json.dumps({"origin": origin, "sequences": sizes}).encode()
    yield _LEAD.pack(_MAGIC, _VERSION, len(header))
    yield header
    for sequence in sequences:
        yield _little_endian(array("i", sequence.tokens)).tobytes()
        yield sequence.state


def _write(path: Path, chunks: Iterator[bytes]) -> None:
    digest = hashlib.sha256()
    with open(path, "xb", opener=partial(os.open, mode=0o600)) as file:
        for chunk in chunks:
            digest.update(chunk)
            file.write(chunk)
        file.write(digest.digest())
        file.flush()
        os.fsync(file.fileno())


def _little_endian(tokens: "array[int]") -> "array[int]":
    if sys.byteorder == "big":
        tokens.byteswap()
    return tokens


def read(path: str | os.PathLike[str], origin: Origin, n_vocab: int, room: int) -> list[Saved]:
    """Read what was saved, the least recently used first.

    Args:
        path: A file that ``write`` wrote; ``~`` is the home folder.
        origin: Where it has to come from.
        n_vocab: Size of the vocabulary.
        room: The most bytes of tokens and state; what does not fit is left out, the oldest first.

    Raises:
        StateNotFoundError: There is no such file.
        StateError: It is no such file, damaged, or of another origin.
    """
    path = _expanded(path)
    try:
        _check_kind(path)
        with path.open("rb") as file:
            return _Reader(file, repr(str(path))).read(origin, n_vocab, room)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise StateNotFoundError(f"there is no state file {str(path)!r}: `LLM.save_state` writes one") from error
    except OSError as error:
        raise StateError(f"the state file {str(path)!r} cannot be read: {error.strerror}") from error


def _expanded(path: str | os.PathLike[str]) -> Path:
    return Path(os.path.expanduser(path))  # noqa: PTH111 - which leaves a home that nobody has as it is


def _check_kind(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except ValueError as error:  # no name that a file can have
        raise FileNotFoundError from error
    if not stat.S_ISREG(mode):  # to open a pipe would wait for a writer
        kind = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
        raise StateError(f"{str(path)!r} is {kind}: name a file that `LLM.save_state` wrote")


class _Reader:
    """Reads a file from its beginning, and hashes what it reads; nothing is allocated that the file does not hold."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._name = name
        self._digest = hashlib.sha256()
        self._left = os.fstat(file.fileno()).st_size - self._digest.digest_size

    def read(self, origin: Origin, n_vocab: int, room: int) -> list[Saved]:
        header = self._header()
        found, sizes = self._parsed(header)
        if sum(map(_n_bytes, sizes)) != self._left:
            raise self._damaged()
        kept = _newest(sizes, room)
        sequences = [self._sequence(*size, keep=index in kept) for index, size in enumerate(sizes)]
        if self._file.read(self._digest.digest_size + 1) != self._digest.digest():
            raise self._damaged()
        self._check_origin(found, origin)
        return self._checked([sequence for sequence in sequences if sequence is not None], sizes, n_vocab)

    def _header(self) -> bytes:
        lead = self._file.read(_LEAD.size)
        self._file.seek(0)
        if lead[: len(_MAGIC)] != _MAGIC[: len(lead)] or not lead:
            what = f"begins with {lead[: len(_MAGIC)]!r}" if lead else "is empty"
            raise StateError(f"{self._name} is not a saved state: it {what}; name a file that `LLM.save_state` wrote")
        _, version, length = _LEAD.unpack(self._take(_LEAD.size))
        if version != _VERSION:
            raise StateError(
                f"the state file {self._name} has version {version:,}, and version {_VERSION} can be read: save it anew"
            )
        if length > _MAX_HEADER:
            raise self._damaged()
        return self._take(length)

    def _parsed(self, header: bytes) -> tuple[dict[str, Any], list[tuple[int, int]]]:
        try:
            parsed = json.loads(header)
            origin, sizes = dict(parsed["origin"]), [(n_tokens, n_state) for n_tokens, n_state in parsed["sequences"]]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise self._damaged() from error
        if not all(isinstance(number, int) and number > 0 for size in sizes for number in size):
            raise self._damaged()
        return origin, sizes

    def _sequence(self, n_tokens: int, n_state: int, *, keep: bool) -> Saved | None:
        if keep:
            tokens = _little_endian(array("i", self._take(_TOKEN_BYTES * n_tokens)))
            return Saved(tokens, self._take(n_state))
        left = _n_bytes((n_tokens, n_state))
        while left > 0:
            left -= len(self._take(min(left, _CHUNK)))
        return None

    def _take(self, count: int) -> bytes:
        data = self._file.read(count) if count <= self._left else b""
        if len(data) != count:
            raise self._damaged()
        self._left -= count
        self._digest.update(data)
        return data

    def _check_origin(self, found: dict[str, Any], wanted: Origin) -> None:
        for name, value in wanted.items():
            if found.get(name) != value:
                raise StateError(
                    f"the state file {self._name} was saved with another {name} ({found.get(name)!r:.200}) than this "
                    f"LLM's ({value!r:.200}): load it into one like that, or save it anew"
                )

    def _checked(self, kept: list[Saved], sizes: list[tuple[int, int]], n_vocab: int) -> list[Saved]:
        if sizes and not kept:
            raise StateError(
                f"the state file {self._name} needs {min(map(_n_bytes, sizes)):,} bytes of memory or more, and that is "
                f"not to be had: free some and load the model again"
            )
        if any(min(tokens) < 0 or max(tokens) >= n_vocab for tokens, _ in kept):
            raise self._damaged()
        return kept

    def _damaged(self) -> StateError:
        return StateError(f"the state file {self._name} is truncated or damaged: save it anew")


def _n_bytes(size: tuple[int, int]) -> int:
    n_tokens, n_state = size
    return _TOKEN_BYTES * n_tokens + n_state


def _newest(sizes: Sequence[tuple[int, int]], room: int) -> set[int]:
    """Choose what fits, beginning with the last."""
    kept = set()
    for index in reversed(range(len(sizes))):
        if _n_bytes(sizes[index]) <= room:
            room -= _n_bytes(sizes[index])
            kept.add(index)
    return kept
