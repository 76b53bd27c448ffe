"""The built JavaScript: the core that every widget carries, and the parts that a page asks for once."""

import hashlib
from functools import cache
from importlib.resources import files
from typing import get_args

from cyllama_jupyter.notebook.protocol import PartName

__all__ = ["core", "part", "parts_hash"]


@cache
def _read(name: str) -> str:
    file = files("cyllama_jupyter") / "static" / name
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        message = "the widget's JavaScript is not built: run `pip install .` (or `make install`) in the source folder"
        raise FileNotFoundError(message) from error


def core() -> str:
    """Return the ES module of the widget (anywidget's ``_esm``), its styles included."""
    return _read("widget.js")


def part(name: PartName) -> str:
    """Return the ES module of a lazy part."""
    return _read(f"{name}.js")


@cache
def parts_hash() -> str:
    """Return what changes when a part does: the key of a page's cache."""
    return hashlib.sha256("".join(part(name) for name in get_args(PartName)).encode()).hexdigest()[:16]
