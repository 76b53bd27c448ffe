"""Compiles and runs the C++ programs beside it, with or without a sanitizer."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Literal

__all__ = ["Kind", "run"]

Kind = Literal["plain", "thread", "address"]

HERE = Path(__file__).parent
NATIVE = HERE.parents[1] / "native"
BUILD = HERE.parents[1] / "build" / "sanitize"
FLAGS = ["-std=c++17", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-pthread", f"-I{NATIVE}"]
SANITIZERS: dict[Kind, list[str]] = {
    "plain": [],
    "thread": ["-fsanitize=thread"],
    "address": ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
}
HUNG = 1800
"""Seconds; the programs themselves end a round that hangs, and name it."""


def run(program: str, kind: Kind, first_seed: int, n_rounds: int) -> str:
    """Run rounds of a program and return what it prints; anything that it or a sanitizer finds is an AssertionError."""
    command = [str(_compiled(program, kind)), str(first_seed), str(n_rounds)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HUNG, check=False)
    assert (done.returncode, done.stderr) == (0, ""), f"{' '.join(command)}: {done.returncode}\n{done.stderr}"
    return done.stdout.strip()


def _compiled(program: str, kind: Kind) -> Path:
    """Return the executable, compiled when its sources have changed."""
    command = [_compiler(), *FLAGS, *SANITIZERS[kind], str(HERE / f"{program}.cpp")]
    sources = sorted([*NATIVE.glob("*.hpp"), *HERE.glob("*.[ch]pp")])
    text = b"\0".join([*map(os.fsencode, command), *(source.read_bytes() for source in sources)])
    path = BUILD / f"{program}-{kind}-{hashlib.sha256(text).hexdigest()[:16]}"
    if not path.exists():
        BUILD.mkdir(parents=True, exist_ok=True)
        for old in BUILD.glob(f"{program}-{kind}-*"):
            old.unlink()
        fresh = path.with_suffix(".new")
        subprocess.run([*command, "-o", str(fresh)], check=True)
        fresh.rename(path)
    return path


def _compiler() -> str:
    for name in (os.environ.get("CXX"), "c++", "g++", "clang++"):
        if name and shutil.which(name):
            return name
    raise RuntimeError("no C++ compiler was found: install g++, which building the package needs too")
