"""One ``%%llm --n`` cell: several answers to its question, side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cyllama_jupyter.engine.response import Response
from cyllama_jupyter.notebook import runner
from cyllama_jupyter.notebook.answer import Answer
from cyllama_jupyter.notebook.interrupts import Flag, InterruptFlag
from cyllama_jupyter.notebook.opening import interrupt
from cyllama_jupyter.notebook.several import answer_several, stopped
from cyllama_jupyter.notebook.sinks import Columns, Ending, Status
from cyllama_jupyter.notebook.task import Task

__all__ = ["SeveralCell"]

_STARTING = Status("starting", "starting")


@dataclass
class SeveralCell:
    """One cell that runs, with several answers.

    Args:
        task: What it is to do.
        sink: Shows the output.
        keep: Is given the answers in the end, None in the place of one that failed.
    """

    task: Task
    sink: Columns
    keep: Callable[[Sequence[Answer | None]], None]

    def run(self) -> None:
        """Answer the prompt several times at once: load the model if need be, generate, show, keep.

        Raises:
            KeyboardInterrupt: There was an interrupt; what there was of the answers is shown and kept.
            LoadCancelled: Stop was pressed while the model was loading.
            AnswerError: An answer is not the object that was asked for; what there is of all is shown and kept.
            CyllamaError: The model cannot be used, the prompt does not fit, or a generation failed.
        """
        with InterruptFlag() as flag:
            answers = self._answer(flag)
        if flag:
            raise interrupt(stopped([answer.response for answer in answers], self.task.names))
        errors = [answer.error for answer in answers if answer.error is not None]
        if errors:
            raise errors[0]

    def _answer(self, flag: Flag) -> list[Answer]:
        with runner.always_final(self.sink):
            self.sink.update(_STARTING)
            ready = self.task.prepare(self.sink, flag)
            generations = ready.submit(self.task.options.n, self.task.options.timeout)
        answers: dict[int, Answer] = {}

        def finish(place: int, response: Response) -> Ending:
            answers[place] = self.task.answer(ready, response, generations[place])
            return answers[place].ending

        try:
            answer_several(generations, self.sink, flag, finish)
        finally:
            if answers:
                self.keep([answers.get(place) for place in range(len(generations))])
        return [answers[place] for place in sorted(answers)]
