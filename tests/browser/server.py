"""A real Jupyter server, with JupyterLab and Notebook 7 on it."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Server", "free_port", "running_server", "wait_until_it_answers"]

TOKEN = "test"  # noqa: S105 - it listens on the loopback address alone
START_SECONDS = 90


@dataclass(frozen=True)
class Server:
    """Where the server listens, and the folder that it shows."""

    url: str
    folder: Path
    kernels: Path
    """A folder that kernels may be described in."""

    def page(self, front_end: str, notebook: str) -> str:
        """Return the address of a notebook in a front end, "lab" or "notebook"."""
        path = {"lab": f"lab/tree/{notebook}", "notebook": f"notebooks/{notebook}"}[front_end]
        reset = "&reset" if front_end == "lab" else ""  # or Lab opens what was open before
        return f"{self.url}/{path}?token={TOKEN}{reset}"

    def end_kernels(self) -> None:
        """End all kernels: each holds a model, and a hundred of them fill the memory."""
        for session in json.loads(self._ask("GET", "api/sessions")):
            self._ask("DELETE", f"api/sessions/{session['id']}")

    def _ask(self, method: str, path: str) -> bytes:
        request = urllib.request.Request(f"{self.url}/{path}?token={TOKEN}", method=method)  # noqa: S310 - our own server
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - the same
            return bytes(answer.read())


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_server(folder: Path) -> Iterator[Server]:
    """Start a server of its own settings over a folder, and end it."""
    server = Server(f"http://127.0.0.1:{free_port()}", folder / "notebooks", folder / "jupyter")
    server.folder.mkdir()
    command = [
        *(sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root"),
        f"--port={server.url.rpartition(':')[2]}",
        f"--ServerApp.token={TOKEN}",
        f"--ServerApp.root_dir={server.folder}",
        "--ServerApp.jpserver_extensions={'jupyterlab': True, 'notebook': True}",
        "--LabApp.expose_app_in_browser=True",
        "--JupyterNotebookApp.expose_app_in_browser=True",
    ]
    homes = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "spaces",
    }
    _no_news(folder / homes["JUPYTERLAB_SETTINGS_DIR"])
    environment = {**os.environ, **{name: str(folder / sub) for name, sub in homes.items()}}
    environment["JUPYTER_PATH"] = str(server.kernels)
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            wait_until_it_answers(f"{server.url}/api/status?token={TOKEN}", process, folder / "server.log")
            yield server
        finally:
            process.terminate()
            process.wait(30)


def _no_news(settings: Path) -> None:
    """Lab asks in a corner of the page whether to fetch news."""
    extension = settings / "@jupyterlab" / "apputils-extension"
    extension.mkdir(parents=True)
    (extension / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')


def wait_until_it_answers(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until a server answers, or say what it said instead."""
    deadline = time.monotonic() + START_SECONDS
    while not _answers(url):
        if time.monotonic() > deadline or process.poll() is not None:
            raise RuntimeError(f"the server did not start:\n{log.read_text()}")
        time.sleep(0.2)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url):  # noqa: S310 - our own server
            return True
    except (urllib.error.URLError, ConnectionError):
        return False
