"""The process that fetches a model from the Hub: one JSON line in, JSON lines out; it ends when its input closes.

The library's ``hf_hub_download`` begins anew after an interruption. So the bytes come by its ``http_get``, which goes
on where a file ends, into the cache's own folder; then ``hf_hub_download`` finds them there and does the rest.
"""

import hashlib
import io
import json
import os
import re
import shutil
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cyllama_jupyter.choosing import choose
from cyllama_jupyter.errors import DownloadError, ModelNotFoundError

__all__ = ["fetch"]

OnBytes = Callable[[int], object]
_ETAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)  # it becomes the name of a file
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CHUNK = 2**18  # bytes between two reports, and the most that a kill loses; the library's own are 10 MiB


class _File(NamedTuple):
    """A file of a repository.

    Args:
        name: Its name there.
        url: Where it is.
        etag: Names its content: of large files the SHA-256.
        n_bytes: Its size.
        blob: Where the cache keeps its content.
    """

    name: str
    url: str
    etag: str
    n_bytes: int
    blob: Path


class _Counting(io.FileIO):
    """The file that grows; unbuffered, so that nothing is lost when this process is killed."""

    def __init__(self, path: Path, on_bytes: OnBytes) -> None:
        super().__init__(path, "a")
        self._on_bytes = on_bytes

    def write(self, data: Any, /) -> int:  # noqa: ANN401 - what FileIO takes
        """Write all of it, in pieces that are reported."""
        view = memoryview(data).cast("B")
        written = 0
        while written < len(view):
            written += super().write(view[written : written + _CHUNK]) or 0
            self._on_bytes(self.tell())
        return written


class _Fetch:
    """One request.

    Args:
        request: ``repo``, ``wanted``, ``endpoint``, ``cache``, ``offline``.
        send: Sends a message.
    """

    def __init__(self, request: dict[str, Any], send: Callable[[dict[str, Any]], object]) -> None:
        self._repo: str = request["repo"]
        self._wanted: str = request["wanted"]
        self._endpoint: str = request["endpoint"]
        self._cache: str = request["cache"]
        self._offline: bool = request["offline"]
        self._send = send

    def run(self) -> str:
        """Return the path of the first file, once all are there."""
        from huggingface_hub import constants  # noqa: PLC0415 - half a second, and errors are to be sent
        from huggingface_hub.errors import HfHubHTTPError  # noqa: PLC0415 - the same

        constants.DOWNLOAD_CHUNK_SIZE = _CHUNK  # of this process
        if self._offline:
            return self._from_cache("HF_HUB_OFFLINE is set")
        try:
            files = self._files()
        except (DownloadError, ModelNotFoundError):
            raise
        except HfHubHTTPError as error:
            raise _refused(self._repo, error) from error
        except Exception as error:  # noqa: BLE001 - each release of the library has another HTTP client with its own errors
            return self._from_cache(f"{type(error).__name__}: {_one_line(error)}")
        return self._fetch(files)

    def _files(self) -> list[_File]:
        from huggingface_hub import HfApi  # noqa: PLC0415 - see run

        info = HfApi(endpoint=self._endpoint).model_info(self._repo)
        names = choose([each.rfilename for each in info.siblings or ()], self._wanted, self._repo)
        return [self._file(name, info.sha) for name in names]

    def _file(self, name: str, revision: str | None) -> _File:
        from huggingface_hub import get_hf_file_metadata, hf_hub_url  # noqa: PLC0415 - see run
        from huggingface_hub.file_download import repo_folder_name  # noqa: PLC0415 - see run

        url = hf_hub_url(self._repo, name, revision=revision, endpoint=self._endpoint)
        known = get_hf_file_metadata(url)
        if known.etag is None or known.size is None or not _ETAG.fullmatch(known.etag):
            raise DownloadError(f"the server at {self._endpoint} does not say what {name} is: no ETag or no length")
        blobs = Path(self._cache) / repo_folder_name(repo_id=self._repo, repo_type="model") / "blobs"
        return _File(name, url, known.etag, known.size, blobs / known.etag)

    def _fetch(self, files: Sequence[_File]) -> str:
        from huggingface_hub import hf_hub_download  # noqa: PLC0415 - see run

        done, total = 0, sum(file.n_bytes for file in files)
        paths = []
        for file in files:
            self._complete(file, lambda at, before=done: self._send({"done": before + at, "total": total}))  # type: ignore[misc]
            paths.append(hf_hub_download(self._repo, file.name, endpoint=self._endpoint, cache_dir=self._cache))
            done += file.n_bytes
        self._send({"done": done, "total": total})
        return paths[0]

    def _complete(self, file: _File, on_bytes: OnBytes) -> None:
        """Put the content of a file where the cache keeps it."""
        from filelock import FileLock  # noqa: PLC0415 - the library brings it

        if file.blob.exists():
            return
        locks = Path(self._cache) / ".locks" / file.blob.parent.parent.name
        for folder in (locks, file.blob.parent):
            folder.mkdir(parents=True, exist_ok=True)
        with FileLock(locks / f"{file.etag}.lock"):  # the library's own
            if not file.blob.exists():
                part = file.blob.with_name(f"{file.etag}.cyllama.incomplete")
                self._grow(part, file, on_bytes)
                part.replace(file.blob)

    def _grow(self, part: Path, file: _File, on_bytes: OnBytes) -> None:
        from huggingface_hub.errors import HfHubHTTPError  # noqa: PLC0415 - see run
        from huggingface_hub.file_download import http_get  # noqa: PLC0415 - see run
        from huggingface_hub.utils import (  # type: ignore[attr-defined] # noqa: PLC0415 - documented there; see run
            build_hf_headers,
        )

        begun = part.stat().st_size if part.exists() else 0
        _check_room(part.parent, file.n_bytes - begun)
        on_bytes(begun)
        try:
            with _Counting(part, on_bytes) as target:
                http_get(file.url, target, resume_size=begun, headers=build_hf_headers(), expected_size=file.n_bytes)
        except HfHubHTTPError as error:
            raise _refused(self._repo, error) from error
        except Exception as error:  # see run
            kept = part.stat().st_size
            raise DownloadError(
                f"fetching {file.name} broke off after {kept:,} of {file.n_bytes:,} bytes, which are kept: try again "
                f"({type(error).__name__}: {_one_line(error)})"
            ) from error
        _check_content(part, file)

    def _from_cache(self, reason: str) -> str:
        """Return what an earlier call has fetched."""
        from cyllama_jupyter.hub import cached  # noqa: PLC0415 - it imports the library

        prefix = f"hf:{self._repo}:"
        models = cached(self._cache)
        known = {each.reference.removeprefix(prefix): each.path for each in models if each.reference.startswith(prefix)}
        try:
            return str(known[choose(list(known), self._wanted, self._repo)[0]])
        except ModelNotFoundError:
            lies = ", ".join(each.reference for each in models) or "no model"
            raise DownloadError(
                f"the Hugging Face Hub at {self._endpoint} cannot be reached ({reason}), and its cache holds {lies}: "
                "go online, or load one of those or a file"
            ) from None


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DownloadError(
            f"{needed / 1e9:,.1f} GB are to be fetched and {free / 1e9:,.1f} GB are free on the disk of "
            f"{str(folder)!r}: free some, or set HF_HOME to a folder elsewhere"
        )


