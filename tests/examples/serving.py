"""The servers of docs/serving.md under uvicorn, and a client on a bare socket that can hang up at any moment."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import uvicorn

from cyllama_jupyter import LLM, AsyncLLM, Generation
from tests.docs.blocks import ROOT, code_under

SERVING = ROOT / "docs" / "serving.md"
TIMEOUT = 120.0  # seconds after which a test that hangs says so


class Client:
    """A request for ``/stream`` over TCP."""

    def __init__(self, port: int, prompt: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        head = f"GET /stream?prompt={quote(prompt)} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        self._socket.sendall(head.encode())
        self._file = self._socket.makefile("rb")

    def read_until(self, text: bytes) -> None:
        """Read until a line begins with a text."""
        while not (line := self._file.readline()).startswith(text):
            assert line, f"the connection ended before {text!r}"

    def read_all(self) -> str:
        """Read to the end of the connection."""
        return self._file.read().decode()

    def hang_up(self) -> None:
        """Close the connection."""
        self._file.close()
        self._socket.close()


class Served:
    """One of the examples, which serves until its ``with`` block ends.

    Args:
        heading: Which example.
        model: The model's file.
    """

    def __init__(self, heading: str, model: Path) -> None:
        self._module: dict[str, Any] = {}
        exec(example(heading, model), self._module)  # noqa: S102 - that it runs is the point
        llm: LLM | AsyncLLM = self._module["llm"]
        self.llm = llm.llm if isinstance(llm, AsyncLLM) else llm
        self.begun: list[Generation] = []
        """What its clients have begun, in their order."""
        self._record()
        self._server = uvicorn.Server(uvicorn.Config(self._module["app"], log_level="critical"))
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._socket.getsockname()[1]
        return port

    def _record(self) -> None:
        submit = self.llm._submit

        def recorded(*args: Any, **kwargs: Any) -> list[Generation]:  # noqa: ANN401 - those of any call
            new = submit(*args, **kwargs)
            self.begun.extend(new)
            return new

        vars(self.llm)["_submit"] = recorded

    def __enter__(self) -> "Served":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.llm.cancel()  # else it would wait for what still streams
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
        self.llm.close()
        self._module.clear()  # FastAPI keeps endpoints in caches, and they what they refer to


def example(heading: str, model: Path) -> str:
    """Return the code under a heading, with the model's path put in."""
    return code_under(SERVING, heading).replace('"model.gguf"', repr(str(model)))


@contextmanager
def client(served: Served, prompt: str) -> Iterator[tuple[Client, Generation]]:
    """Ask a server for an answer, and yield the connection with what it began; then hang up if that is still to do."""
    count = len(served.begun)
    asking = Client(served.port, prompt)
    try:
        asking.read_until(b"HTTP/1.1 200")
        yield asking, _begun(served, count)
    finally:
        asking.hang_up()


def wait_for_phase(generation: Generation, phase: str) -> None:
    """Wait until a generation is in a phase; it must not end before."""
    while generation.progress.phase != phase:
        assert not generation.wait(0.002)


def hang_up_mid_prefill(served: Served, prompt: str) -> tuple[Generation, float]:
    """Let a client hang up while its prompt is read; return its generation, and the seconds until that had ended.

    Args:
        served: A server.
        prompt: Takes long to read.
    """
    with client(served, prompt) as (gone, generation):
        wait_for_phase(generation, "prefill")
        left = time.perf_counter()
        gone.hang_up()
        assert generation.wait(TIMEOUT)
        return generation, time.perf_counter() - left


def _begun(served: Served, index: int) -> Generation:
    deadline = time.monotonic() + TIMEOUT
    while len(served.begun) <= index:
        assert time.monotonic() < deadline
        threading.Event().wait(0.002)
    return served.begun[index]
