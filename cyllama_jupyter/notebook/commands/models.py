"""``%llm load | models | alias | unload | status | devices | info | config``: the models, and how they are loaded."""

from argparse import ArgumentTypeError, Namespace
from pathlib import Path

from IPython.core.error import UsageError

from cyllama_jupyter import hub
from cyllama_jupyter.aliases import Aliases
from cyllama_jupyter.config import CACHE_TYPES, GenerationConfig
from cyllama_jupyter.engine.devices import devices
from cyllama_jupyter.engine.info import model_info
from cyllama_jupyter.engine.llm import LLM
from cyllama_jupyter.engine.settings import check_load
from cyllama_jupyter.lora import FLOAT_MAX
from cyllama_jupyter.models import check_model_file, expanded
from cyllama_jupyter.notebook import report
from cyllama_jupyter.notebook.commands.command import Command
from cyllama_jupyter.notebook.opening import load_model
from cyllama_jupyter.notebook.options import CellOptions
from cyllama_jupyter.notebook.parsing import Choice, LineParser, name, number, out_of_range, text
from cyllama_jupyter.notebook.session import Session
from cyllama_jupyter.notebook.settings import LOAD

__all__ = ["COMMANDS"]


def _load(session: Session, given: Namespace) -> None:
    settings = session.settings.of_load({name: getattr(given, name) for name in LOAD})
    if given.lora:
        settings["lora"] = tuple(given.lora)
    try:
        check_load(GenerationConfig(**settings))
    except ValueError as error:
        raise out_of_range(error) from None
    force = {"force": True} if given.force else {}
    llm = load_model(session.shelf, given.model, session.front_ends.sink(), {**settings, **force})
    if given.out is not None:
        session.namespace[given.out] = llm


def _threads(word: str) -> int | str:
    return word if word == "auto" else number(int, 'a whole number, or "auto"')(word)


def _adapter(word: str) -> tuple[str, float]:
    """Return the file and the scale of ``FILE`` or ``FILE=0.5``; the path is absolute, for the folder may change."""
    file, _, last = word.rpartition("=")
    try:
        scale = float(last)
    except ValueError:
        if file and expanded(Path(file)).is_file() and not expanded(Path(word)).exists():
            raise ArgumentTypeError(f"needs a number as the scale of {file}, not {last!r}") from None
        file, scale = word, 1.0
    if not abs(scale) <= FLOAT_MAX:
        raise ArgumentTypeError(f"needs a finite number as the scale of {file}, not {last!r}")
    return str(expanded(Path(text(file))).absolute()), scale


def _a_load(parser: LineParser) -> None:
    whole, kind = number(int, "a whole number"), Choice(CACHE_TYPES)
    add = parser.add_argument
    add("model", nargs="?", type=text, metavar="REF", help="a GGUF file, an alias, or hf:owner/repo[:file-or-quant]")
    add("--n-ctx", type=whole, metavar="N", help="length of the context in tokens")
    add("--n-gpu-layers", type=whole, metavar="N", help="layers to put on the GPU (-1: all)")
    add("--n-threads", type=_threads, metavar="N", help="threads for generating (auto)")
    add("--flash-attn", type=Choice(("on", "off")), metavar="on|off", help="flash attention (off)")
    add("--type-k", type=kind, metavar="TYPE", help="how keys are kept: f16, q8_0, ...")
    add("--type-v", type=kind, metavar="TYPE", help="how values are kept; quantised ones need --flash-attn on")
    add("--lora", type=_adapter, metavar="FILE[=SCALE]", action="append", help="a LoRA adapter, 1 as it was trained")
    add("--force", action="store_true", help="load also what does not fit the memory")
    add("--out", type=name, metavar="NAME", help="put the LLM into this variable, for Python")


def _unload(session: Session, given: Namespace) -> None:
    if given.loaded is not None:
        session.say(report.unloaded(session.shelf.close(given.loaded)))
        return
    loading = session.shelf.loading
    session.jobs.stop()
    session.say(report.unloaded(session.shelf.close(), loading))


def _a_name(parser: LineParser) -> None:
    parser.add_argument("loaded", nargs="?", type=text, metavar="NAME", help="one of %%llm models; all, and the jobs")


def _models(session: Session, _: Namespace) -> None:
    session.say(report.models(session.shelf, Aliases().all(), hub.cached()))


def _alias(session: Session, given: Namespace) -> None:
    aliases = Aliases()
    if given.remove is not None:
        if given.alias is not None:
            raise UsageError("--remove NAME takes no other name")
        aliases.remove(given.remove)
        session.say(f"{given.remove} is no alias any more")
    elif given.alias is None:
        session.say(report.aliases(aliases.all()))
    elif given.model is None:
        raise UsageError(f"%llm alias {given.alias} needs a model: a file, another alias, or hf:owner/repo")
    else:
        session.say(f"{given.alias} = {aliases.set(given.alias, given.model)}")


def _an_alias(parser: LineParser) -> None:
    parser.add_argument("alias", nargs="?", type=text, metavar="NAME", help="a short name for a model")
    parser.add_argument("model", nargs="?", type=text, metavar="REF", help="what it stands for")
    parser.add_argument("--remove", type=text, metavar="NAME", help="forget an alias")


def _status(session: Session, _: Namespace) -> None:
    session.say(report.status(session.shelf, session.settings.of_cell(CellOptions())))


def _devices(session: Session, _: Namespace) -> None:
    session.say(report.devices(devices()))


def _info(session: Session, given: Namespace) -> None:
    path = session.shelf.find(given.model)
    check_model_file(path)
    session.say(report.info(model_info(path), _loaded(session, path)))


def _loaded(session: Session, path: Path) -> LLM | None:
    return next((llm for llm in session.shelf if Path(llm.model_path) == path), None)


def _a_model(parser: LineParser) -> None:
    parser.add_argument("model", nargs="?", type=text, metavar="REF", help="a model; what a cell would use")


def _config(session: Session, _: Namespace) -> None:
    session.say(report.config(session.settings.describe()))


COMMANDS = (
    Command("load", "load a model for the cells that follow", _load, _a_load),
    Command("models", "list the aliases, what is loaded, and what lies in the Hub's cache", _models),
    Command("alias", "give a model a short name, or list those there are", _alias, _an_alias),
    Command("unload", "free the models' memory, and end the jobs", _unload, _a_name),
    Command("status", "say what is loaded, and how it is set", _status),
    Command("devices", "list what llama.cpp can compute on", _devices),
    Command("info", "say what a model is", _info, _a_model),
    Command("config", "list the settings, and where each comes from", _config),
)
