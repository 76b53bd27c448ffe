"""Models on the Hugging Face Hub: ``hf:owner/repo[:file-or-quant]`` to a file, and what lies in the Hub's cache."""

import json
import os
import queue
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, NamedTuple

from cyllama_jupyter.errors import DownloadError, LoadCancelled, ModelNotFoundError

__all__ = ["PREFIX", "CachedModel", "HubReference", "OnBytes", "cached", "download", "parse"]

PREFIX = "hf:"
OnBytes = Callable[[int, int], object]
"""Called with the bytes that are there and all bytes, some thirty times a second; returns False to stop."""

_TICK = 1 / 30  # seconds between two reports
_REFERENCE = re.compile(r"hf:(?P<repo>\w[\w.-]*/\w[\w.-]*)(?::(?P<wanted>[^:\s]+))?", re.ASCII)
_ERRORS: dict[str, type[Exception]] = {kind.__name__: kind for kind in (DownloadError, ModelNotFoundError)}
_FOLDERS = ("HF_HOME", "HF_TOKEN_PATH", "HF_XET_CACHE")  # environment variables that may hold a relative path
_HOME = Path(__file__).parents[1]  # where the package lies: a child that starts there finds it, and nothing else first


class HubReference(NamedTuple):
    """What ``hf:owner/repo:wanted`` names.

    Args:
        repo: "owner/name".
        wanted: A file of the repository, a part of its name such as ``Q4_K_M``, or "" for the one there is.
    """

    repo: str
    wanted: str

    def __str__(self) -> str:
        return f"{PREFIX}{self.repo}" + (f":{self.wanted}" if self.wanted else "")


class CachedModel(NamedTuple):
    """A GGUF file in the Hub's cache.

    Args:
        reference: What ``resolve`` takes for it.
        path: Where it lies.
        n_bytes: Its size.
    """

    reference: str
    path: Path
    n_bytes: int


def parse(reference: str) -> HubReference:
    """Read ``hf:owner/repo[:file-or-quant]``.

    Raises:
        ModelNotFoundError: It is no such reference.
    """
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise ModelNotFoundError(f"{reference!r} names no model of the Hub: write hf:owner/repo[:file-or-quant]")
    return HubReference(found["repo"], found["wanted"] or "")


def installed() -> bool:
    """Return whether ``huggingface_hub`` is there."""
    return find_spec("huggingface_hub") is not None


def download(reference: HubReference, on_bytes: OnBytes | None = None) -> Path:
    """Return the file of a model in the Hub's cache, fetching what is not there yet.

    Another process does it, so that stopping it stops it at once, whatever it waits for: a name server, a connection,
    a server that sends nothing. What has come by then is kept, and the next call goes on from there.

    Args:
        reference: Which model.
        on_bytes: Is told how far it is, on this thread; returning False stops it.

    Returns:
        The file, of a model in several files the first.

    Raises:
        ModelNotFoundError: There is no such repository, or no one file in it that is meant; it lists what there is.
        DownloadError: It could not be fetched, or ``huggingface_hub`` is not installed.
        LoadCancelled: ``on_bytes`` returned False.
    """
    if not installed():
        raise DownloadError(f'to fetch {reference} from the Hugging Face Hub run `pip install "cyllama-jupyter[hub]"`')
    from huggingface_hub import constants  # noqa: PLC0415 - only where it is used

    request = {
        "repo": reference.repo,
        "wanted": reference.wanted,
        "endpoint": constants.ENDPOINT,
        "cache": str(Path(constants.HF_HUB_CACHE).absolute()),  # the child starts in another folder
        "offline": constants.HF_HUB_OFFLINE,
    }
    with _Child(request) as child:
        return _follow(child, reference, on_bytes)


def _follow(child: "_Child", reference: HubReference, on_bytes: OnBytes | None) -> Path:
    done = total = 0
    reported = 0.0
    while True:
        message = child.read(_TICK)
        if "path" in message:
            return Path(message["path"])
        if "error" in message:
            raise _ERRORS[message["kind"]](message["error"])
        done, total = message.get("done", done), message.get("total", total)
        if on_bytes is not None and time.monotonic() - reported >= _TICK:
            reported = time.monotonic()
            if on_bytes(done, total) is False:
                raise LoadCancelled(f"stopped fetching {reference} at {done:,} of {total:,} bytes, which are kept")


def _absolute_folders() -> dict[str, str]:
    """Return the library's folders as they are from here: it reads a token in them."""
    given = {name: os.path.expandvars(os.environ.get(name, "")) for name in _FOLDERS}
    homes = {name: os.path.expanduser(folder) for name, folder in given.items()}  # noqa: PTH111 - as the library does
    return {name: str(Path(folder).absolute()) for name, folder in homes.items() if folder}


class _Child:
    """The process that fetches; it ends with the ``with`` block, and, as its input closes, with this process."""

    def __init__(self, request: dict[str, Any]) -> None:
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._messages: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cyllama_jupyter.downloading"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            cwd=_HOME,
            env={**os.environ, **_absolute_folders()},
            encoding="utf-8",
        )
        self._send(json.dumps(request))
        threading.Thread(target=self._listen, args=(self._process.stdout,), daemon=True).start()

    def _send(self, line: str) -> None:
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):  # whoever reads is told that it has ended
                self._process.stdin.write(f"{line}\n")
                self._process.stdin.flush()

    def _listen(self, lines: IO[str]) -> None:
        with lines:
            for line in lines:
                if line.startswith("{"):  # else a site's customisation of Python printed it, before ours began
                    self._messages.put(line)
        self._messages.put("")

    def read(self, seconds: float) -> dict[str, Any]:
        """Return the next message, or an empty one when none comes in time.

        Raises:
            DownloadError: The process ended without a result.
        """
        try:
            line = self._messages.get(timeout=seconds)
        except queue.Empty:
            return {}
        if not line:
            raise DownloadError(f"the process that fetches has ended: {self._last_words()}; try again")
        message: dict[str, Any] = json.loads(line)
        return message

    def _last_words(self) -> str:
        code = self._process.wait()
        self._complaints.seek(0)
        lines = self._complaints.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else f"exit code {code}"

    def __enter__(self) -> "_Child":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._complaints.close()
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()


def cached(folder: str | Path | None = None) -> list[CachedModel]:
    """Return the GGUF files in the Hub's cache, by name; none without ``huggingface_hub``.

    Args:
        folder: The cache; the library's own (``HF_HUB_CACHE``) where it is None.
    """
    if not installed():
        return []
    from huggingface_hub import CacheNotFound, constants, scan_cache_dir  # noqa: PLC0415 - only where it is used

    try:
        repos = scan_cache_dir(folder or constants.HF_HUB_CACHE).repos
    except CacheNotFound:
        return []
    models = {
        (repo.repo_id, _name(file.file_path)): file
        for repo in repos
        for revision in sorted(repo.revisions, key=lambda each: each.last_modified)
        for file in revision.files
        if repo.repo_type == "model" and file.file_name.lower().endswith(".gguf")
    }
    return [
        CachedModel(f"{PREFIX}{repo}:{name}", file.file_path, file.size_on_disk)
        for (repo, name), file in sorted(models.items())
    ]


def _name(path: Path) -> str:
    """Return the name of a file within its repository: the cache is ``…/snapshots/COMMIT/NAME``."""
    parts = path.parts
    return "/".join(parts[len(parts) - parts[::-1].index("snapshots") + 1 :])
