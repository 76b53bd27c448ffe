"""``%llm load | unload | status``: the models."""

from argparse import Namespace

from cyllama_jupyter.notebook import report
from cyllama_jupyter.notebook.cell import load_model
from cyllama_jupyter.notebook.commands.command import Command
from cyllama_jupyter.notebook.parsing import LineParser, text
from cyllama_jupyter.notebook.session import Session

__all__ = ["COMMANDS"]


def _load(session: Session, given: Namespace) -> None:
    load_model(session.shelf, given.model, session.front_ends.sink())


def _a_model(parser: LineParser) -> None:
    parser.add_argument("model", type=text, metavar="PATH", help="a GGUF file")


def _unload(session: Session, _: Namespace) -> None:
    loading = session.shelf.loading
    session.jobs.stop()
    session.say(report.unloaded(session.shelf.close(), loading))


def _status(session: Session, _: Namespace) -> None:
    session.say(report.status(session.shelf))


COMMANDS = (
    Command("load", "load a model for the cells that follow", _load, _a_model),
    Command("unload", "free the models' memory, and end the jobs", _unload),
    Command("status", "say what is loaded", _status),
)
