"""What `make demo` shows: the quickstart in a real kernel, then a long prompt that is interrupted from outside.

The kernel is a process of its own and is spoken to in the Jupyter protocol, as JupyterLab speaks to it. The demo ends
with status 1 as soon as something is not as promised.
"""

import ast
import html
import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

Message = dict[str, Any]

QUICKSTART = Path(__file__).with_name("quickstart.ipynb")
CELL_SECONDS = 300
READY_SECONDS = 2.0
MIN_PROMPT_TOKENS = 4_000
LONG_PROMPT = "Sum up this logbook in one sentence.\n" + "".join(
    f"Entry {day}: the keeper of the lighthouse wrote down the weather, the tide and every ship that passed.\n"
    for day in range(1, 261)
)

LIVE = sys.stdout.isatty()
BOLD, DIM, RED, GREEN, BLUE = 1, 2, 31, 32, 34
ERASE_LINE = "\r\x1b[K"


def colour(code: int, text: str) -> str:
    """Return the text in a colour, where there is a terminal to show it."""
    return f"\x1b[{code}m{text}\x1b[0m" if LIVE and "NO_COLOR" not in os.environ else text


def write(text: str) -> None:
    """Write at once, without a newline."""
    print(text, end="", flush=True)


def heading(text: str) -> None:
    """Print a heading."""
    write(f"\n{colour(BOLD, text)}\n{colour(DIM, '─' * len(text))}\n")


def promise(sentence: str, *, kept: bool) -> None:
    """Print a promise with a tick, or end the demo."""
    write(f"{colour(GREEN, '✓') if kept else colour(RED, '✗')} {sentence}\n")
    if not kept:
        raise SystemExit(1)


class Screen:
    """Prints the outputs of one cell as they come: of an answer that grows, only what is new."""

    def __init__(self) -> None:
        self.answer = ""
        self.status_shown = False

    def show(self, message: Message) -> None:
        """Print what is new in a message from the kernel."""
        content = message["content"]
        kind = message["msg_type"]
        if kind == "stream":
            write(content["text"])
        elif kind == "error":
            write(colour(RED, re.sub(r"\x1b\[[\d;]*m", "", "\n".join(content["traceback"]))) + "\n")
        elif kind == "execute_result":
            write(content["data"]["text/plain"] + "\n")
        elif kind in {"display_data", "update_display_data"}:
            self._display(content["data"])

    def _display(self, data: dict[str, str]) -> None:
        """Print an answer. While it runs, its text is in the HTML and its status in the plain text."""
        plain, page = data.get("text/plain", ""), data.get("text/html", "")
        footer = re.search(r"<small>(.*?)</small>", page)
        running = re.search(r'white-space: pre-wrap[^"]*">(.*?)</div>', page, re.DOTALL)
        if footer:
            self._grow("" if plain == html.unescape(footer[1]) else plain)
            write(("\n" if self.answer else "") + colour(DIM, html.unescape(footer[1])) + "\n")
        elif running:
            self._grow(html.unescape(running[1]))
        elif LIVE:
            write(ERASE_LINE + colour(DIM, plain))
            self.status_shown = True

    def _grow(self, answer: str) -> None:
        if self.status_shown:
            write(ERASE_LINE)
            self.status_shown = False
        write(answer.removeprefix(self.answer))
        self.answer = answer


