"""Where a setting comes from: traitlets, then environment variables, then the line of a cell or command.

``c.LLMMagics.n_ctx = 4096`` in ``ipython_config.py`` and ``%config LLMMagics.n_ctx = 4096`` in a cell are the weakest;
``CYLLAMA_N_CTX=4096`` in the environment is stronger, and what stands in a line is the strongest.
"""

import os
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, NamedTuple

from IPython.core.error import UsageError
from traitlets import Float, Int, TraitError, Unicode, Union, validate
from traitlets.config import Configurable

from cyllama_jupyter.config import GenerationConfig
from cyllama_jupyter.notebook.options import CellOptions
from cyllama_jupyter.notebook.parsing import nearest

__all__ = ["LOAD", "NAMES", "LLMSettings", "Setting"]

PREFIX = "CYLLAMA_"

LOAD = ("n_ctx", "n_threads", "n_gpu_layers", "flash_attn", "type_k", "type_v")
"""What a load takes."""

CELL = ("max_tokens", "temperature", "top_p", "seed", "system", "timeout")
"""What a cell takes."""

NAMES = ("model", *CELL, *LOAD)
"""All settings, as ``%llm config`` lists them."""

_KINDS: dict[str, type] = {
    **dict.fromkeys(("max_tokens", "seed", "n_ctx", "n_gpu_layers"), int),
    **dict.fromkeys(("temperature", "top_p", "timeout"), float),
}
_DEFAULTS = {field.name: getattr(GenerationConfig(), field.name) for field in fields(GenerationConfig)}
_LEFT_TO_THE_LOAD = {"flash_attn": "off", "n_threads": "auto", "type_k": "f16", "type_v": "f16", "n_gpu_layers": -1}


class Setting(NamedTuple):
    """A setting as it is now.

    Args:
        name: What it is called.
        value: What it is; None is left to the model.
        source: Where it comes from; of a wrong one, what is wrong there.
        is_wrong: It cannot be used, and whatever needs it says so.
    """

    name: str
    value: Any
    source: str
    is_wrong: bool = False


