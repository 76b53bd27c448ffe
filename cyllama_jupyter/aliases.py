"""Short names for models, kept in a file of the person's own: ``small`` for ``hf:owner/repo:Q4_K_M``."""

import json
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

from cyllama_jupyter import hub
from cyllama_jupyter.errors import AliasError, ModelNotFoundError

__all__ = ["Aliases", "is_name"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def is_name(text: str) -> bool:
    """Return whether a text could be an alias: it has no folders in it and does not end as a model's file does."""
    return _NAME.fullmatch(text) is not None and not text.lower().endswith(".gguf")


class Aliases:
    """The aliases of one file, which is read anew at every call: other notebooks write it too.

    Args:
        path: The file; by default ``aliases.json`` in the person's configuration folder
            (``platformdirs.user_config_dir``).
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    @property
    def path(self) -> Path:
        """The file."""
        from platformdirs import user_config_path  # noqa: PLC0415 - only where it is used

        return self._path or user_config_path("cyllama_jupyter", appauthor=False) / "aliases.json"

    def all(self) -> dict[str, str]:
        """Return all aliases, by name.

        Raises:
            AliasError: The file cannot be read.
        """
        try:
            known = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            raise self._damaged(" ".join(str(error).split())) from error
        if not isinstance(known, dict) or not all(isinstance(each, str) and each for each in known.values()):
            raise self._damaged("it holds no names with a text each")
        return dict(sorted(known.items()))

    def _damaged(self, why: str) -> AliasError:
        return AliasError(f"the aliases in {str(self.path)!r} cannot be read ({why}): mend the file, or move it away")

    def follow(self, name: str) -> str:
        """Return what a name stands for in the end; what is no alias stands for itself.

        Raises:
            AliasError: It leads back to itself, or the file cannot be read.
        """
        return _end(name, self.all()) if is_name(name) else name

    def set(self, name: str, reference: str) -> str:
        """Give a model a short name, and return what it stands for.

        Args:
            name: Letters, digits, dots, dashes and underscores.
            reference: A file, another alias, or ``hf:owner/repo[:file-or-quant]``. A file's path is made absolute.

        Raises:
            AliasError: It is no name, is a file's name, or would lead back to itself.
            ModelNotFoundError: There is no such model file or alias.
        """
        known = self.all()
        _check_name(name)
        target = _target(reference, known)
        known[name] = target
        _end(name, known)
        self._write(known)
        return target

    def remove(self, name: str) -> None:
        """Forget a name.

        Raises:
            AliasError: There is no such alias.
        """
        known = self.all()
        if name not in known:
            raise AliasError(f"there is no alias {name!r}; there are {', '.join(known) or 'none'}")
        del known[name]
        self._write(known)

    def _write(self, aliases: dict[str, str]) -> None:
        """Replace the file as a whole, or leave it as it is."""
        target = Path(os.path.realpath(self.path))  # of a link it is the file that is replaced
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{secrets.token_hex(8)}.tmp")
        try:
            with draft.open("x", encoding="utf-8") as file:
                json.dump(dict(sorted(aliases.items())), file, indent=2, ensure_ascii=False)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(target)
        except BaseException:
            with suppress(OSError):
                draft.unlink()
            raise


def _check_name(name: str) -> None:
    if not is_name(name):
        raise AliasError(
            f"{name!r} can be no alias: take up to 64 letters, digits, dots, dashes and underscores, without .gguf"
        )
    if Path(name).exists():
        raise AliasError(f"{name!r} is a file here, which an alias would hide: take another name")


def _target(reference: str, known: dict[str, str]) -> str:
    if reference.startswith(hub.PREFIX):
        return str(hub.parse(reference))
    path = Path(reference)
    with suppress(RuntimeError, OSError, ValueError):  # nobody's home, or no name that a file can have
        path = path.expanduser()
        if path.is_file():
            return str(path.absolute())
    if reference in known:
        return reference
    raise ModelNotFoundError(f"there is no model file {reference!r} to give a name to")


def _end(name: str, known: dict[str, str]) -> str:
    seen = [name]
    while (following := known.get(seen[-1])) is not None:
        if following in seen:
            raise AliasError(f"the alias {name!r} leads in a circle: {' → '.join([*seen, following])}")
        seen.append(following)
    return seen[-1]
