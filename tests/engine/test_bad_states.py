"""Files that are no state to load: each is one error that says what to do, and nothing of it is taken in."""

import hashlib
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cyllama_jupyter import LLM, GenerationConfig, StateError, StateNotFoundError
from cyllama_jupyter.engine import state

ORIGIN = {"model": "a"}
SEQUENCES = [([1, 2, 3], b"what was computed"), ([4], b"more")]
DAMAGED = "is truncated or damaged: save it anew"
FOREIGN = "name a file that `LLM.save_state` wrote"

BAD: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda _: b"", "is not a saved state: it is empty"),
    "one byte": (lambda good: good[:1], DAMAGED),
    "foreign": (lambda _: b"GGUF" + bytes(100), FOREIGN),
    "foreign and short": (lambda _: b"x", FOREIGN),
    "the magic alone": (lambda good: good[:8], DAMAGED),
    "cut in the header": (lambda good: good[:30], DAMAGED),
    "cut in a sequence": (lambda good: good[:-40], DAMAGED),
    "cut in the checksum": (lambda good: good[:-1], DAMAGED),
    "without a checksum": (lambda good: good[:-32], DAMAGED),
    "longer": (lambda good: good + b"x", DAMAGED),
    "twice": (lambda good: good * 2, DAMAGED),
    "a changed byte": (lambda good: good[:-50] + b"x" + good[-49:], DAMAGED),
    "a changed checksum": (lambda good: good[:-1] + bytes([good[-1] ^ 1]), DAMAGED),
    "another version": (lambda good: good[:8] + b"\2" + good[9:], "has version 2, and version 1 can be read"),
    "an endless header": (lambda good: good[:12] + b"\xff" * 4 + good[16:], DAMAGED),
    "zeros": (lambda good: good[:8] + bytes(len(good) - 8), "has version 0"),
}

HEADERS: dict[str, Any] = {
    "no object": [],
    "a text": "origin",
    "nothing in it": {},
    "no origin": {"sequences": []},
    "an origin that is a number": {"origin": 1, "sequences": []},
    "one number for two": {"origin": ORIGIN, "sequences": [1]},
    "three numbers for two": {"origin": ORIGIN, "sequences": [[1, 2, 3]]},
    "no token": {"origin": ORIGIN, "sequences": [[0, 33], [1, 4]]},
    "no state": {"origin": ORIGIN, "sequences": [[9, 0]]},
    "less than nothing": {"origin": ORIGIN, "sequences": [[-1, 45]]},
    "fractions": {"origin": ORIGIN, "sequences": [[0.5, 35]]},
    "more than the file holds": {"origin": ORIGIN, "sequences": [[2**61, 2**62]]},
    "less than the file holds": {"origin": ORIGIN, "sequences": [[3, 17]]},
}


def crafted(header: bytes, payload: bytes) -> bytes:
    """Return a file whose checksum is right."""
    body = struct.pack("<8sII", b"CYLSTATE", 1, len(header)) + header + payload
    return body + hashlib.sha256(body).digest()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a good file."""
    state.write(tmp_path / "a.state", SEQUENCES, ORIGIN)
    return tmp_path / "a.state"


def read(path: Path) -> list[state.Saved]:
    return state.read(path, ORIGIN, 9, 99)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file(name: str, path: Path) -> None:
    damage, message = BAD[name]
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(StateError, match=message) as error:
        read(path)
    assert repr(str(path)) in str(error.value)


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_lies(name: str, path: Path) -> None:
    payload = path.read_bytes()[-(32 + 37) : -32]
    path.write_bytes(crafted(json.dumps(HEADERS[name]).encode(), payload))
    with pytest.raises(StateError, match=DAMAGED):
        read(path)


@pytest.mark.parametrize("header", [b"", b"{", b"\xff", b"[" * 100_000, b"9" * 10_000, b"NaN"])
def test_a_header_that_is_no_json(header: bytes, path: Path) -> None:
    path.write_bytes(crafted(header, b""))
    with pytest.raises(StateError, match=DAMAGED):
        read(path)


@pytest.mark.parametrize("token", [-1, 9, 2**31 - 1, -(2**31)])
def test_a_token_that_is_not_in_the_vocabulary(token: int, path: Path) -> None:
    state.write(path, [([1, token], b"x")], ORIGIN)
    with pytest.raises(StateError, match=DAMAGED):
        read(path)


def test_a_missing_file(tmp_path: Path, path: Path) -> None:
    for missing in (tmp_path / "nowhere", path / "below", Path("a\0b")):
        with pytest.raises(StateNotFoundError, match="there is no state file") as error:
            read(missing)
        assert isinstance(error.value, FileNotFoundError)


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # to open it would wait for a writer
    with pytest.raises(StateError, match="is a directory: name a file"):
        read(tmp_path)
    for special in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(StateError, match="is not a regular file"):
            read(special)


def test_a_file_that_cannot_be_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # root may read everything
    with pytest.raises(StateError, match="cannot be read: Permission denied"):
        read(path)


def test_nothing_is_touched(tiny_llm: LLM, tmp_path: Path) -> None:
    prompt, config = "Hello you " * 30, GenerationConfig(max_tokens=20, temperature=0.0)
    answer = tiny_llm(prompt, config)
    tiny_llm.save_state(tmp_path / "a.state")
    (tmp_path / "a.state").write_bytes((tmp_path / "a.state").read_bytes()[:-1])
    with pytest.raises(StateError, match=DAMAGED):
        tiny_llm.load_state(tmp_path / "a.state")
    again = tiny_llm(prompt, config)
    assert again == answer
    assert again.stats is not None
    assert again.stats.reused_tokens > 0
