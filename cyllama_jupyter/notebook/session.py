"""What a notebook holds: its models, its jobs, its conversations, its last answer."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from IPython.core.interactiveshell import InteractiveShell

from cyllama_jupyter.aliases import Aliases
from cyllama_jupyter.notebook.conversations import Conversations
from cyllama_jupyter.notebook.frontend import FrontEnds
from cyllama_jupyter.notebook.jobs import Jobs
from cyllama_jupyter.notebook.settings import LLMSettings
from cyllama_jupyter.notebook.shelf import ModelShelf

if TYPE_CHECKING:
    from cyllama_jupyter.notebook.answer import Answer

__all__ = ["Session"]


class Session:
    """What the magics of one shell share.

    Args:
        shell: The IPython shell.
        settings: What is set by traitlets; by default what the shell's configuration says.
    """

    def __init__(self, shell: InteractiveShell, settings: LLMSettings | None = None) -> None:
        self.shell = shell
        self.settings = settings or LLMSettings(parent=shell)
        self.shelf = ModelShelf(settings=self.settings.of_load, default=lambda: self.settings.default_model)
        self.front_ends = FrontEnds(shell)
        self.jobs = Jobs()
        self.chats = Conversations()
        self.last: tuple[Answer, ...] = ()
        """What the last cell left behind; of ``--n`` several."""

    @property
    def namespace(self) -> dict[str, Any]:
        """The notebook's variables."""
        variables: dict[str, Any] = self.shell.user_ns
        return variables

    @property
    def alias_names(self) -> list[str]:
        """The short names of models; it raises what ``Aliases.all`` raises."""
        return list(Aliases().all())

    @property
    def chat_names(self) -> list[str]:
        """The names of the conversations, the current one first."""
        return [conversation.name for conversation in self.chats]

    def keep(self, out: str | None, answer: "Answer") -> None:
        """Put an answer into the notebook's variables.

        Args:
            out: Name of the variable for what it stands for; ``_llm`` has the response itself.
            answer: The answer.
        """
        self.last = (answer,)
        self._put(out, answer.response, answer.value)

    def keep_several(self, out: str | None, answers: Sequence["Answer | None"]) -> None:
        """Put several answers into the notebook's variables, as lists; None stands in the place of one that failed."""
        self.last = tuple(answer for answer in answers if answer is not None)
        responses = [answer and answer.response for answer in answers]
        self._put(out, responses, [answer and answer.value for answer in answers])

    def _put(self, out: str | None, response: object, value: object) -> None:
        self.namespace["_llm"] = response
        if out is not None:
            self.namespace[out] = value

    def say(self, text: str) -> None:
        """Print what a command answers.

        Args:
            text: Lines without the last line break.
        """
        sys.stdout.write(f"{text}\n")

    def close(self) -> None:
        """Stop the jobs, and free the models."""
        self.jobs.stop()
        self.shelf.close()
