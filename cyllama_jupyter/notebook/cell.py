"""One ``%%llm`` cell, from its text to its answer."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace

from cyllama_jupyter.config import GenerationConfig
from cyllama_jupyter.engine.generation import Generation
from cyllama_jupyter.engine.llm import LLM
from cyllama_jupyter.engine.response import Response
from cyllama_jupyter.errors import AnswerError
from cyllama_jupyter.notebook import runner
from cyllama_jupyter.notebook.answer import Answer
from cyllama_jupyter.notebook.forms import object_of
from cyllama_jupyter.notebook.interrupts import Flag, InterruptFlag
from cyllama_jupyter.notebook.opening import interrupt, open_model
from cyllama_jupyter.notebook.options import CellOptions
from cyllama_jupyter.notebook.partial import Partial
from cyllama_jupyter.notebook.parts import dry_run
from cyllama_jupyter.notebook.question import Asked, Question, Questioner
from cyllama_jupyter.notebook.shelf import ModelShelf
from cyllama_jupyter.notebook.sinks import Ending, Language, Sink, Status
from cyllama_jupyter.notebook.wording import NO_TEMPLATE, answered, broken, stop_line

__all__ = ["Cell", "Ready", "Task"]

_STARTING = Status("starting", "starting")


@dataclass(frozen=True)
class Ready:
    """A model, and what it is to be asked.

    Args:
        llm: The model.
        config: The settings of the generation.
        asked: The tokens.
        notices: Remarks that belong to the output.
    """

    llm: LLM
    config: GenerationConfig
    asked: Asked
    notices: tuple[str, ...] = ()

    def submit(self, n: int, timeout: float | None) -> list[Generation]:
        """Queue answers.

        Args:
            n: How many.
            timeout: Seconds after which they end.

        Raises:
            PromptError: The prompt cannot be generated from.
            GrammarError: The grammar of the answer is not valid, or does not allow its beginning.
            EngineBusy: As many generations as may wait do so.
        """
        asked = self.asked
        return self.llm.submit_samples(asked.prompt, n, self.config, timeout, begun=asked.begun, known=asked.known)


@dataclass
class Task:
    """What a cell is to do.

    Args:
        question: What it asks.
        options: The line of the cell.
        shelf: Keeps the models.
    """

    question: Questioner
    options: CellOptions
    shelf: ModelShelf

    @property
    def names(self) -> tuple[str, ...]:
        """The variables that hold the answer in the end."""
        return ("_llm", self.options.out) if self.options.out else ("_llm",)

    @property
    def language(self) -> Language:
        """What the answer is written in."""
        return "markdown" if self.question.form is None else self.question.form.language

    def open(self, sink: Sink, flag: Flag) -> tuple[LLM, GenerationConfig]:
        """Return the model, which is loaded if need be, and the settings of the generation.

        Args:
            sink: Shows the load.
            flag: Is true once it is to stop.

        Raises:
            LoadCancelled: It was stopped while the model was loading.
            CyllamaError: The model cannot be used.
        """
        llm = open_model(self.shelf, self.options.model, sink, flag)
        config, form = self.options.over(llm.config), self.question.form
        return llm, config if form is None else replace(config, grammar=form.grammar)

    def prepare(self, sink: Sink, flag: Flag) -> Ready:
        """Return the model and what it is to be asked; the arguments and errors are those of ``open``.

        Raises:
            PromptError: The prompt cannot be generated from.
        """
        llm, config = self.open(sink, flag)
        notices = () if self.options.raw or llm.has_chat_template else (NO_TEMPLATE,)
        return Ready(llm, config, self.question.ask(llm, config), notices)

    def answer(self, ready: Ready, response: Response, generation: Generation) -> Answer:
        """Return what a response stands for, and give it to the conversation that it is a turn of.

        Args:
            ready: What was asked.
            response: The answer, whole or partial.
            generation: What wrote it.
        """
        form, exchange, notices = self.question.form, self.question.exchange, list(ready.notices)
        value = response if form is None else object_of(form, response)
        if isinstance(value, Partial):
            notices += [value.reason] * (response.finish_reason == "stop")  # else the facts say how it ended
        elif form is not None and form.checked:
            notices.append(f"checked afterwards only: {', '.join(sorted(form.checked))}")
        if exchange is not None:
            notices += filter(None, [exchange.notice])
            exchange.answer(response, response.token_ids, generation.prompt_ids)
        ending = answered(response, ready.config, generation.progress, " · ".join(notices))
        ending = replace(ending, language=self.language)
        chat = exchange.name if exchange is not None else None
        return Answer(response, value, ending, generation.prompt_ids, form, chat)


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
