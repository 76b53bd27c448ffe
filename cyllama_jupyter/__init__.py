"""Run a local language model in a notebook cell, and stop it at any moment."""

import importlib
import logging
from typing import TYPE_CHECKING, Any

from cyllama_jupyter.config import GenerationConfig
from cyllama_jupyter.errors import (
    AdapterError,
    AliasError,
    AnswerError,
    ChatTemplateError,
    ClosedError,
    ContextOverflow,
    ConversationError,
    CyllamaError,
    DecodeAborted,
    DecodeError,
    DownloadError,
    EngineBusy,
    GrammarError,
    LoadCancelled,
    LoadError,
    ModelError,
    ModelFileError,
    ModelNotFoundError,
    PromptError,
    SchemaError,
    StateError,
    StateNotFoundError,
    UnsupportedModelError,
)

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from cyllama_jupyter._native.context import LlamaContext
    from cyllama_jupyter._native.model import LlamaModel
    from cyllama_jupyter.engine.async_generation import AsyncGeneration
    from cyllama_jupyter.engine.asynchronous import AsyncLLM
    from cyllama_jupyter.engine.generation import Generation
    from cyllama_jupyter.engine.llm import LLM
    from cyllama_jupyter.engine.response import GenerationStats, Phase, Progress, Response
    from cyllama_jupyter.notebook.widget import LLMOutput

__all__ = [
    "LLM",
    "AdapterError",
    "AliasError",
    "AnswerError",
    "AsyncGeneration",
    "AsyncLLM",
    "ChatTemplateError",
    "ClosedError",
    "ContextOverflow",
    "ConversationError",
    "CyllamaError",
    "DecodeAborted",
    "DecodeError",
    "DownloadError",
    "EngineBusy",
    "Generation",
    "GenerationConfig",
    "GenerationStats",
    "GrammarError",
    "LLMOutput",
    "LlamaContext",
    "LlamaModel",
    "LoadCancelled",
    "LoadError",
    "ModelError",
    "ModelFileError",
    "ModelNotFoundError",
    "Phase",
    "Progress",
    "PromptError",
    "Response",
    "SchemaError",
    "StateError",
    "StateNotFoundError",
    "UnsupportedModelError",
    "load_ipython_extension",
    "unload_ipython_extension",
]

_LAZY = {
    "LLM": "engine.llm",
    "AsyncGeneration": "engine.async_generation",
    "AsyncLLM": "engine.asynchronous",
    "Generation": "engine.generation",
    "GenerationStats": "engine.response",
    "LLMOutput": "notebook.widget",
    "LlamaContext": "_native.context",
    "LlamaModel": "_native.model",
    "Phase": "engine.response",
    "Progress": "engine.response",
    "Response": "engine.response",
}

logging.getLogger(__name__).addHandler(logging.NullHandler())  # a library prints nothing unless it is asked to


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    """Import what is heavy (libllama, jinja2, ipywidgets) when it is first used."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)


def load_ipython_extension(ipython: "InteractiveShell") -> None:
    """Register ``%%llm`` and ``%llm``; IPython calls this for ``%load_ext cyllama_jupyter``."""
    from cyllama_jupyter.notebook import magics  # noqa: PLC0415 - IPython only where it is used

    magics.register(ipython)


def unload_ipython_extension(ipython: "InteractiveShell") -> None:
    """Take the magics away and free their models; IPython calls this for ``%unload_ext cyllama_jupyter``."""
    from cyllama_jupyter.notebook import magics  # noqa: PLC0415 - IPython only where it is used

    magics.unregister(ipython)
