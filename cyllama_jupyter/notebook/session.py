"""What a notebook holds: its models, its jobs, its conversations, its last answer."""

import sys
from typing import TYPE_CHECKING, Any

from IPython.core.interactiveshell import InteractiveShell

from cyllama_jupyter.notebook.conversations import Conversations
from cyllama_jupyter.notebook.frontend import FrontEnds
from cyllama_jupyter.notebook.jobs import Jobs
from cyllama_jupyter.notebook.shelf import ModelShelf

if TYPE_CHECKING:
    from cyllama_jupyter.notebook.sinks import Ending

__all__ = ["Session"]


class Session:
    """What the magics of one shell share.

    Args:
        shell: The IPython shell.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.shelf = ModelShelf()
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
