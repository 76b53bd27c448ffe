"""One ``%%llm`` cell, from its text to its answer."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

from cyllama_jupyter.engine.response import Response
from cyllama_jupyter.errors import AnswerError
from cyllama_jupyter.notebook import runner
from cyllama_jupyter.notebook.answer import Answer
from cyllama_jupyter.notebook.interrupts import Flag, InterruptFlag
from cyllama_jupyter.notebook.opening import interrupt
from cyllama_jupyter.notebook.parts import dry_run
from cyllama_jupyter.notebook.question import Question
from cyllama_jupyter.notebook.sinks import Ending, Sink, Status
from cyllama_jupyter.notebook.task import Task
from cyllama_jupyter.notebook.wording import broken, stop_line

__all__ = ["Cell"]

_STARTING = Status("starting", "starting")


@dataclass
class Cell:
    """One cell that runs.

    Args:
        task: What it is to do.
        sink: Shows the output.
        keep: Is given the answer before its output is final.
        ending_of: Says how the output ends where there is no response; ``failed`` where nobody shows the error.
    """

    task: Task
    sink: Sink
    keep: Callable[[Answer], None]
    ending_of: runner.EndingOf = broken

    def begin(self) -> None:
        """Show that it runs; displays belong to the cell that runs on the thread where they are first made."""
        self.sink.update(_STARTING)

    def run(self) -> Answer:
        """Answer the prompt: load the model if need be, generate, show, keep.

        Raises:
            KeyboardInterrupt: There was an interrupt; what there was of the answer is shown and kept.
            LoadCancelled: Stop was pressed while the model was loading.
            AnswerError: The answer is not the object that was asked for; what there is of it is shown and kept.
            CyllamaError: The model cannot be used, the prompt does not fit, or the generation failed.
        """
        with InterruptFlag() as flag:
            answer = self.answer(flag)
        if flag:
            raise interrupt(stop_line(answer.response, self.task.names))
        if answer.error is not None:
            cut_off = answer.response.finish_reason != "stop"
            raise AnswerError(f"{answer.error}, or go on with %%llm --continue") if cut_off else answer.error
        return answer

    def answer(self, flag: Flag) -> Answer:
        """Do what ``run`` does on any thread, and return the answer also when it was stopped.

        Args:
            flag: Is true once it is to stop.

        Raises:
            LoadCancelled: It was stopped while the model was loading.
            CyllamaError: The model cannot be used, the prompt does not fit, or the generation failed.
        """
        answers: list[Answer] = []
        with self.task.question.exchange or nullcontext():  # what is not answered leaves a conversation as it was
            with runner.always_final(self.sink, ending_of=self.ending_of):
                self.begin()
                ready = self.task.prepare(self.sink, flag)
                [generation] = ready.submit(1, self.task.options.timeout)

            def finish(response: Response) -> Ending:
                answers.append(self.task.answer(ready, response, generation))
                self.keep(answers[0])
                return answers[0].ending

            runner.run(generation, self.sink, flag, finish, self.ending_of)
        return answers[0]

    def show_prompt(self) -> None:
        """Show the prompt as the model would get it, and generate nothing.

        Raises:
            KeyboardInterrupt: There was an interrupt.
            LoadCancelled: Stop was pressed while the model was loading.
            CyllamaError: The model cannot be used, or there can be no such prompt.
        """
        question = self.task.question
        if not isinstance(question, Question):
            raise TypeError("an answer that is gone on with has no prompt of its own")
        with question.exchange or nullcontext(), InterruptFlag() as flag, runner.always_final(self.sink):
            self.begin()
            shown = dry_run(question, *self.task.open(self.sink, flag)).bundle()
            self.sink.finish(Ending(shown["text/plain"], html=shown["text/html"]))
        if flag:
            raise interrupt("the prompt was shown")
