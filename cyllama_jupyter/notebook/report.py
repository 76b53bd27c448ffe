"""What ``%llm`` prints of models, memory and devices."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cyllama_jupyter import hub
from cyllama_jupyter.config import RANDOM_SEED, GenerationConfig
from cyllama_jupyter.engine.devices import Device, gpus
from cyllama_jupyter.engine.info import ModelInfo
from cyllama_jupyter.engine.llm import LLM
from cyllama_jupyter.engine.loading import free_memory
from cyllama_jupyter.engine.memory import estimate, size
from cyllama_jupyter.errors import ModelError
from cyllama_jupyter.models import check_model_file
from cyllama_jupyter.notebook.options import CellOptions
from cyllama_jupyter.notebook.printable import printable
from cyllama_jupyter.notebook.settings import Setting
from cyllama_jupyter.notebook.shelf import ModelShelf
from cyllama_jupyter.notebook.wording import count, model_name

__all__ = ["aliases", "config", "devices", "info", "models", "needs", "status", "unloaded"]

_SETTINGS = ("max_tokens", "temperature", "top_k", "top_p", "min_p")
_MILLION = 1e6
_TEMPLATE_LINES = 4
_TEMPLATE_WIDTH = 100  # characters of a line


def unloaded(models: Sequence[LLM], loading: Path | None = None) -> str:
    """Return what was unloaded.

    Args:
        models: The models that were closed.
        loading: A model whose load was stopped.
    """
    stopped = [f"stopped loading {loading.name}"] if loading else []
    closed = [f"unloaded {', '.join(map(model_name, models))}"] if models else []
    return "; ".join(closed + stopped) or "no model was loaded"


def status(shelf: ModelShelf, options: CellOptions) -> str:
    """Return which models are loaded, and the settings of the cells that use them.

    Args:
        shelf: Keeps the models.
        options: Those of a cell whose line is empty.
    """
    loaded = [f"{_headline(llm, current=llm is shelf.current)}\n  {_used(llm, options)}" for llm in shelf]
    return printable("\n".join([*loaded, _next(shelf)]))


def _used(llm: LLM, options: CellOptions) -> str:
    config = options.over(llm.config)
    used = {name: getattr(config, name) for name in _SETTINGS}
    used["seed"] = "random" if config.seed == RANDOM_SEED else config.seed
    given = {"timeout": options.timeout, "system": options.system and repr(options.system)}
    used.update({name: value for name, value in given.items() if value is not None})
    return ", ".join(f"{name}={value}" for name, value in used.items())


def _headline(llm: LLM, *, current: bool) -> str:
    mark = " (current)" if current else ""
    context = f"context of {count(llm.config.n_ctx or 0, 'token')}"
    adapters = _adapters(llm.config)
    return f"{model_name(llm)}{mark}: {context}{adapters and f', with {adapters}'}\n  {llm.model_path}"


def _adapters(loaded: GenerationConfig) -> str:
    return ", ".join(f"{Path(path).name} at {scale:g}" for path, scale in loaded.adapters)


def _next(shelf: ModelShelf) -> str:
    return f"%%llm without --model uses {shelf.next}"


def needs(path: Path, settings: Mapping[str, Any]) -> str:
    """Return what memory a load will take, and what is free.

    Args:
        path: The model's file.
        settings: How it is to be loaded: fields of ``GenerationConfig``, and ``force``.

    Returns:
        A few words; none for a file that cannot be loaded, since the load that follows says why.
    """
    fields = {name: value for name, value in settings.items() if name != "force"}
    try:
        check_model_file(path)
        need = estimate(path, GenerationConfig(**fields))
    except ModelError:
        return ""
    return f"takes about {size(need.total)} of {size(free_memory())} free"


def models(shelf: ModelShelf, known: Mapping[str, str], cached: Iterable[hub.CachedModel]) -> str:
    """Return the models that a person can name.

    Args:
        shelf: Keeps those that are loaded.
        known: The aliases.
        cached: The files in the Hub's cache.
    """
    loaded = [f"{_headline(llm, current=llm is shelf.current)}\n  {_takes(llm)}" for llm in shelf]
    files = [f"{each.reference}  {size(each.n_bytes)}" for each in cached]
    parts = [
        _section("loaded", loaded),
        _section("aliases", [f"{name} = {target}" for name, target in known.items()]),
        _section("in the Hub's cache", files),
    ]
    return printable("\n".join([*parts, _next(shelf)]))


def _section(title: str, entries: Sequence[str]) -> str:
    lines = "\n".join(entries).splitlines() or ["none"]
    return "\n".join([f"{title}:", *(f"  {line}" for line in lines)])


def _takes(llm: LLM) -> str:
    memory = f"about {llm.memory}" if llm.memory else "memory unknown"
    return f"{memory}, on {_where(llm.config)}"


def _where(loaded: GenerationConfig) -> str:
    there = gpus() if loaded.n_gpu_layers else []
    if not there:
        return "CPU"
    layers = "all layers" if loaded.n_gpu_layers == -1 else count(loaded.n_gpu_layers or 0, "layer")
    return f"{', '.join(device.name for device in there)} ({layers})"


def aliases(known: Mapping[str, str]) -> str:
    """Return the aliases, a line each."""
    listed = "\n".join(f"{name} = {target}" for name, target in known.items())
    return printable(listed) or "there are no aliases: %llm alias NAME REF makes one"


def devices(seen: Sequence[Device]) -> str:
    """Return what llama.cpp can compute on, a line each."""
    return printable("\n".join(map(_device, seen)))


def _device(device: Device) -> str:
    memory = f"{size(device.free)} of {size(device.total)} free" if device.total else ""
    return "  ".join(filter(None, (device.name, device.kind, memory, device.description)))


def info(model: ModelInfo, llm: LLM | None = None) -> str:
    """Return what a model is, a line for each property.

    Args:
        model: What its header says.
        llm: The same, where it is loaded.
    """
    used = f", {count(llm.config.n_ctx or 0, 'token')} used" if llm else ""
    rows = {
        "name": model.name,
        "file": str(model.file),
        "architecture": model.architecture,
        "parameters": f"{model.n_params / _MILLION:,.0f} million",
        "quantisation": model.quantisation,
        "size": size(model.n_bytes),
        "memory": _takes(llm) if llm else "not loaded",
        "adapters": _adapters(llm.config) if llm else "",
        "context": f"{count(model.n_ctx_train, 'token')} trained{used}",
        "shape": f"{count(model.n_layers, 'layer')}, {count(model.n_heads, 'head')} ({model.n_kv_heads} for keys and "
        f"values), embedding of {model.n_embd:,}",
        "vocabulary": count(model.n_vocab, "token"),
        "chat template": _template(model.chat_template),
    }
    width = max(map(len, rows)) + 2
    return printable("\n".join(f"{name:{width}}{text}" for name, text in rows.items() if text))


def _template(source: str) -> str:
    """Return the first lines of a chat template."""
    if not source:
        return "none: prompts are sent as they are"
    lines = source.strip().splitlines()
    shown = [line if len(line) <= _TEMPLATE_WIDTH else f"{line[:_TEMPLATE_WIDTH]}…" for line in lines]
    more = [f"… {count(len(lines) - _TEMPLATE_LINES, 'more line')}"] if len(lines) > _TEMPLATE_LINES else []
    return "\n  ".join([f"{count(len(source), 'character')}", *shown[:_TEMPLATE_LINES], *more])


def config(settings: Sequence[Setting]) -> str:
    """Return the settings, with where each comes from, or what is wrong with it."""
    width = max(len(each.name) for each in settings) + 2
    shown = [(each, _value(each)) for each in settings]
    column = max(len(text) for _, text in shown) + 2
    return printable("\n".join(f"{each.name:{width}}{text:{column}}{each.source}" for each, text in shown))


def _value(setting: Setting) -> str:
    if setting.is_wrong:
        return "wrong"
    if setting.value is None:
        return "left open"
    is_random = setting.name == "seed" and setting.value in (-1, RANDOM_SEED)
    return "random" if is_random else repr(setting.value)
