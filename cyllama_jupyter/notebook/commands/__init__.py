"""The commands of ``%llm``, each with a parser of its own."""

from IPython.core.error import UsageError

from cyllama_jupyter.notebook.commands import answers, chats, models
from cyllama_jupyter.notebook.commands.command import Command
from cyllama_jupyter.notebook.parsing import nearest
from cyllama_jupyter.notebook.session import Session

__all__ = ["COMMANDS", "Command", "help_text", "run"]

COMMANDS = {command.name: command for command in (*models.COMMANDS, *answers.COMMANDS, *chats.COMMANDS)}
"""All of them, by name."""

_WORDS = 2  # of a name, at most


def help_text() -> str:
    """Return all commands, a line each."""
    width = max(len(command.synopsis) for command in COMMANDS.values()) + 2
    return "\n".join(f"  {command.synopsis:{width}}{command.summary}" for command in COMMANDS.values())


def run(session: Session, line: str) -> None:
    """Run a command.

    Args:
        session: The notebook's.
        line: What stands after ``%llm``.

    Raises:
        UsageError: There is no such command, or an argument is wrong.
    """
    words = line.split()
    for length in range(min(_WORDS, len(words)), 0, -1):
        command = COMMANDS.get(" ".join(words[:length]))
        if command is not None:
            command(session, line.split(maxsplit=length)[length] if len(words) > length else "")
            return
    if not words:
        raise UsageError("%llm needs a command: %llm --help lists them")
    raise UsageError(f"there is no %llm {words[0]}{nearest(words[0], COMMANDS) or '; %llm --help lists the commands'}")