class Shell:
    """A running kernel, through the client that talks to it."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self.client = client

    def run(self, code: str, watch: Callable[[Message], None] | None = None) -> str:
        """Run a cell, print its outputs, and return how it ended: "ok", or the name of its error."""
        write("\n" + "".join(colour(BLUE, f"│ {line}") + "\n" for line in abridged(code)))
        screen = Screen()

        def hook(message: Message) -> None:
            screen.show(message)
            if watch:
                watch(message)

        reply = self.client.execute_interactive(code, output_hook=hook, timeout=CELL_SECONDS)["content"]
        return "ok" if reply["status"] == "ok" else str(reply["ename"])

    def value(self, expression: str) -> Any:  # noqa: ANN401 - as many types as there are expressions
        """Return the value of an expression in the kernel, any that prints as a Python literal."""
        wanted = {"value": expression}
        reply = self.client.execute_interactive("", silent=True, user_expressions=wanted, timeout=CELL_SECONDS)
        result = reply["content"]["user_expressions"]["value"]
        return ast.literal_eval(result["data"]["text/plain"]) if result["status"] == "ok" else result["evalue"]


def abridged(code: str) -> list[str]:
    """Return the lines of a cell, without the middle of a long one."""
    lines = code.splitlines()
    return lines if len(lines) <= 12 else [*lines[:3], f"… {len(lines) - 4} more lines …", lines[-1]]  # noqa: PLR2004


@contextmanager
def started_kernel() -> Iterator[Shell]:
    """Start a kernel of this very Python, and end it with the block."""
    ours = KernelSpecManager(kernel_dirs=[])  # and none that the user has installed elsewhere
    with TemporaryDirectory() as folder:
        manager = KernelManager(kernel_spec_manager=ours, transport="ipc", ip=f"{folder}/kernel")
        manager.start_kernel()
        client = manager.blocking_client()
        client.start_channels()
        try:
            client.wait_for_ready(timeout=60)
            yield Shell(client)
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)


class Interrupter:
    """Interrupts a process once, a second after its cell began to read the prompt, or after a quarter of it."""

    STATUS = re.compile(r"reading the prompt · ([\d,]+) of ([\d,]+) tokens")

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.once = threading.Lock()
        self.timer = threading.Timer(1.0, self.interrupt)
        self.interrupted_at: float | None = None

    def __call__(self, message: Message) -> None:
        """Look at a message from the kernel."""
        data = message["content"].get("data") or {}
        reading = self.STATUS.match(data.get("text/plain", ""))
        if reading:
            read, total = (int(number.replace(",", "")) for number in reading.groups())
            if self.timer.ident is None:
                self.timer.start()
            if read > total / 4:
                self.interrupt()

    def interrupt(self) -> None:
        """Do it now, unless it is done."""
        if self.once.acquire(blocking=False):
            self.timer.cancel()
            self.interrupted_at = time.monotonic()
            os.kill(self.pid, signal.SIGINT)  # what the interrupt button comes to


def run_quickstart(shell: Shell) -> None:
    """Run the code cells of the quickstart, one by one."""
    for cell in json.loads(QUICKSTART.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            promise_quietly(shell.run("".join(cell["source"])))


def promise_quietly(ending: str) -> None:
    """End the demo where a cell did not end well."""
    if ending != "ok":
        promise(f"the cell runs (it ended with {ending})", kept=False)


def interrupt_long_prompt(shell: Shell) -> None:
    """Interrupt a cell while it reads a long prompt, and look at what is left."""
    promise_quietly(shell.run("marker = 42"))
    pid = shell.value("__import__('os').getpid()")
    interrupter = Interrupter(pid)
    ending = shell.run(f"%%llm\n{LONG_PROMPT}", interrupter)
    interrupter.timer.cancel()
    sum_is_right = shell.value("1 + 1") == 2  # noqa: PLR2004
    seconds = time.monotonic() - (interrupter.interrupted_at or 0)

    write("\n")
    promise("the kernel was interrupted from outside while it read the prompt", kept=bool(interrupter.interrupted_at))
    promise("the cell ended with KeyboardInterrupt, so Run All would stop there", kept=ending == "KeyboardInterrupt")
    promise(f"from interrupt to 1 + 1 = 2: {1000 * seconds:.0f} ms", kept=sum_is_right and seconds < READY_SECONDS)
    tokens = shell.value("_llm.stats.prompt_tokens")
    promise(f"the prompt was {tokens:,} tokens long", kept=tokens >= MIN_PROMPT_TOKENS)
    left = shell.value("(_llm.finish_reason, _llm.stats.generated_tokens)")
    promise("_llm says: cancelled, after 0 tokens", kept=left == ("cancelled", 0))
    promise("marker is still 42", kept=shell.value("marker") == 42)  # noqa: PLR2004
    promise(f"it is the same kernel, process {pid}", kept=shell.value("__import__('os').getpid()") == pid)


def follow_up(shell: Shell) -> None:
    """Ask the same kernel something short."""
    ending = shell.run("%%llm --temperature 0 --max-tokens 60\nWhat is a prime number?")
    write("\n")
    promise("the same kernel answers the next prompt", kept=ending == "ok" and bool(shell.value("len(_llm.text)")))


def main() -> None:
    """Show everything."""
    with started_kernel() as shell:
        heading("The quickstart, cell by cell")
        run_quickstart(shell)
        heading("A long prompt, interrupted while the model reads it")
        interrupt_long_prompt(shell)
        heading("And on it goes")
        follow_up(shell)


if __name__ == "__main__":
    main()
