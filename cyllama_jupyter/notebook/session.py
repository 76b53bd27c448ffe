"""What a notebook holds: its models, its jobs, its conversations, its last answer."""

import sys
from typing import TYPE_CHECKING, Any

from IPython.core.interactiveshell import InteractiveShell

from cyllama_jupyter.notebook.conversations import Conversations
from cyllama_jupyter.notebook.frontend import FrontEnds
from cyllama_jupyter.notebook.jobs import Jobs
from cyllama_jupyter.notebook.settings import LLMSettings
from cyllama_jupyter.notebook.shelf import ModelShelf

if TYPE_CHECKING:
    from cyllama_jupyter.notebook.sinks import Ending

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
        self.last: Ending | None = None
        """How the last answer's output ended."""

    @property
    def namespace(self) -> dict[str, Any]:
        """The notebook's variables."""
        variables: dict[str, Any] = self.shell.user_ns
        return variables

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