class LLMSettings(Configurable):
    """The settings of ``%%llm`` that traitlets know; None leaves one to what is weaker still: the default."""

    model = Unicode(None, allow_none=True, help="The model: a path, an alias, or hf:owner/repo.").tag(config=True)
    max_tokens = Int(None, allow_none=True, help="The most tokens to generate.").tag(config=True)
    temperature = Float(None, allow_none=True, help="Randomness of the choice; 0 is greedy.").tag(config=True)
    top_p = Float(None, allow_none=True, help="Choose among the likeliest tokens up to this sum.").tag(config=True)
    seed = Int(None, allow_none=True, help="Seed of the choice; -1 is a random one.").tag(config=True)
    system = Unicode(None, allow_none=True, help="The system message.").tag(config=True)
    timeout = Float(None, allow_none=True, help="Seconds after which an answer ends.").tag(config=True)
    n_ctx = Int(None, allow_none=True, help="Length of the context in tokens.").tag(config=True)
    n_threads = Union([Int(), Unicode()], default_value=None, allow_none=True, help='Threads, or "auto".').tag(
        config=True
    )
    n_gpu_layers = Int(None, allow_none=True, help="Layers to put on the GPU; -1 is all.").tag(config=True)
    flash_attn = Unicode(None, allow_none=True, help='Flash attention: "on" or "off".').tag(config=True)
    type_k = Unicode(None, allow_none=True, help="How keys are kept: f16, q8_0, ...").tag(config=True)
    type_v = Unicode(None, allow_none=True, help="How values are kept: f16, q8_0, ...").tag(config=True)

    @validate(*NAMES)
    def _check(self, proposal: Mapping[str, Any]) -> Any:  # noqa: ANN401 - each trait has a type of its own
        name, value = proposal["trait"].name, proposal["value"]
        wrong = None if value is None else _fault(name, value)
        if wrong:
            raise TraitError(wrong)
        return value

    def setting(self, name: str, given: Any = None) -> Setting:  # noqa: ANN401 - the same
        """Return a setting, and where it comes from.

        Args:
            name: One of ``NAMES``.
            given: What stands in the line; None is nothing.

        Raises:
            UsageError: The environment variable holds something else than such a value.
        """
        if given is not None:
            return Setting(name, given, "the line")
        variable = f"{PREFIX}{name.upper()}"
        if text := os.environ.get(variable):
            return Setting(name, _read(name, text, variable), f"the environment variable {variable}")
        configured = getattr(self, name)
        if configured is not None:
            return Setting(name, configured, f"LLMMagics.{name}")
        return Setting(name, _LEFT_TO_THE_LOAD.get(name, _DEFAULTS.get(name)), "the default")

    def describe(self) -> list[Setting]:
        """Return all settings, the wrong ones marked, and after them the environment variables that are none."""
        return [*(self._told(name) for name in NAMES), *_strangers()]

    def _told(self, name: str) -> Setting:
        try:
            return self.setting(name)
        except UsageError as error:
            return Setting(name, None, str(error), is_wrong=True)

    def of_load(self, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return what a load is given: what was set anywhere, and no defaults.

        Args:
            given: What stands in the line; None is nothing.

        Raises:
            UsageError: An environment variable is wrong.
        """
        return self._chosen(LOAD, given or {})

    def of_cell(self, options: CellOptions) -> CellOptions:
        """Return a cell's options with what they leave open taken from what is weaker.

        The model is not among them: what ``%llm load`` chose is stronger than any but the line. Nor is the system
        message of a raw prompt, which has none, or of a conversation, which has its own.

        Raises:
            UsageError: An environment variable is wrong.
        """
        has_own_system = options.raw or options.chat is not None or options.continue_
        names = [name for name in CELL if not (name == "system" and has_own_system)]
        return replace(options, **self._chosen(names, {name: getattr(options, name) for name in names}))

    @property
    def default_model(self) -> str | None:
        """The model where none is loaded or named; the environment variable is left to ``references.resolve``."""
        return None if os.environ.get(f"{PREFIX}MODEL") else self.model

    def _chosen(self, names: "tuple[str, ...] | list[str]", given: Mapping[str, Any]) -> dict[str, Any]:
        chosen = [self.setting(name, given.get(name)) for name in names]
        return {each.name: each.value for each in chosen if each.source != "the default"}


def _strangers() -> list[Setting]:
    known = {f"{PREFIX}{name.upper()}" for name in NAMES}
    strangers = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
    return [Setting(each, None, f"there is no such setting{_hint(each)}", is_wrong=True) for each in strangers]


def _hint(variable: str) -> str:
    return nearest(variable.removeprefix(PREFIX).lower(), NAMES)


def _read(name: str, text: str, variable: str) -> Any:  # noqa: ANN401 - each setting has a type of its own
    """Return the value of an environment variable."""
    kind = _KINDS.get(name, str)
    try:
        value = int(text) if name == "n_threads" and text.lstrip("-").isdigit() else kind(text)
    except ValueError:
        value = text
    wrong = _fault(name, value)
    if wrong:
        raise UsageError(f"the environment variable {variable} is wrong: {wrong}")
    return value


def _fault(name: str, value: Any) -> str | None:  # noqa: ANN401 - the same
    """Return what is wrong with a value in a few words, or None."""
    if name == "timeout":
        is_time = isinstance(value, (int, float)) and value > 0
        return None if is_time else f"timeout must be a number of seconds above 0, got {value!r}"
    if name not in _DEFAULTS:
        return None if str(value).strip() else f"{name} must not be empty"
    try:
        GenerationConfig(**{name: value})
    except ValueError as error:
        return str(error).removeprefix("Invalid GenerationConfig: ")
    return None
