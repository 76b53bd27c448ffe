"""``%%llm`` and ``%llm``: thin, they wire the rest to a shell."""

import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, magics_class

from cyllama_jupyter.errors import LoadCancelled
from cyllama_jupyter.notebook import commands, options
from cyllama_jupyter.notebook.answer import Answer
from cyllama_jupyter.notebook.cell import Cell
from cyllama_jupyter.notebook.code_answer import Code
from cyllama_jupyter.notebook.completion import Completer
from cyllama_jupyter.notebook.composing import compose
from cyllama_jupyter.notebook.options import CellOptions
from cyllama_jupyter.notebook.question import Questioner
from cyllama_jupyter.notebook.session import Session
from cyllama_jupyter.notebook.settings import LLMSettings
from cyllama_jupyter.notebook.several_cell import SeveralCell
from cyllama_jupyter.notebook.sinks import ColumnsWrittenIn, SinkWrittenIn
from cyllama_jupyter.notebook.task import Task
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
        self._completer = Completer(self._session, _NAMES)
        self._ours: list[tuple[str, str]] = []

    def cell(self, line: str, cell: str) -> None:
        """Answer the text of the cell with a local language model."""
        wanted = options.parse(line)
        if wanted.help:
            self._session.say(options.help_text())
            return
        with tidy_errors(debug=wanted.debug), suppress(LoadCancelled):  # Stop in the load: the cells below go on
            complete = self._session.settings.of_cell(wanted)
            self._ask(complete, compose(complete, cell, self._session))

    def _ask(self, wanted: CellOptions, question: Questioner) -> None:
        try:
            self._run(Task(question, wanted, self._session.shelf), wanted)
        except BaseException:
            if question.exchange is not None:  # whoever did not come to ask it leaves the conversation free
                question.exchange.close()
            raise

    def _run(self, task: Task, wanted: CellOptions) -> None:
        session = self._session
        if wanted.n > 1 and not wanted.dry_run:
            columns = ColumnsWrittenIn(session.front_ends.sinks(wanted.n), task.language)
            SeveralCell(task, columns, partial(session.keep_several, wanted.out)).run()
            return
        background = wanted.bg and session.front_ends.watched  # where nobody looks on, nobody would wait for the answer
        sink = SinkWrittenIn(session.front_ends.sink(background=background), task.language)
        cell = Cell(task, sink, partial(session.keep, wanted.out), failed if background else broken)
        if wanted.dry_run:
            cell.show_prompt()
        elif background:
            session.jobs.start(cell)
        else:
            self._offer(cell.run())

    def _offer(self, answer: Answer) -> None:
        """Offer an answer that is code as the next cell; nobody runs it but the person."""
        if isinstance(answer.value, Code):
            self.shell.set_next_input(answer.value)

    def line(self, line: str) -> None:
        """Manage the models, the conversations and the jobs of ``%%llm``."""
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
        self._completer.install(self.shell)
        self.shell.input_transformers_cleanup.append(_cell_without_text)
        if self not in self._configurables:
            self._configurables.append(self)

    def unregister(self) -> None:
        """Take back what ``register`` did, and free the models."""
        for kind, name in self._ours:
            if self._table(kind).get(name) in (self.cell, self.line):  # and not taken by somebody since
                del self._table(kind)[name]
        self.shell.input_transformers_cleanup.remove(_cell_without_text)
        self._configurables.remove(self)
        self._completer.uninstall(self.shell)
        self._session.close()

    def _table(self, kind: str) -> dict[str, Callable[..., Any]]:
        table: dict[str, Callable[..., Any]] = self.shell.magics_manager.magics[kind]
        return table

    @property
    def _configurables(self) -> list[Any]:
        """What ``%config`` knows; IPython's own type for it is too narrow."""
        known: list[Any] = self.shell.configurables
        return known


def _cell_without_text(lines: list[str]) -> list[str]:
    """Let ``%%llm --help`` and ``%%llm --continue`` stand alone: IPython refuses a cell magic that has no cell."""
    words = lines[0].split() if len(lines) == 1 else []
    alone = words[:1] in [[f"%%{name}"] for name in _NAMES] and {"--help", "--continue"} & set(words)
    return [f"{lines[0].rstrip()}\n", " \n"] if alone else lines


LLMMagics.cell.__doc__ = f"{LLMMagics.cell.__doc__}\n\n{options.help_text()}"  # for %%llm?
LLMMagics.line.__doc__ = f"{LLMMagics.line.__doc__}\n\n{commands.help_text()}"  # for %llm?

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
