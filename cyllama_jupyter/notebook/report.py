"""What ``%llm`` prints."""

from collections.abc import Sequence
from pathlib import Path

from cyllama_jupyter.config import RANDOM_SEED
from cyllama_jupyter.engine.llm import LLM
from cyllama_jupyter.errors import ModelNotFoundError
from cyllama_jupyter.notebook.shelf import ModelShelf
from cyllama_jupyter.notebook.wording import count, model_name

__all__ = ["status", "unloaded"]

_SETTINGS = ("max_tokens", "temperature", "top_k", "top_p", "min_p")


def unloaded(models: Sequence[LLM], loading: Path | None = None) -> str:
    """Return what was unloaded.

    Args:
        models: The models that were closed.
        loading: A model whose load was stopped.
    """
    stopped = [f"stopped loading {loading.name}"] if loading else []
    closed = [f"unloaded {', '.join(map(model_name, models))}"] if models else []
    return "; ".join(closed + stopped) or "no model was loaded"


def status(shelf: ModelShelf) -> str:
    """Return which models are loaded and what they are set to.

    Args:
        shelf: Keeps the models.
    """
    models = [_describe(llm, current=llm is shelf.current) for llm in shelf]
    return "\n".join([*models, _next(shelf)])


def _describe(llm: LLM, *, current: bool) -> str:
    settings = ", ".join(f"{name}={getattr(llm.config, name)}" for name in _SETTINGS)
    seed = "random" if llm.config.seed == RANDOM_SEED else llm.config.seed
    mark = " (current)" if current else ""
    context = f"context of {count(llm.config.n_ctx or 0, 'token')}"
    return f"{model_name(llm)}{mark}: {context}\n  {llm.model_path}\n  {settings}, seed={seed}"


def _next(shelf: ModelShelf) -> str:
    try:
        return f"%%llm without --model uses {shelf.find(None)}"
    except ModelNotFoundError as error:
        return str(error)
