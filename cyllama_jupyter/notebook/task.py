"""What a cell is to do, on whichever model it comes to: what one answer and several have in common."""

from dataclasses import dataclass, replace

from cyllama_jupyter.config import GenerationConfig
from cyllama_jupyter.engine.generation import Generation
from cyllama_jupyter.engine.llm import LLM
from cyllama_jupyter.engine.response import Response
from cyllama_jupyter.notebook.answer import Answer
from cyllama_jupyter.notebook.forms import object_of
from cyllama_jupyter.notebook.interrupts import Flag
from cyllama_jupyter.notebook.opening import open_model
from cyllama_jupyter.notebook.options import CellOptions
from cyllama_jupyter.notebook.partial import Partial
from cyllama_jupyter.notebook.question import Asked, Questioner
from cyllama_jupyter.notebook.shelf import ModelShelf
from cyllama_jupyter.notebook.sinks import Language, Sink
from cyllama_jupyter.notebook.wording import NO_TEMPLATE, answered

__all__ = ["Ready", "Task"]


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
