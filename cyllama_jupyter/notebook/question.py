"""What a cell asks, before it is known which model it asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cyllama_jupyter.config import GenerationConfig
from cyllama_jupyter.engine.llm import LLM
from cyllama_jupyter.engine.reading import Prompt
from cyllama_jupyter.errors import PromptError
from cyllama_jupyter.notebook.conversation import Exchange
from cyllama_jupyter.notebook.form import Form
from cyllama_jupyter.notebook.prompt import Piece, text_of

__all__ = ["FORM", "Asked", "Begun", "Continuation", "Question", "Questioner"]

FORM = "the form of the answer"
"""The name of the piece that tells the model what form is wanted."""

_SHOWN = 50  # characters of an answer in a list


@dataclass(frozen=True)
class Asked:
    """What a model is given.

    Args:
        prompt: A text, a conversation, or token ids, as ``LLM.submit_samples`` takes them.
        begun: Token ids of the beginning of the answer.
        known: Token ids of a conversation up to its last answer, where the model has read and written them.
    """

    prompt: Prompt
    begun: Sequence[int] = ()
    known: Sequence[int] = ()


class Questioner(Protocol):
    """Knows what to ask a model; belongs to one cell."""

    @property
    def title(self) -> str:
        """What a list says of it, in a line."""

    @property
    def form(self) -> Form | None:
        """What object the answer is to be."""

    @property
    def exchange(self) -> Exchange | None:
        """The turn of a conversation that it is."""

    def ask(self, llm: LLM, config: GenerationConfig) -> Asked:
        """Return what a model is given.

        Args:
            llm: The model.
            config: The settings of the generation.

        Raises:
            PromptError: It cannot be asked that.
        """


@dataclass(frozen=True)
class Question:
    """The text of a cell, with what its options put before and after it.

    Args:
        pieces: The prompt: the person's own text, and the values put into it.
        system: The system message; of a conversation its own.
        raw: Whether it goes to the model as it is, without the chat template.
        prefix: How the answer begins.
        form: What object the answer is to be.
        exchange: The turn of a conversation that it is.
    """

    pieces: Sequence[Piece]
    system: str | None = None
    raw: bool = False
    prefix: str = ""
    form: Form | None = None
    exchange: Exchange | None = None

    @property
    def title(self) -> str:
        """The prompt in a line, without what the model is told of the form."""
        return " ".join(text_of(piece for piece in self.pieces if piece.name != FORM).split())

    def messages(self) -> list[dict[str, str]]:
        """Return the conversation that the model is to answer."""
        if self.exchange is not None:
            return self.exchange.messages
        system = [{"role": "system", "content": self.system}] if self.system else []
        return [*system, {"role": "user", "content": text_of(self.pieces)}]

    def ask(self, llm: LLM, config: GenerationConfig) -> Asked:
        """Return what a model is given.

        Args:
            llm: The model.
            config: The settings of the generation.

        Raises:
            PromptError: It cannot be tokenised.
        """
        begun = llm.tokenize(self.prefix) if self.prefix else ()
        through_template = llm.has_chat_template and not self.raw
        known = self.exchange.known_to(llm.model_path) if self.exchange is not None and through_template else ()
        return Asked(self._prompt(llm, config), begun, known)

    def _prompt(self, llm: LLM, config: GenerationConfig) -> Prompt:
        if self.exchange is not None or (llm.has_chat_template and not self.raw):
            return self.messages()
        if self.raw and not any(piece.is_value for piece in self.pieces):
            return text_of(self.pieces)
        return self.tokens(llm, config)

    def tokens(self, llm: LLM, config: GenerationConfig) -> list[int]:
        """Return the token ids of the prompt as it stands, for want of a chat template."""
        pieces = [(piece.text, self.raw and not piece.is_value) for piece in self.whole_text()]
        return llm.tokenize_pieces(pieces, config)

    def whole_text(self) -> list[Piece]:
        """Return the prompt for want of a chat template: the system message, and what is asked."""
        system = [Piece(f"{self.system}\n\n", "the system message", is_value=True)] if self.system else []
        return [*system, *self.pieces]


@dataclass(frozen=True)
class Begun:
    """An answer that was cut off.

    Args:
        text: What there is of it.
        model: Path of the model that began it.
        prompt: Token ids of the prompt that it answers.
        tokens: Its token ids.
    """

    text: str
    model: str
    prompt: Sequence[int]
    tokens: Sequence[int]


@dataclass(frozen=True)
class Continuation:
    """Goes on with an answer, from the very token where it was cut off.

    Args:
        begun: That answer.
        form: What object it is to be.
        exchange: The turn of a conversation that it is.
    """

    begun: Begun
    form: Form | None = None
    exchange: Exchange | None = None

    @property
    def title(self) -> str:
        """The end of what there is."""
        return f"…{' '.join(self.begun.text.split())[-_SHOWN:]}"

    def ask(self, llm: LLM, config: GenerationConfig) -> Asked:  # noqa: ARG002 - a Questioner's
        """Return what a model is given.

        A conversation that another model began, or that comes from a file, goes on from the text.

        Args:
            llm: The model.
            config: The settings of the generation.

        Raises:
            PromptError: Another model began the answer.
        """
        if self.begun.prompt and self.begun.model == llm.model_path:
            return Asked(self.begun.prompt, self.begun.tokens)
        if self.exchange is None:
            raise PromptError(f"{self.begun.model} began this answer, and its tokens mean nothing to {llm.model_path}")
        return Asked(self.exchange.messages, llm.tokenize(self.begun.text))
