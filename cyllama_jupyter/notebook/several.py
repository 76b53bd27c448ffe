"""Waits for several answers to one prompt on the thread of a cell; ``runner.run`` waits for one.

A cell of ``%%llm --n 4`` uses it so::

    sink = front_ends.sinks(n)  # a Sink too: for the load, and for an error before there are answers
    generations = llm.submit_samples(prompt, n, config, timeout)
    responses = answer_several(generations, sink, flag, finish)  # finish(place, response) keeps it, returns its ending
    if flag:
        raise KeyboardInterrupt(stopped(responses, ["_llm"]))

and ``front_ends.show_several(endings)`` shows the answers once more.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from cyllama_jupyter.engine.generation import Generation
from cyllama_jupyter.engine.response import Response
from cyllama_jupyter.notebook.interrupts import Flag
from cyllama_jupyter.notebook.painter import Pace
from cyllama_jupyter.notebook.runner import EndingOf
from cyllama_jupyter.notebook.sinks import Column, Columns, Ending, Running, Status
from cyllama_jupyter.notebook.wording import Narrator, broken, count, failed

__all__ = ["FinishOne", "answer_several", "stopped"]

_SLICE = 0.033  # seconds between two looks at the interrupt flag
_STOPPING = Status("stopping", "stopping")

FinishOne = Callable[[int, Response], Ending]
"""Told the place of an answer, from 0, and its response, before its output is final; returns what that ends with."""


def answer_several(
    generations: Sequence[Generation], sink: Columns, flag: Flag, finish: FinishOne, ending_of: EndingOf = broken
) -> list[Response]:
    """Wait for several generations and return their responses, in order.

    The Stop of an answer cancels that one, an interrupt cancels all, and neither is raised. One that fails ends in its
    place, and the others go on.

    Args:
        generations: Submitted by this thread, as by ``LLM.submit_samples``.
        sink: Shows as many answers; it is final when this returns or raises.
        flag: Is true once there was an interrupt.
        finish: Keeps each response as soon as it is there, and says how its output ends.
        ending_of: Says how those end that have not when this thread is hit by an error.

    Raises:
        CyllamaError: That of the first generation that failed, in order, after all have ended.
        BaseException: Whatever hit this thread; all generations are cancelled.
    """
    answers = [_Answer(place, generation, finish) for place, generation in enumerate(generations)]
    try:
        with ExitStack() as stack:
            for generation in generations:  # left early, they cancel themselves
                stack.enter_context(generation)
            sink.finish_each(_wait(answers, sink, flag))
    except BaseException as error:
        sink.finish_each([answer.ending or ending_of(error, answer.generation.text) for answer in answers])
        raise
    return [generation.result() for generation in generations]


def _wait(answers: Sequence["_Answer"], sink: Columns, flag: Flag) -> list[Ending]:
    pace, shown = Pace(sink.interval), None
    while running := [answer for answer in answers if not answer.look()]:
        running[0].generation.wait(_SLICE)
        for answer, stop in zip(answers, sink.poll_each(), strict=True):
            if stop or flag:
                answer.stop()
        if pace.due():
            with pace.step():
                columns = [answer.column() for answer in answers]
                if columns != shown:
                    sink.update_each(columns)
                    shown = columns
    return [answer.ending for answer in answers if answer.ending]


class _Answer:
    """One of the answers, and how far it is."""

    def __init__(self, place: int, generation: Generation, finish: FinishOne) -> None:
        self.generation = generation
        self.ending: Ending | None = None
        self._place = place
        self._finish = finish
        self._narrator = Narrator()
        self._stopping = False

    def look(self) -> bool:
        """Return whether it has ended; when it has, its response is kept."""
        if self.ending is None and self.generation.done():
            self.ending = self._end()
        return self.ending is not None

    def stop(self) -> None:
        self._stopping = True
        self.generation.cancel()

    def column(self) -> Column:
        """Return it as it is now."""
        if self.ending is not None:
            return self.ending
        status = _STOPPING if self._stopping else self._narrator.status(self.generation.progress)
        return Running(status, self.generation.text)

    def _end(self) -> Ending:
        error = self.generation.exception()
        if error is not None:  # its output tells all of it, for of several errors only one is raised
            return failed(error, self.generation.text)
        return self._finish(self._place, self.generation.result())


def stopped(responses: Sequence[Response], names: Sequence[str]) -> str:
    """Return what an interrupted cell says of its answers.

    Args:
        responses: The answers.
        names: Variables that hold them.
    """
    where = " and ".join(f"`{name}`" for name in names)
    partial = sum(response.finish_reason == "cancelled" for response in responses)
    if not partial:
        return f"the answers were already complete; they are in {where}"
    return f"stopped {partial} of {count(len(responses), 'answer')}; what there is of them is in {where}"
