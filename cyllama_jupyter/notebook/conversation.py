"""A conversation: what was asked and answered, and what may be done with it while it is being answered."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from cyllama_jupyter.engine.response import Response
from cyllama_jupyter.errors import ConversationError

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Conversation", "Exchange", "Role", "Turn"]

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True)
class Turn:
    """One message of a conversation.

    Args:
        role: Who says it.
        content: What is said.
        partial: An answer that was cancelled, cut off or timed out.
        token_ids: The tokens of an answer as they were generated, to go on from the very last; () is not known.
        prompt_ids: The tokens of the prompt that it answers; () is not known.
        model: Path of the model whose tokens those are.
    """

    role: Role
    content: str
    partial: bool = False
    token_ids: tuple[int, ...] = field(default=(), compare=False, repr=False)
    prompt_ids: tuple[int, ...] = field(default=(), compare=False, repr=False)
    model: str = field(default="", compare=False)

    @property
    def message(self) -> dict[str, str]:
        """The turn in the OpenAI form."""
        return {"role": self.role, "content": self.content}


class Exchange:
    """A question that waits for its answer; the conversation takes both, or neither.

    Until it is answered or closed, nobody else can ask its conversation or change it. Answer it from any thread;
    leaving its ``with`` block closes it.

    Made by ``Conversation.ask`` and ``Conversation.go_on``.

    Args:
        conversation: What it belongs to.
        turns: The conversation up to the question, and with it.
        begun: The partial answer that is gone on with; None for a new one.
        notice: What the output should say about it, or nothing.
    """

    def __init__(
        self, conversation: "Conversation", turns: tuple[Turn, ...], begun: Turn | None = None, notice: str = ""
    ) -> None:
        self._conversation = conversation
        self._turns = turns
        self.begun = begun
        self.notice = notice

    @property
    def name(self) -> str:
        """The name of the conversation."""
        return self._conversation.name

    @property
    def messages(self) -> list[dict[str, str]]:
        """What to ask ``LLM.submit_chat``; the last message is the question."""
        return [turn.message for turn in self._turns]

    def known_to(self, model: str) -> tuple[int, ...]:
        """Return the tokens of the conversation up to its last answer, where a model has read and written them.

        Args:
            model: Path of the model.
        """
        answers = [turn for turn in self._turns if turn.role == "assistant"]
        return next((turn.prompt_ids + turn.token_ids for turn in answers[-1:] if turn.model == model), ())

    def answer(self, response: Response, token_ids: Sequence[int] = (), prompt_ids: Sequence[int] = ()) -> bool:
        """End it with an answer, whole or partial.

        Args:
            response: The answer; of one that was gone on with, all of it.
            token_ids: Its tokens, with those that it began with.
            prompt_ids: The tokens of its prompt.

        Returns:
            Whether the conversation took it: where it was stopped before its first text there is none.

        Raises:
            RuntimeError: It has been answered or closed.
        """
        partial = response.finish_reason != "stop"
        answer = Turn("assistant", response.text, partial, tuple(token_ids), tuple(prompt_ids), response.model)
        is_one = bool(response.text) or not partial
        self._conversation._end(self, (*self._turns, answer) if is_one else None)  # noqa: SLF001 - two halves of one thing
        return is_one

    def close(self) -> None:
        """End it without an answer: the conversation is what it was. Closing again does nothing."""
        if self._conversation._exchange is self:  # noqa: SLF001 - as above
            self._conversation._end(self, None)  # noqa: SLF001 - as above

    def __enter__(self) -> "Exchange":
        """Return itself; leaving the block closes it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: "TracebackType | None"
    ) -> None:
        """Close it."""
        self.close()


