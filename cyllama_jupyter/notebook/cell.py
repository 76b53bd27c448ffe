"""One ``%%llm`` cell, from its text to its answer."""

from collections.abc import Callable
from dataclasses import dataclass

from cyllama_jupyter.config import GenerationConfig
from cyllama_jupyter.engine.generation import Generation
from cyllama_jupyter.engine.llm import LLM
from cyllama_jupyter.engine.response import Response
from cyllama_jupyter.notebook import runner
from cyllama_jupyter.notebook.interrupts import Flag, InterruptFlag
from cyllama_jupyter.notebook.opening import interrupt, open_model
from cyllama_jupyter.notebook.options import CellOptions
from cyllama_jupyter.notebook.shelf import ModelShelf
from cyllama_jupyter.notebook.sinks import Ending, Sink, Status
from cyllama_jupyter.notebook.wording import NO_TEMPLATE, answered, broken, stop_line

__all__ = ["Cell"]

_STARTING = Status("starting", "starting")


@dataclass
class Cell:
    """One cell that runs.

    Args:
        prompt: The text of the cell.
        options: The line of the cell.
        shelf: Keeps the models.
        sink: Shows the output.
        keep: Is given the response and the ending of the output, before it is shown.
        ending_of: Says how the output ends where there is no response; ``failed`` where nobody shows the error.
    """

    prompt: str
    options: CellOptions
    shelf: ModelShelf
    sink: Sink
    keep: Callable[[Response, Ending], None]
    ending_of: runner.EndingOf = broken

    def begin(self) -> None:
        """Show that it runs; displays belong to the cell that runs on the thread where they are first made."""
        self.sink.update(_STARTING)

    def run(self) -> None:
        """Answer the prompt: load the model if need be, generate, show, keep.

        Raises:
            KeyboardInterrupt: There was an interrupt; what there was of the answer is shown and kept.
            LoadCancelled: Stop was pressed while the model was loading.
            CyllamaError: The model cannot be used, the prompt does not fit, or the generation failed.
        """
        with InterruptFlag() as flag:
            response = self.answer(flag)
        if flag:
            raise interrupt(stop_line(response, self._names))

    def answer(self, flag: Flag) -> Response:
        """Do what ``run`` does on any thread, and return the response also when it was stopped.

        Args:
            flag: Is true once it is to stop.

        Raises:
            LoadCancelled: It was stopped while the model was loading.
            CyllamaError: The model cannot be used, the prompt does not fit, or the generation failed.
        """
        with runner.always_final(self.sink, ending_of=self.ending_of):
            self.begin()
            llm = open_model(self.shelf, self.options.model, self.sink, flag)
            config = self.options.over(llm.config)
            generation = self._submit(llm, config)
        return runner.run(generation, self.sink, flag, self._finisher(llm, config, generation), self.ending_of)

    def _finisher(self, llm: LLM, config: GenerationConfig, generation: Generation) -> runner.Finish:
        notice = "" if self.options.raw or llm.has_chat_template else NO_TEMPLATE

        def finish(response: Response) -> Ending:
            ending = answered(response, config, generation.progress, notice)
            self.keep(response, ending)
            return ending

        return finish

    def _submit(self, llm: LLM, config: GenerationConfig) -> Generation:
        system, timeout = self.options.system, self.options.timeout
        if self.options.raw:
            return llm.submit(self.prompt, config, timeout)
        if not llm.has_chat_template:
            return llm.submit(f"{system}\n\n{self.prompt}" if system else self.prompt, config, timeout)
        messages = [{"role": "system", "content": system}] if system else []
        return llm.submit_chat([*messages, {"role": "user", "content": self.prompt}], config, timeout=timeout)

    @property
    def _names(self) -> tuple[str, ...]:
        return ("_llm", self.options.out) if self.options.out else ("_llm",)
