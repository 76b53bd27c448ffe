"""The five moments at which a cell is stopped, and how to bring it there."""

from typing import NamedTuple

__all__ = ["BEFORE", "MOMENTS", "Moment"]

LONG_PROMPT = "word " * 2000
BEFORE = """
import os
from cyllama_jupyter.notebook.printable import printable
pid, marker = os.getpid(), 42
"""
ENDLESS_LOAD = """
import threading
from cyllama_jupyter import LoadCancelled
from cyllama_jupyter.notebook import magics
def endless(path, on_progress):  # the engine's own cancelled load is proven in tests/engine/test_cancel.py
    while on_progress(0.42) is not False:
        threading.Event().wait(0.03)
    raise LoadCancelled("as LLM does")
next(iter(magics._registered.values()))._session.shelf._open = endless
"""
HELD_AT_THE_LAST = """
import threading
from cyllama_jupyter.engine.worker import EngineThread
submit = EngineThread.submit
def hold():  # the engine waits in the last token's decode until it is stopped
    while run.generated == run.config.max_tokens - 1 and not run.token.cancelled:
        threading.Event().wait(0.01)
    return False
def held(engine, submitted):
    global run
    run = submitted
    engine.context.set_abort_callback(hold)
    submit(engine, submitted)
EngineThread.submit = held
"""
PROMPT = "Write a very long story."


class Moment(NamedTuple):
    """A moment in the life of a ``%%llm`` cell.

    Args:
        shown: What the output says then.
        before: Runs in the kernel before the cell.
        prompt: The text of the cell.
        max_tokens: How long the answer would be.
    """

    shown: str
    before: str = ""
    prompt: str = PROMPT
    max_tokens: int = 100_000

    def cell(self, model: object) -> str:
        """Return the cell."""
        return f"%%llm --model {model} --max-tokens {self.max_tokens} --temperature 0\n{self.prompt}"


MOMENTS = {
    "load": Moment("loading", ENDLESS_LOAD),
    "prefill": Moment("reading the prompt", prompt=LONG_PROMPT),
    "first token": Moment("writing · "),
    "decode": Moment("writing · 1"),
    "last token": Moment("writing · 7 tokens", HELD_AT_THE_LAST, max_tokens=8),
}
