"""Which of a repository's files is meant."""

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from cyllama_jupyter.errors import ModelNotFoundError
from cyllama_jupyter.models import parts

__all__ = ["DEFAULT_QUANTISATION", "choose"]

DEFAULT_QUANTISATION = "Q4_K_M"
"""What is taken of several where none is named; llama.cpp's own ``-hf`` takes it too."""

_PROJECTOR = "mmproj"  # how the name of a GGUF begins that holds no language model
_SHOWN = 40


def choose(names: Sequence[str], wanted: str, repo: str) -> list[str]:
    """Return the file of a repository that is meant, or all files of a model that was split.

    Args:
        names: All files of the repository.
        wanted: A file's name; or a part of one, such as ``Q4_K_M``, which one file alone has; or "" for the only model
            there is, else the ``Q4_K_M``.
        repo: The name of the repository, for errors.

    Raises:
        ModelNotFoundError: None or several are meant; it lists what there is.
    """
    models = _models(names)
    found = _matching(models, wanted)
    if len(found) != 1:
        which = f"{repo} has no one model {wanted!r}" if wanted else f"{repo} has no one model to take"
        raise ModelNotFoundError(f"{which}: {_listed(found or models, repo)}")
    [chosen] = found
    missing = [part for part in models[chosen] if part not in names]
    if missing:
        raise ModelNotFoundError(f"{repo} lacks a part of the model: {', '.join(missing)}")
    return models[chosen]


def _models(names: Iterable[str]) -> dict[str, list[str]]:
    """Return the parts of each model by its first one."""
    ggufs = [name for name in sorted(names) if name.lower().endswith(".gguf")]
    models = [PurePosixPath(name) for name in ggufs if not _base(name).startswith(_PROJECTOR)]
    split = [[str(part) for part in parts(model)] for model in models]
    return {each[0]: each for each in split}


def _matching(models: dict[str, list[str]], wanted: str) -> list[str]:
    if not wanted:
        return list(models) if len(models) == 1 else _matching(models, DEFAULT_QUANTISATION)
    exact = [first for first, each in models.items() if wanted in each]
    if exact or wanted.lower().endswith(".gguf"):
        return exact or [first for first, each in models.items() if wanted in map(_base, each)]
    word = re.compile(rf"(?<![a-z0-9_]){re.escape(wanted.lower())}(?![a-z0-9_])")  # Q4_K is not a part of Q4_K_M
    whole = [first for first in models if word.search(first.lower())]
    return whole or [first for first in models if wanted.lower() in first.lower()]


def _base(name: str) -> str:
    return PurePosixPath(name).name


def _listed(models: Iterable[str], repo: str) -> str:
    names = list(models)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"name one of {', '.join(names[:_SHOWN])}{more} (hf:{repo}:NAME)" if names else "it holds no GGUF file"
