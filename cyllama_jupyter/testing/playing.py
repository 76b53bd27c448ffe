"""A given text, streamed into the output of the cell that runs."""

from pathlib import Path

from IPython.core.getipython import get_ipython

from cyllama_jupyter.engine.response import Response
from cyllama_jupyter.notebook.cell import Cell
from cyllama_jupyter.notebook.frontend import FrontEnds
from cyllama_jupyter.notebook.interrupts import InterruptFlag
from cyllama_jupyter.notebook.options import CellOptions
from cyllama_jupyter.notebook.prompt import Piece
from cyllama_jupyter.notebook.question import Question
from cyllama_jupyter.notebook.shelf import ModelShelf
from cyllama_jupyter.notebook.task import Task
from cyllama_jupyter.notebook.tidy import tidy
from cyllama_jupyter.testing.llm import FakeLLM

__all__ = ["play"]


def play(text: str, chunk: int = 3, rate: float | None = None) -> Response:
    """Stream a text as a ``%%llm`` cell streams an answer, and return it: the same loop, the same output, no model.

    Stop in the output and an interrupt end it as they end a cell.

    Args:
        text: The answer.
        chunk: Characters of a token.
        rate: Tokens a second; None is as fast as it can.

    Raises:
        RuntimeError: There is no IPython shell to show it in.
        KeyboardInterrupt: There was an interrupt; the output shows how far it came.
        ValueError: ``chunk`` or ``rate`` is out of range.
    """
    shell = get_ipython()
    if shell is None:
        raise RuntimeError("there is no IPython shell here: call play() in a notebook or in IPython")
    with FakeLLM(text, chunk=chunk, rate=rate) as llm, InterruptFlag() as flag:
        options = CellOptions(model=str(Path(llm.model_path).absolute()))
        task = Task(Question([Piece(text)]), options, ModelShelf(lambda *_: llm))
        answer = Cell(task, FrontEnds(shell).sink(), lambda _: None).answer(flag)
    if flag:
        raise tidy(KeyboardInterrupt("play() was interrupted"))
    return answer.response
