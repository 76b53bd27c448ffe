"""Damage a GGUF file at random, but where it hurts: numbers become extreme ones, lengths lie, stretches move."""

import random
import struct
from collections.abc import Callable
from typing import NamedTuple

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_NUMBERS = (0, 1, 2, 3, 5, 7, 63, 65, 127, 255, 256, 257, 512, 513, 1000, 2**15, 2**16, 2**20, 2**24, 2**28, 2**31 - 1)
_MORE_NUMBERS = (2**31, 2**32 - 1, 2**32, 2**40, 2**62, 2**63 - 1, 2**63, 2**64 - 1, -1, -2, -(2**31))
_FLOATS = (0.0, -1.0, 1e-30, 1e30, float("inf"), float("nan"))


class Number(NamedTuple):
    """Where a number lies in the file, and what it says.

    Args:
        name: The metadata key, or the tensor and which of its numbers.
        offset: In bytes.
        form: As ``struct`` reads it, little-endian.
    """

    name: str
    offset: int
    form: str


class Layout(NamedTuple):
    """Where the parts of a file lie.

    Args:
        numbers: Scalars of the metadata, lengths of strings and arrays.
        dimensions: Numbers of the tensor infos.
        infos: Offset of the first tensor info.
        data: Offset of the first tensor's data.
    """

    numbers: list[Number]
    dimensions: list[Number]
    infos: int
    data: int


class _Parser:
    def __init__(self, file: bytes) -> None:
        self.file, self.at = file, 24
        self.numbers = [Number("n_tensors", 8, "Q"), Number("n_kv", 16, "Q")]

    def number(self, name: str, form: str, into: list[Number]) -> int:
        into.append(Number(name, self.at, form))
        (value,) = struct.unpack_from("<" + form, self.file, self.at)
        self.at += struct.calcsize("<" + form)
        return int(value) if form not in "fd" else 0

    def string(self, name: str, into: list[Number]) -> str:
        length = self.number(f"length of {name}", "Q", into)
        self.at += length
        return self.file[self.at - length : self.at].decode(errors="replace")

    def value(self, name: str, kind: int) -> None:
        if kind == _STRING:
            self.string(name, self.numbers)
        elif kind == _ARRAY:
            inner = self.number(f"type in {name}", "I", self.numbers)
            for index in range(self.number(f"count of {name}", "Q", self.numbers)):
                self.value(f"{name}[{index}]", inner)
        else:
            self.number(name, _SCALARS[kind], self.numbers)

    def info(self, into: list[Number]) -> None:
        name = self.string("tensor name", into)
        for index in range(self.number(f"n_dims of {name}", "I", into)):
            self.number(f"dimension {index} of {name}", "Q", into)
        self.number(f"type of {name}", "I", into)
        self.number(f"offset of {name}", "Q", into)


def layout(file: bytes) -> Layout:
    """Parse a good GGUF file."""
    parser = _Parser(file)
    n_tensors, n_kv = struct.unpack_from("<QQ", file, 8)
    for _ in range(n_kv):
        key = parser.string("a key", parser.numbers)
        parser.value(key, parser.number(f"type of {key}", "I", parser.numbers))
    infos, dimensions = parser.at, list[Number]()
    for _ in range(n_tensors):
        parser.info(dimensions)
    return Layout(parser.numbers, dimensions, infos, -(-parser.at // 32) * 32)


def _extreme(chance: random.Random, file: bytearray, number: Number) -> str:
    """Overwrite a number, half the time with one that is near it."""
    form = "<" + number.form
    (old,) = struct.unpack_from(form, file, number.offset)
    if number.form in "fd":
        new: float = chance.choice(_FLOATS)
    else:
        near = int(old) + chance.choice((-2, -1, 1, 2))
        limit = 2 ** (8 * struct.calcsize(form))
        new = chance.choice((near, chance.choice(_NUMBERS), chance.choice(_NUMBERS + _MORE_NUMBERS))) % limit
        new -= limit if number.form in "bhiq" and new >= limit // 2 else 0
    struct.pack_into(form, file, number.offset, bool(new) if number.form == "?" else new)
    return f"{number.name}: {old} became {new}"


def _hyperparameter(chance: random.Random, file: bytearray, where: Layout) -> str:
    """Overwrite one of the single numbers, of which there are few between the thousands of the vocabulary."""
    single = [number for number in where.numbers if "[" not in number.name and " of " not in number.name]
    return _extreme(chance, file, chance.choice(single))


def _any_number(chance: random.Random, file: bytearray, where: Layout) -> str:
    return _extreme(chance, file, chance.choice(where.numbers))


def _dimension(chance: random.Random, file: bytearray, where: Layout) -> str:
    return _extreme(chance, file, chance.choice(where.dimensions))


def _noise(chance: random.Random, file: bytearray, begin: int, end: int) -> str:
    count = chance.choice((1, 1, 2, 8, 64))
    at = chance.randrange(begin, end)
    for index in range(at, min(at + count, len(file))):
        file[index] = chance.choice((0, 0xFF, chance.randrange(256), file[index] ^ (1 << chance.randrange(8))))
    return f"{count} bytes of noise at {at}"


def _noise_in_metadata(chance: random.Random, file: bytearray, where: Layout) -> str:
    return _noise(chance, file, 0, where.infos)


def _noise_in_infos(chance: random.Random, file: bytearray, where: Layout) -> str:
    return _noise(chance, file, where.infos, where.data)


def _noise_in_data(chance: random.Random, file: bytearray, where: Layout) -> str:
    return _noise(chance, file, where.data, len(file))


def _moved(chance: random.Random, file: bytearray, where: Layout) -> str:
    """Copy a stretch over another: strings come twice, infos take another's place."""
    length = chance.choice((1, 4, 8, 16, 64))
    source, target = (chance.randrange(24, where.data - length) for _ in range(2))
    file[target : target + length] = file[source : source + length]
    return f"{length} bytes of {source} at {target} too"


def _cut(chance: random.Random, file: bytearray, where: Layout) -> str:
    at = chance.randrange(where.data)
    length = chance.choice((1, 8, 100, len(file)))
    del file[at : at + length]
    return f"{length} bytes are missing at {at}"


_KINDS: tuple[Callable[[random.Random, bytearray, Layout], str], ...] = (
    _hyperparameter,
    _hyperparameter,
    _hyperparameter,
    _any_number,
    _any_number,
    _dimension,
    _dimension,
    _noise_in_metadata,
    _noise_in_infos,
    _noise_in_data,
    _moved,
    _cut,
)


def mutate(good: bytes, where: Layout, seed: int) -> tuple[str, bytes]:
    """Return what was done, and the damaged file; the same seed does the same."""
    chance = random.Random(seed)
    file = bytearray(good)
    return chance.choice(_KINDS)(chance, file, where), bytes(file)
