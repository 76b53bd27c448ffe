"""What `make demo` shows: the quickstart in a real kernel, then a long prompt that is interrupted from outside.

The kernel is a separate process that is spoken to over the Jupyter protocol, as JupyterLab does it.
Exits with 1 as soon as something is not as promised.
"""

from __future__ import annotations

import ast
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

Message = dict[str, Any]

HERE = Path(__file__).parent
CELL_SECONDS = 300
COLOURED = sys.stdout.isatty() and "NO_COLOR" not in os.environ
LONG_PROMPT = "".join(
    f"Entry {day}: the keeper of the lighthouse wrote down the weather, the tide and every ship that passed.\n"
    for day in range(1, 261)
)


def paint(code: int, text: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if COLOURED else text


def promise(sentence: str, *, kept: bool) -> None:
    """Print the promise with a tick, or end the demo."""
    print(f"  {paint(32, '✓') if kept else paint(31, '✗')} {sentence}")
    if not kept:
        raise SystemExit(1)


class Terminal:
    """Prints the outputs of a cell as they come: of a display that grows, only what is new."""

    def __init__(self) -> None:
        self.shown: dict[str, str] = {}

    def __call__(self, message: Message) -> None:
        content = message["content"]
        match message["msg_type"]:
            case "stream":
                write(content["text"])
            case "error":
                write(paint(31, "\n".join(content["traceback"])) + "\n")
            case "execute_result":
                write(content["data"]["text/plain"] + "\n")
            case "display_data" | "update_display_data":
                self.display(content)

    def display(self, content: Message) -> None:
        text = content["data"].get("text/plain", "")
        display_id = content.get("transient", {}).get("display_id", "")
        before = self.shown.get(display_id, "")
        write(text.removeprefix(before))
        self.shown[display_id] = text


def write(text: str) -> None:
    print(text, end="", flush=True)


class Shell:
    """A kernel of this Python, and the client that talks to it."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self.client = client

    def run(self, code: str, hook: Callable[[Message], None]) -> Message:
        """Run a cell as a front end does, with every message on iopub given to ``hook``; return its reply."""
        return self.client.execute_interactive(code, output_hook=hook, timeout=CELL_SECONDS)["content"]

    def value(self, expression: str) -> Any:
        """The value of an expression that prints as a Python literal."""
        reply = self.client.execute_interactive(
            "", silent=True, user_expressions={"value": expression}, timeout=CELL_SECONDS
        )
        result = reply["content"]["user_expressions"]["value"]
        if result["status"] != "ok":
            message = f"{expression}: {result['evalue']}"
            raise RuntimeError(message)
        return ast.literal_eval(result["data"]["text/plain"])


@contextmanager
def started_kernel() -> Iterator[Shell]:
    # Without kernel_dirs only the kernel of this very Python is found, whatever the user has installed elsewhere.
    manager = KernelManager(kernel_spec_manager=KernelSpecManager(kernel_dirs=[]))
    manager.start_kernel(cwd=str(HERE))
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        yield Shell(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


class InterruptMidPrefill:
    """Interrupts the kernel from outside once the cell says that it has been reading its prompt for a while."""

    def __init__(self, shell: Shell, terminal: Terminal) -> None:
        self.shell = shell
        self.terminal = terminal
        self.interrupted_at: float | None = None

    def __call__(self, message: Message) -> None:
        self.terminal(message)


def main() -> None:
    pass


if __name__ == "__main__":
    main()
