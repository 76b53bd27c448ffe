"""Load damaged states, in a process that may die: ``state_probe.py KIND MODEL STATE < seeds``.

The kind is "damaged", or "crafted": with a checksum that agrees with the damage.
"""

import hashlib
import random
import struct
import sys
from collections.abc import Callable
from pathlib import Path

from cyllama_jupyter import LLM, CyllamaError, GenerationConfig
from tests.robustness.deaths import watched

PROMPT = "Hello you and me," * 20 + " what is it"
GREEDY = GenerationConfig(max_tokens=8, temperature=0.0)
DIGEST = hashlib.sha256().digest_size
_NUMBERS = (0, 1, 2, 255, 256, 2**16, 2**31 - 1, 2**31, 2**32 - 1)


def _noise(chance: random.Random, file: bytearray, begin: int) -> str:
    at, count = chance.randrange(begin, len(file)), chance.choice((1, 1, 4, 64))
    for index in range(at, min(at + count, len(file))):
        file[index] = (file[index] + chance.randrange(1, 256)) % 256
    return f"{count} bytes of noise at {at}"


def _number(chance: random.Random, file: bytearray, begin: int) -> str:
    at = begin + chance.randrange((len(file) - begin) // 4) * 4
    old, new = file[at : at + 4], struct.pack("<I", chance.choice(_NUMBERS))
    if old == new:
        return _noise(chance, file, begin)
    file[at : at + 4] = new
    return f"{old.hex()} became {new.hex()} at {at}"


def _cut(chance: random.Random, file: bytearray, begin: int) -> str:
    at, count = chance.randrange(begin, len(file)), chance.choice((1, 4, 1000, len(file)))
    del file[at : at + count]
    return f"{count} bytes are missing at {at}"


def _longer(chance: random.Random, file: bytearray, begin: int) -> str:
    at, count = chance.randrange(begin, len(file)), chance.choice((1, 4, 1000))
    file[at:at] = chance.randbytes(count)
    return f"{count} bytes more at {at}"


def damaged(chance: random.Random, good: bytes) -> tuple[str, bytes]:
    """Damage any part of a state file."""
    file = bytearray(good)
    done = chance.choice((_noise, _number, _cut, _longer))(chance, file, 0)
    return done, bytes(file)


def crafted(chance: random.Random, good: bytes) -> tuple[str, bytes]:
    """Change what comes after the header, half the time near its beginning, and make the checksum agree."""
    begin = 16 + struct.unpack_from("<I", good, 12)[0]
    file = bytearray(good[:-DIGEST])
    tail = bytes(file[begin + 6000 :]) if chance.random() < 0.5 else b""
    head = bytearray(file[: len(file) - len(tail)])
    done = chance.choice((_noise, _number))(chance, head, begin)
    body = bytes(head) + tail
    return done, body + hashlib.sha256(body).digest()


def outcome(llm: LLM, path: Path, expected: str) -> str:
    """Load a state, generate, and return what came of it."""
    try:
        llm.load_state(path)
        found = "loaded"
    except CyllamaError as error:
        found = type(error).__name__
    try:
        answer = llm(PROMPT, GREEDY)
    except CyllamaError as error:
        return f"{found}, then {type(error).__name__}"
    return f"{found}, then {'the right' if answer == expected else 'another'} answer"


def main(kind: str, model: Path, state: Path) -> None:
    """Do what the seeds on stdin say; a line before and a line after each."""
    change: Callable[[random.Random, bytes], tuple[str, bytes]] = {"damaged": damaged, "crafted": crafted}[kind]
    good, scratch = state.read_bytes(), state.with_suffix(f".{kind}")
    with LLM(model, n_threads=1, n_threads_batch=1) as llm:
        expected = str(llm(PROMPT, GREEDY))
    llm = LLM(model, n_threads=1, n_threads_batch=1)
    for line in sys.stdin:
        done, bad = change(random.Random(int(line)), good)
        print(f"{int(line)}\t{done}", end="\t", flush=True)
        scratch.write_bytes(bad)
        if kind == "crafted":  # what it took in is still there
            llm.close()
            llm = LLM(model, n_threads=1, n_threads_batch=1)
        with watched():
            print(outcome(llm, scratch, expected), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
