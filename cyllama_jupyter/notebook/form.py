"""What a form of answers is."""

from collections.abc import Callable
from dataclasses import dataclass

from cyllama_jupyter.notebook.sinks.base import Language

__all__ = ["Form"]


@dataclass(frozen=True)
class Form:
    """A form of answers.

    Args:
        name: What was asked for: one of ``FORMS``, or the name of a schema.
        instruction: One or two sentences for the prompt, so that the model knows what is wanted.
        reader: Turns a whole text into the object, or raises ``AnswerError``.
        grammar: GBNF that the answer is decoded under; None leaves it free.
        checked: Keywords of a schema that the grammar does not enforce, and that only the reader checks.
        language: What the text of an answer is written in, which is how it is shown.
    """

    name: str
    instruction: str
    reader: Callable[[str], object]
    grammar: str | None = None
    checked: frozenset[str] = frozenset()
    language: Language = "markdown"

    def read(self, text: str) -> object:
        """Return the object that a whole answer stands for.

        Args:
            text: The answer.

        Raises:
            AnswerError: It is not of this form; one sentence names what is wrong.
        """
        return self.reader(text)
