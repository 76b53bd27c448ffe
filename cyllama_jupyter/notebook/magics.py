"""``%%llm`` and ``%llm``: thin, they wire the rest to a shell."""

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from cyllama_jupyter.engine.response import Response
from cyllama_jupyter.errors import LoadCancelled
from cyllama_jupyter.notebook import options, report
from cyllama_jupyter.notebook.cell import Cell, load_model
from cyllama_jupyter.notebook.frontend import FrontEnds
from cyllama_jupyter.notebook.interrupts import InterruptFlag
from cyllama_jupyter.notebook.jobs import Job, Jobs
from cyllama_jupyter.notebook.shelf import ModelShelf
from cyllama_jupyter.notebook.sinks import Ending
from cyllama_jupyter.notebook.tidy import tidy, tidy_errors
from cyllama_jupyter.notebook.wording import broken, failed

__all__ = ["LLMMagics", "register", "unregister"]

_NAMES = ("llm", "cyllama")  # the second, because the first is popular
_USAGE = (
    "usage: %llm load PATH | unload | status | show | jobs | stop [JOB] | wait [JOB]"
    "   (%%llm --help: the options of a cell)"
)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


class LLMMagics:
    """The magics of one shell, and what they hold: its models and its last answer.

    Args:
        shell: The IPython shell.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._shelf = ModelShelf()
        self._front_ends = FrontEnds(shell)
        self._jobs = Jobs()
        self._last: Ending | None = None
        self._replaced: dict[tuple[str, str], Callable[..., Any]] = {}

    def cell(self, line: str, cell: str) -> None:
        """Answer the text of the cell with a local language model; ``%%llm --help`` lists the options."""
        wanted = options.parse(line)
        if wanted.help:
            _say(options.help_text())
            return
        if not cell.strip():
            raise UsageError("the cell is empty: write the prompt on the lines below %%llm")
        prompt = cell.removesuffix("\n") if wanted.raw else cell.strip()  # IPython adds the last line break
        background = wanted.bg and self._front_ends.watched  # where nobody looks on, nobody would wait for the answer
        with tidy_errors(), suppress(LoadCancelled):  # Stop in the load: the output says so, the cells below go on
            sink = self._front_ends.sink(background=background)
            ending_of = failed if background else broken
            run = Cell(prompt, wanted, self._shelf, sink, self._keeper(wanted.out), ending_of)
            if background:
                self._jobs.start(run)
            else:
                run.run()

    def line(self, line: str) -> None:
        """Manage the models and jobs of ``%%llm``; ``%llm --help`` lists the commands."""
        command, _, argument = line.strip().partition(" ")
        commands: dict[str, Callable[[str], None]] = {
            "load": self._load,
            "unload": self._unload,
            "status": self._status,
            "show": self._show,
            "jobs": self._list_jobs,
            "stop": self._stop_jobs,
            "wait": self._wait_for_jobs,
            "--help": self._help,
        }
        if command not in commands:
            hint = options.nearest(command, commands) if command else ""
            raise UsageError(f"there is no %llm {command}{hint or f' ({_USAGE})'}" if command else _USAGE)
        if argument and command not in ("load", "stop", "wait"):
            raise UsageError(f"%llm {command} takes no argument")
        with tidy_errors(), suppress(LoadCancelled):
            commands[command](argument.strip())

    def register(self) -> None:
        """Register the magics with the shell; a name that is taken is taken over, with a warning."""
        for kind, function in (("cell", self.cell), ("line", self.line)):
            for name in _NAMES:
                known = self._table(kind)
                if name in known:
                    self._replaced[kind, name] = known[name]
                self._shell.magics_manager.register_function(function, kind, name)
        taken = self._replaced.get(("cell", "llm"))
        if taken is not None:
            owner = getattr(taken, "__module__", "another extension")
            sys.stderr.write(f"cyllama_jupyter: %%llm was taken by {owner} and is ours now; %%cyllama is the same\n")
        self._shell.input_transformers_cleanup.append(_help_of_an_empty_cell)

    def unregister(self) -> None:
        """Take back what ``register`` did, give taken names back, and free the models."""
        for kind, function in (("cell", self.cell), ("line", self.line)):
            for name in _NAMES:
                if self._table(kind).get(name) == function:
                    del self._table(kind)[name]
        for (kind, name), function in self._replaced.items():
            self._table(kind).setdefault(name, function)
        self._shell.input_transformers_cleanup.remove(_help_of_an_empty_cell)
        self._jobs.stop()
        self._shelf.close()

    def _table(self, kind: str) -> dict[str, Callable[..., Any]]:
        table: dict[str, Callable[..., Any]] = self._shell.magics_manager.magics[kind]
        return table

    def _keeper(self, out: str | None) -> Callable[[Response, Ending], None]:
        def keep(response: Response, ending: Ending) -> None:
            self._last = ending
            for name in ("_llm", out) if out else ("_llm",):
                self._shell.user_ns[name] = response

        return keep

    def _load(self, argument: str) -> None:
        path = argument.strip("\"'")
        if not path:
            raise UsageError("%llm load needs the path of a GGUF file")
        load_model(self._shelf, path, self._front_ends.sink())

    def _unload(self, _: str) -> None:
        loading = self._shelf.loading
        self._jobs.stop()
        _say(report.unloaded(self._shelf.close(), loading))

    def _status(self, _: str) -> None:
        _say(report.status(self._shelf))

    def _show(self, _: str) -> None:
        if self._last is None:
            raise UsageError("there is no answer to show yet: run a %%llm cell")
        self._front_ends.show(self._last)

    def _list_jobs(self, _: str) -> None:
        _say("\n".join(map(str, self._jobs)) or "there are no jobs: start one with %%llm --bg")

    def _stop_jobs(self, argument: str) -> None:
        for job in self._selected(argument):
            job.stop()

    def _wait_for_jobs(self, argument: str) -> None:
        jobs, pump = self._selected(argument), self._front_ends.pump()
        with InterruptFlag() as flag:

            def tick() -> bool:
                if pump is not None:
                    pump()
                return bool(flag)

            if not self._jobs.wait(jobs, tick):
                raise tidy(KeyboardInterrupt("stopped waiting; the jobs go on (%llm stop ends them)"))

    def _selected(self, argument: str) -> list[Job]:
        try:
            return self._jobs.select(int(argument) if argument else None)
        except (KeyError, ValueError):
            raise UsageError(f"there is no job {argument}: %llm jobs lists them") from None

    def _help(self, _: str) -> None:
        _say(f"{_USAGE}\n\n{options.help_text()}")


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
