"""``%%llm`` and ``%llm``: thin, they wire the rest to a shell."""

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, magics_class

from cyllama_jupyter.engine.response import Response
from cyllama_jupyter.errors import LoadCancelled
from cyllama_jupyter.notebook import commands, options
from cyllama_jupyter.notebook.cell import Cell
from cyllama_jupyter.notebook.session import Session
from cyllama_jupyter.notebook.settings import LLMSettings
from cyllama_jupyter.notebook.sinks import Ending
from cyllama_jupyter.notebook.tidy import tidy_errors
from cyllama_jupyter.notebook.wording import broken, failed

__all__ = ["LLMMagics", "register", "unregister"]

_NAMES = ("llm", "cyllama")  # the second, because the first is popular


@magics_class
class LLMMagics(LLMSettings, Magics):
    """The magics of one shell.

    Args:
        shell: The IPython shell.
    """

    shell: InteractiveShell

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._session = Session(shell, self)
        self._ours: list[tuple[str, str]] = []

    def cell(self, line: str, cell: str) -> None:
        """Answer the text of the cell with a local language model; ``%%llm --help`` lists the options."""
        wanted = options.parse(line)
        if wanted.help:
            self._session.say(options.help_text())
            return
        if not cell.strip():
            raise UsageError("the cell is empty: write the prompt on the lines below %%llm")
        wanted = self._session.settings.of_cell(wanted)
        prompt = cell.removesuffix("\n") if wanted.raw else cell.strip()  # IPython adds the last line break
        front_ends = self._session.front_ends
        background = wanted.bg and front_ends.watched  # where nobody looks on, nobody would wait for the answer
        with tidy_errors(), suppress(LoadCancelled):  # Stop in the load: the output says so, the cells below go on
            sink = front_ends.sink(background=background)
            ending_of = failed if background else broken
            run = Cell(prompt, wanted, self._session.shelf, sink, self._keeper(wanted.out), ending_of)
            if background:
                self._session.jobs.start(run)
            else:
                run.run()

    def line(self, line: str) -> None:
        """Manage the models, conversations and jobs of ``%%llm``; ``%llm --help`` lists the commands."""
        if line.strip() == "--help":
            self._session.say(f"{commands.help_text()}\n\n{options.help_text()}")
            return
        with tidy_errors(), suppress(LoadCancelled):
            commands.run(self._session, line)

    def register(self) -> None:
        """Register the magics with the shell; another extension's name stays its own, and a warning says so."""
        for kind, function in (("cell", self.cell), ("line", self.line)):
            for name in _NAMES:
                if name not in self._table(kind):
                    self.shell.magics_manager.register_function(function, kind, name)
                    self._ours.append((kind, name))
        taken = self._table("cell")["llm"]
        if ("cell", "llm") not in self._ours:
            owner = getattr(taken, "__module__", None) or "another extension"
            sys.stderr.write(
                f"cyllama_jupyter: %%llm belongs to {owner} already, and stays what it is: use %%cyllama\n"
            )
        self.shell.input_transformers_cleanup.append(_help_of_an_empty_cell)
        if self not in self._configurables:
            self._configurables.append(self)

    def unregister(self) -> None:
        """Take back what ``register`` did, and free the models."""
        for kind, name in self._ours:
            if self._table(kind).get(name) in (self.cell, self.line):  # and not taken by somebody since
                del self._table(kind)[name]
        self.shell.input_transformers_cleanup.remove(_help_of_an_empty_cell)
        self._configurables.remove(self)
        self._session.close()

    def _table(self, kind: str) -> dict[str, Callable[..., Any]]:
        table: dict[str, Callable[..., Any]] = self.shell.magics_manager.magics[kind]
        return table

    @property
    def _configurables(self) -> list[Any]:
        """What ``%config`` knows; IPython's own type for it is too narrow."""
        known: list[Any] = self.shell.configurables
        return known

    def _keeper(self, out: str | None) -> Callable[[Response, Ending], None]:
        def keep(response: Response, ending: Ending) -> None:
            self._session.last = ending
            for name in ("_llm", out) if out else ("_llm",):
                self._session.namespace[name] = response

        return keep


def _help_of_an_empty_cell(lines: list[str]) -> list[str]:
    """Make ``%%llm --help`` work on its own: IPython refuses a cell magic without a cell before it asks the magic."""
    asks = len(lines) == 1 and lines[0].split() in [[f"%%{name}", "--help"] for name in _NAMES]
    return [lines[0].replace("%%", "%", 1)] if asks else lines


_registered: dict[InteractiveShell, LLMMagics] = {}


def register(shell: InteractiveShell) -> None:
    """Give a shell ``%%llm`` and ``%llm``, also as ``%%cyllama`` and ``%cyllama``.

    Args:
        shell: The IPython shell.
    """
    unregister(shell)
    _registered[shell] = LLMMagics(shell)
    _registered[shell].register()


def unregister(shell: InteractiveShell) -> None:
    """Take the magics of a shell away and free their models; a shell that has none is left alone.

    Args:
        shell: The IPython shell.
    """
    magics = _registered.pop(shell, None)
    if magics is not None:
        magics.unregister()
