"""Programs that generate on request, each in a process of its own, so that their rounds can be interleaved."""

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import psutil

from benchmarks import models
from benchmarks.drivers.protocol import Settings
from benchmarks.peers import CYLLAMA, ROOT, Unavailable, bare_loop, cyllama_python
from cyllama_jupyter import LLM

__all__ = ["CORES", "Answer", "Contestant", "Field", "equal", "running"]

CORES = psutil.cpu_count(logical=False) or 1


@cache
def equal() -> Settings:
    """Return the same for all: the ubatch that our engine takes, all cores for the prompt and all but one after it."""
    with LLM(models.tiny()) as llm:
        n_ubatch = llm._ctx.n_ubatch  # noqa: SLF001 - it depends on the machine and is no setting
    return Settings(n_ubatch=n_ubatch, n_threads=max(1, CORES - 1), n_threads_batch=CORES)


@dataclass(frozen=True)
class Answer:
    """What a contestant says of one call; the seconds are wall time around the whole of it."""

    prompt_tokens: int
    tokens: int
    seconds: float
    stats_rate: float = 0.0


class Contestant:
    """One process; closing it ends it.

    Args:
        name: Whose it is.
        command: What starts it.
    """

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self.name = name
        self._errors = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 - it lives as long as the process
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True, cwd=ROOT
        )
        try:
            self._receive()
        except BaseException:
            self.close()
            raise

    def generate(self, prompt: str, tokens: int, mode: str = "call") -> Answer:
        """Generate exactly so many tokens.

        Raises:
            RuntimeError: The process died, or the answer ended before.
        """
        self.request(prompt, tokens, mode)
        answer = self.answer()
        if answer.tokens != tokens:
            raise RuntimeError(f"{self.name} ended its answer after {answer.tokens} of {tokens} tokens")
        return answer

    def request(self, prompt: str, tokens: int, mode: str = "call") -> None:
        """Ask without waiting."""
        if self._process.stdin is None:
            raise RuntimeError("the process has a stdin")
        self._process.stdin.write(f"{mode} {tokens} {prompt}\n")
        self._process.stdin.flush()

    def answer(self) -> Answer:
        """Wait for the answer to a request."""
        received = self._receive()
        prompt_tokens, tokens = int(received["prompt_tokens"]), int(received["tokens"])
        return Answer(prompt_tokens, tokens, received["seconds"], received.get("stats_rate", 0.0))

    def interrupt(self) -> None:
        """Send SIGINT, which is what Ctrl-C does."""
        self._process.send_signal(signal.SIGINT)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def _receive(self) -> dict[str, float]:
        if self._process.stdout is None:
            raise RuntimeError("the process has a stdout")
        line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            raise RuntimeError(f"{self.name} died: {self._errors.read()[-2000:]}")
        received: dict[str, float] = json.loads(line)
        return received


@dataclass(frozen=True)
class Field:
    """Those who run, and why the others do not."""

    here: dict[str, Contestant] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


def _driver(module: str, python: str = sys.executable) -> list[str]:
    return [python, "-m", f"benchmarks.drivers.{module}"]


COMMANDS: dict[str, Callable[[], list[str]]] = {
    "ours": lambda: _driver("ours"),
    "the bare loop": lambda: [str(bare_loop())],
    "llama-cpp-python": lambda: _driver("llama_cpp_python"),
    f"cyllama {CYLLAMA}": lambda: _driver("cyllama", str(cyllama_python())),
}


@contextmanager
def running(model: Path, settings: Settings, names: Sequence[str] = tuple(COMMANDS)) -> Iterator[Field]:
    """Start contestants on a model, and end them after the block."""
    field_ = Field()
    with ExitStack() as stack:
        for name in names:
            try:
                command = [*COMMANDS[name](), str(model), *map(str, settings)]
            except Unavailable as error:
                field_.missing[name] = str(error)
                continue
            contestant = Contestant(name, command)
            stack.callback(contestant.close)
            field_.here[name] = contestant
        yield field_