def _check_content(part: Path, file: _File) -> None:
    """Compare the content with its SHA-256, where that is what names it; what is wrong is deleted."""
    if not _SHA256.fullmatch(file.etag):
        return
    digest = hashlib.sha256()
    with part.open("rb") as content:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
    if digest.hexdigest() != file.etag:
        part.unlink()
        raise DownloadError(f"what came of {file.name} is not what the Hub says that it is (SHA-256): try again")


def _refused(repo: str, error: Exception) -> Exception:
    """Return our word for the Hub's no."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError  # noqa: PLC0415 - see run

    if isinstance(error, GatedRepoError):
        return DownloadError(
            f"{repo} is gated: ask for access on its page and run `huggingface_hub.login()`, or take another repository"
        )
    if isinstance(error, RepositoryNotFoundError):
        return ModelNotFoundError(
            f"there is no repository {repo!r} on the Hugging Face Hub, or it is private: look at its spelling, or run "
            "`huggingface_hub.login()`"
        )
    return DownloadError(f"the Hugging Face Hub refused {repo}: {_one_line(error)}")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def fetch(request: dict[str, Any], send: Callable[[dict[str, Any]], object]) -> None:
    """Fetch a model and send where it lies, or why not.

    Args:
        request: ``repo``, ``wanted``, ``endpoint``, ``cache`` and ``offline``.
        send: Sends a message: ``done`` and ``total`` in bytes, and at the end ``path``, or ``error`` and its ``kind``.
    """
    try:
        send({"path": _Fetch(request, send).run()})
    except (DownloadError, ModelNotFoundError) as error:
        send({"error": str(error), "kind": type(error).__name__})
    except Exception as error:  # noqa: BLE001 - sent, and raised there
        send({"error": f"{type(error).__name__}: {_one_line(error)}", "kind": "DownloadError"})


def _sender() -> Callable[[dict[str, Any]], None]:
    """Return what sends a message on the standard output, and give whoever prints there the error output instead."""
    sys.stdout.flush()
    messages = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # of libraries in C too
    sys.stdout = sys.stderr

    def send(message: dict[str, Any]) -> None:
        messages.write(f"{json.dumps(message)}\n")
        messages.flush()

    return send


def _end_with_input() -> None:
    """End when the process that asked has: nobody waits for the rest."""
    sys.stdin.read()
    os._exit(1)


def _main() -> None:
    send = _sender()
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_input, daemon=True).start()
    fetch(request, send)


if __name__ == "__main__":
    _main()
