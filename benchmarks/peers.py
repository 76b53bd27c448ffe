"""Gets what we are compared with: a bare loop, compiled here, and cyllama in a virtual environment of its own."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

__all__ = ["CYLLAMA", "Unavailable", "bare_loop", "cyllama_python"]

ROOT = Path(__file__).parents[1]
SOURCE = Path(__file__).with_name("bare_loop.cpp")
CACHE = ROOT / "build" / "benchmarks"
CYLLAMA = "0.7.0"
PYTHONS = ("python3.12", "python3.13", "python3.14", "python3")
IS_RECENT = "import sys; sys.exit(sys.version_info < (3, 12))"


class Unavailable(Exception):
    """A peer cannot run here; the message says why."""


@cache
def bare_loop() -> Path:
    """Compile the bare loop against the libllama that llama-cpp-python brings, and return it.

    Raises:
        Unavailable: There is no C++ compiler.
    """
    spec = importlib.util.find_spec("llama_cpp")
    if spec is None or spec.origin is None:
        raise Unavailable("llama-cpp-python is not installed")
    package = Path(spec.origin).parent
    libraries = package / "lib"
    compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        raise Unavailable("there is no C++ compiler: install g++")
    target = CACHE / f"bare_loop-{_digest(SOURCE.read_text(), str(libraries))}"
    if not target.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        flags = ["-O2", "-std=c++17", f"-I{package.parent / 'include'}", f"-L{libraries}", f"-Wl,-rpath,{libraries}"]
        links = ["-lllama", "-lggml", "-lggml-base", "-lggml-cpu"]
        subprocess.run([compiler, *flags, str(SOURCE), "-o", str(target), *links], check=True)
    return target


@cache
def cyllama_python() -> Path:
    """Install cyllama into a virtual environment, and return its interpreter.

    Raises:
        Unavailable: There is no Python 3.12 or newer, or pip could not install it.
    """
    home = CACHE / f"cyllama-{CYLLAMA}"
    python = home / "bin" / "python"
    if not _runs(str(python), "import cyllama"):
        shutil.rmtree(home, ignore_errors=True)
        commands = (
            [_recent_python(), "-m", "venv", str(home)],
            [str(python), "-m", "pip", "install", "--quiet", f"cyllama=={CYLLAMA}"],
        )
        for command in commands:
            if subprocess.run(command, capture_output=True, check=False).returncode:
                raise Unavailable(f"{' '.join(command[1:3])} failed for cyllama {CYLLAMA}")
    return python


def _recent_python() -> str:
    for candidate in (os.environ.get("PEER_PYTHON"), *PYTHONS, sys.executable):
        # It is run, because a version manager's shim may stand for an interpreter that is not there.
        if candidate and _runs(candidate, IS_RECENT):
            return candidate
    raise Unavailable("cyllama 0.7.0 needs Python 3.12 or newer: name one in PEER_PYTHON")


def _runs(python: str, code: str) -> bool:
    try:
        return subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
