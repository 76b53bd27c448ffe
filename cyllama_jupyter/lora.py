"""What a person writes for LoRA adapters, to pairs of file and scale."""

import os
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, SupportsAbs, TypeGuard

__all__ = ["FLOAT_MAX", "File", "Lora", "are_adapters", "pairs"]

File = str | os.PathLike[str]
Lora = File | Sequence[File | Sequence[File | float]] | Mapping[Any, float]
"""What adapters may be given as: a file, several, pairs of file and scale, or scales by file (a mapping's type of keys
is exact, so one of ``File`` would not take a ``dict[str, float]``)."""

FLOAT_MAX = 3.4028234663852886e38
"""llama.cpp computes with 32 bits; what is larger would be infinite there."""

_PAIR = 2


def pairs(lora: object) -> object:
    """Return adapters as a tuple of pairs of path and scale.

    Args:
        lora: Mostly what ``Lora`` says, where ``~`` is a home; for anything else ``are_adapters`` is false afterwards.
    """
    listed = [lora] if isinstance(lora, (str, os.PathLike)) else lora
    listed = list(listed.items()) if isinstance(listed, Mapping) else listed
    return tuple(map(_pair, listed)) if isinstance(listed, (list, tuple)) else listed


def _pair(adapter: object) -> tuple[object, object]:
    path, scale = adapter if isinstance(adapter, (list, tuple)) and len(adapter) == _PAIR else (adapter, 1.0)
    path = os.fspath(path) if isinstance(path, os.PathLike) else path
    if _is_path(path):
        path = os.path.expanduser(path)  # noqa: PTH111 - which leaves a home that nobody has as it is
    return path, float(scale) if isinstance(scale, Real) and not isinstance(scale, bool) and _fits(scale) else scale


def are_adapters(value: object) -> bool:
    """Return whether that is what ``pairs`` makes of adapters, or of none."""
    return isinstance(value, tuple) and all(
        isinstance(each, tuple) and len(each) == _PAIR and _is_adapter(*each) for each in value
    )


def _is_adapter(path: object, scale: object) -> bool:
    return _is_path(path) and isinstance(scale, float) and _fits(scale)


def _is_path(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value != "" and "\0" not in value


def _fits(scale: SupportsAbs[Any]) -> bool:
    return bool(abs(scale) <= FLOAT_MAX)
