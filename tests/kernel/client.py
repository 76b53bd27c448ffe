"""A real ipykernel, spoken to as a front end does."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel

__all__ = ["Cell", "Kernel", "running_kernel"]

TIMEOUT = 120  # seconds after which a kernel that says nothing hangs
Message = dict[str, Any]


@dataclass
class Cell:
    """What a front end knows of one cell after it ran.

    Args:
        reply: Content of the execute reply.
        messages: Every message on iopub that belongs to the cell, in order.
    """

    reply: Message
    messages: list[Message] = field(default_factory=list)

    def of_type(self, *types: str) -> list[Message]:
        """Return the contents of the messages of some types."""
        return [message["content"] for message in self.messages if message["msg_type"] in types]

    @property
    def displays(self) -> list[dict[str, str]]:
        """The mime bundles that stand in the output in the end, each display with its last update."""
        standing: dict[str, dict[str, str]] = {}
        for number, content in enumerate(self.of_type("display_data", "update_display_data", "execute_result")):
            name = (content.get("transient") or {}).get("display_id") or f"plain {number}"
            standing[name] = content["data"]
        return list(standing.values())

    @property
    def stdout(self) -> str:
        """Everything printed to stdout."""
        return "".join(content["text"] for content in self.of_type("stream") if content["name"] == "stdout")

    @property
    def stderr(self) -> str:
        """Everything printed to stderr."""
        return "".join(content["text"] for content in self.of_type("stream") if content["name"] == "stderr")

    @property
    def error(self) -> tuple[str, list[str]]:
        """Name and traceback lines of the error that the front end shows."""
        (content,) = self.of_type("error")
        return content["ename"], content["traceback"]


class Kernel:
    """A kernel and one client of it."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self._client = client
        self._backlog: list[Message] = []

    def send(self, code: str, *, allow_stdin: bool = True) -> str:
        """Send a cell and return the id of its request."""
        return str(self._client.execute(code, allow_stdin=allow_stdin))

    def messages(self, request: str) -> Iterator[Message]:
        """Yield the iopub messages of a request as they come, until its kernel is idle."""
        for message in [m for m in self._backlog if m["parent_header"].get("msg_id") == request]:
            self._backlog.remove(message)
            yield message
            if _is_idle(message):
                return
        while True:
            message = self._client.get_iopub_msg(timeout=TIMEOUT)
            if message["parent_header"].get("msg_id") != request:
                self._backlog.append(message)
                continue
            yield message
            if _is_idle(message):
                return

    def finish(self, request: str, seen: list[Message] | None = None) -> Cell:
        """Wait for the end of a cell, some of whose messages were read before."""
        messages = [*(seen or []), *self.messages(request)]
        while True:
            reply = self._client.get_shell_msg(timeout=TIMEOUT)
            if reply["parent_header"].get("msg_id") == request:
                return Cell(reply["content"], messages)

    def run(self, code: str, *, allow_stdin: bool = True) -> Cell:
        """Send a cell and wait for its end."""
        return self.finish(self.send(code, allow_stdin=allow_stdin))

    def run_until(self, code: str, moment: Callable[[str], bool]) -> tuple[str, list[Message]]:
        """Send a cell and wait until the HTML of its display is as wanted."""
        request = self.send(code)
        seen = []
        for message in self.messages(request):
            seen.append(message)
            if moment(message["content"].get("data", {}).get("text/html", "")):
                return request, seen
        raise AssertionError(f"the cell ended before the moment came: {seen[-3:]}")

    def late(self) -> list[Message]:
        """Return the messages that came for cells that had ended, and forget them."""
        late, self._backlog = self._backlog, []
        return late

    def wait_for_updates(self, count: int) -> None:
        """Wait until displays have been updated some times, whichever cells they belong to."""
        while count:
            message = self._client.get_iopub_msg(timeout=TIMEOUT)
            self._backlog.append(message)
            count -= message["msg_type"] == "update_display_data"

    def interrupt(self) -> None:
        """Do what the front end's ■ button does."""
        self.manager.interrupt_kernel()

    def completions(self, code: str) -> list[str]:
        """Return what may stand at the end of some code."""
        request = self._client.complete(code, len(code))
        while True:
            reply = self._client.get_shell_msg(timeout=TIMEOUT)
            if reply["parent_header"].get("msg_id") == request:
                return list(reply["content"]["matches"])

    def value(self, expression: str) -> str:
        """Evaluate an expression and return its repr."""
        return str(self.run(expression).displays[-1]["text/plain"])


def _is_idle(message: Message) -> bool:
    return bool(message["msg_type"] == "status" and message["content"]["execution_state"] == "idle")


@contextmanager
def running_kernel() -> Iterator[Kernel]:
    """Start a kernel with the extension loaded; in the end it must still be there to be shut down."""
    manager, client = start_new_kernel(startup_timeout=TIMEOUT)
    kernel = Kernel(manager, client)
    try:
        assert kernel.run("%load_ext cyllama_jupyter").reply["status"] == "ok"
        yield kernel
        assert manager.is_alive()
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
