"""What a cell leaves behind."""

from collections.abc import Sequence
from dataclasses import dataclass

from cyllama_jupyter.engine.response import Response
from cyllama_jupyter.errors import AnswerError
from cyllama_jupyter.notebook.form import Form
from cyllama_jupyter.notebook.partial import Partial
from cyllama_jupyter.notebook.sinks import Ending

__all__ = ["Answer"]


@dataclass(frozen=True)
class Answer:
    """An answer that has come to its end.

    Args:
        response: The text, whole or partial.
        value: What ``--out`` gets: the response, or the object that it stands for, or a ``Partial``.
        ending: What its output shows.
        prompt: Token ids of the prompt that it answers.
        form: What object it was to be.
        chat: Name of the conversation that it belongs to.
    """

    response: Response
    value: object
    ending: Ending
    prompt: Sequence[int]
    form: Form | None = None
    chat: str | None = None

    @property
    def error(self) -> AnswerError | None:
        """Why it is not the object that was asked for, unless somebody stopped it and knows."""
        if not isinstance(self.value, Partial) or self.response.finish_reason == "cancelled":
            return None
        if self.response.finish_reason == "stop":  # the reader's own sentence
            return AnswerError(self.value.reason)
        return AnswerError(f"the answer is no {self.form.name if self.form else 'object'}: {self.value.reason}")