class Conversation:
    """Turns under a name. One exchange at a time; everything else may be read from any thread meanwhile.

    Args:
        name: What it is called.
        turns: How it begins; the first may be the system message.
    """

    def __init__(self, name: str, turns: Iterable[Turn] = ()) -> None:
        self.name = name
        self._turns = tuple(turns)
        self._exchange: Exchange | None = None
        self._lock = threading.Lock()
        self.begun = bool(self._turns)
        """Whether there ever was a turn: a first question that was never answered began nothing."""
        self.saved: tuple[Turn, ...] = ()
        """What it was when it was last saved, or loaded."""

    @property
    def turns(self) -> tuple[Turn, ...]:
        """All of it so far, the system message first."""
        return self._turns

    @property
    def system(self) -> str | None:
        """The system message."""
        return next((turn.content for turn in _head(self._turns)), None)

    @property
    def exchanges(self) -> int:
        """How many questions it holds."""
        return sum(turn.role == "user" for turn in self._turns)

    @property
    def characters(self) -> int:
        """How long it is."""
        return sum(len(turn.content) for turn in self._turns)

    @property
    def partial(self) -> bool:
        """Whether its last answer is partial, so that it can be gone on with."""
        return any(turn.partial for turn in self._turns[-1:])

    @property
    def busy(self) -> bool:
        """Whether it is being answered."""
        return self._exchange is not None

    @property
    def unsaved(self) -> bool:
        """Whether it holds more than a system message, and something else than what was saved."""
        turns = self._turns
        return len(turns) > len(_head(turns)) and turns != self.saved

    def messages(self) -> list[dict[str, str]]:
        """Return it in the OpenAI form, as ``LLM.submit_chat`` takes it."""
        return [turn.message for turn in self._turns]

    def ask(self, text: str, system: str | None = None) -> Exchange:
        """Begin an exchange with a question.

        Args:
            text: The question.
            system: The system message from here on; None leaves it as it is, "" takes it away.

        Raises:
            ConversationError: It is being answered.
        """
        with self._lock:
            self._refuse_while_busy()
            turns, notice = self._turns, ""
            if system is not None and system != (self.system or ""):
                notice = f"the system message of {self.name} is another one from here on" if turns else ""
                turns = ((Turn("system", system),) if system else ()) + turns[len(_head(turns)) :]
            self._exchange = Exchange(self, (*turns, Turn("user", text)), notice=notice)
            return self._exchange

    def go_on(self) -> Exchange:
        """Begin an exchange that goes on with a partial answer, which is its ``begun``.

        Raises:
            ConversationError: It is being answered, or ends with no partial answer.
        """
        with self._lock:
            self._refuse_while_busy()
            if not self.partial:
                raise ConversationError(f"{self.name} ends with no partial answer to continue: ask it something")
            self._exchange = Exchange(self, self._turns[:-1], self._turns[-1])
            return self._exchange

    def undo(self) -> tuple[Turn, ...]:
        """Take back the last question and what follows it, and return them.

        Raises:
            ConversationError: It is being answered, or there is nothing to take back.
        """
        with self._lock:
            self._refuse_while_busy()
            turns, first = self._turns, len(_head(self._turns))
            if len(turns) == first:
                raise ConversationError(f"{self.name} has no exchange to take back")
            asked = [index for index, turn in enumerate(turns) if turn.role == "user"]
            cut = asked[-1] if asked else len(turns) - 1
            self._turns = turns[:cut]
            return turns[cut:]

    def reset(self) -> int:
        """Take back everything but the system message, and return how many exchanges that was.

        Raises:
            ConversationError: It is being answered.
        """
        with self._lock:
            self._refuse_while_busy()
            gone = self.exchanges
            self._turns = _head(self._turns)
            return gone

    def replace(self, turns: Sequence[Turn]) -> None:
        """Put other turns in the place of its own.

        Raises:
            ConversationError: It is being answered.
        """
        with self._lock:
            self._refuse_while_busy()
            self._turns, self.begun = tuple(turns), True

    def _end(self, exchange: Exchange, turns: tuple[Turn, ...] | None) -> None:
        with self._lock:
            if self._exchange is not exchange:
                raise RuntimeError("this exchange has ended already")
            if turns is not None:
                self._turns, self.begun = turns, True
            self._exchange = None

    def _refuse_while_busy(self) -> None:
        if self._exchange is not None:
            raise ConversationError(
                f"{self.name} is being answered: wait for that (%llm wait), stop it (%llm stop), or go on in a copy "
                f"(%llm chats fork)"
            )


def _head(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """Return the system message of turns, alone, or nothing."""
    return turns[:1] if turns and turns[0].role == "system" else ()
