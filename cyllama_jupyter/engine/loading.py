"""A checked model file to a model and its context."""

import os
import threading
from contextlib import ExitStack
from pathlib import Path

import psutil

from cyllama_jupyter._native.adapter import LlamaAdapter, apply
from cyllama_jupyter._native.cancel import LoadState
from cyllama_jupyter._native.context import LlamaContext, cache_block
from cyllama_jupyter._native.model import LlamaModel, supports_gpu
from cyllama_jupyter.adapters import check_adapter_file
from cyllama_jupyter.config import MAX_DEFAULT_N_CTX, CacheType, GenerationConfig
from cyllama_jupyter.engine import logs
from cyllama_jupyter.engine.container import CGROUP
from cyllama_jupyter.engine.hyperparameters import Hyperparameters
from cyllama_jupyter.engine.threads import fixed, most_threads
from cyllama_jupyter.errors import LoadCancelled, LoadError, ModelNotFoundError, UnsupportedModelError
from cyllama_jupyter.models import check_model_file, parts
from cyllama_jupyter.references import hint

__all__ = ["check", "free_memory", "lengths", "load"]

DEFAULT_N_BATCH = 2048
DEFAULT_SPLIT_MODE = 1
DEFAULT_N_PARALLEL = 4
DEFAULT_MAX_QUEUED = 64
CPU_N_UBATCH = 128
GPU_N_UBATCH = 512
DEFAULT_CACHE_TYPE: CacheType = "f16"
ALL_LAYERS = -1


def check(path: Path, config: GenerationConfig) -> None:
    """Look at a model's files and its adapters before llama.cpp does.

    What ggml has to say about them goes to the log, not to stderr. Of a model in several files it looks at all of them.

    Args:
        path: The model's file.
        config: The fields that are fixed at load.

    Raises:
        ModelError: It is not a file that can be loaded, or an adapter is not one, or one for another model.
        LoadError: Its keys or values cannot be kept as they are to be.
    """
    logs.install()
    try:
        for part in parts(path):
            check_model_file(part)
        _check_cache_types(Hyperparameters(path), config)
    except ModelNotFoundError as error:
        raise ModelNotFoundError(f"{error}{hint(path)}") from error
    else:
        for adapter, scale in config.adapters:
            check_adapter_file(Path(adapter), path, scale)
    finally:
        _tell()


def _tell() -> None:
    """Send llama.cpp's lines on from another thread: Ctrl-C in the middle of it would leave a handler locked."""
    teller = threading.Thread(target=logs.forward, name="cyllama-log", daemon=True)
    teller.start()
    teller.join()


def _check_cache_types(model: Hyperparameters, config: GenerationConfig) -> None:
    """Refuse a quantisation that does not divide a head (``llama_init_from_model``)."""
    kinds = {"type_k": (config.type_k, model.key_length), "type_v": (config.type_v, model.value_length)}
    for name, (kind, length) in kinds.items():
        block = cache_block(kind or DEFAULT_CACHE_TYPE)[0]
        if length % block:
            raise LoadError(
                f"{name}={kind!r} quantises {block} values together, and this model's heads have {length}: "
                f"take {name}={DEFAULT_CACHE_TYPE!r}"
            )


def load(path: str, config: GenerationConfig, state: LoadState) -> tuple[LlamaModel, LlamaContext]:
    """Load a model and its adapters, and make its context, which closes the adapters when it is closed.

    Args:
        path: The model's file.
        config: The fields that are fixed at load; None takes the default.
        state: Reports the progress and stops the load.

    Raises:
        LoadCancelled: ``state`` stopped it.
        LoadError: llama.cpp failed; the message ends with what it logged.
        UnsupportedModelError: The model does not generate text by itself.
    """
    logs.install()
    try:
        with ExitStack() as undo:  # a shell keeps the traceback of what fails, and with it this frame
            model = _load_model(path, config, state)
            undo.callback(model.close)
            adapters = _load_adapters(model, config, state, undo)
            context = _make_context(model, config, path)
            undo.callback(context.close)
            apply(context, adapters, [scale for _, scale in config.adapters])
            if state.cancelled:
                raise LoadCancelled("the load was cancelled")
            undo.pop_all()
    except LoadError as error:
        complaints = logs.forward()
        said = f"; it said: {complaints[0]}" if complaints else ""
        raise LoadError(f"{error} ({path!r}){said}") from error
    finally:
        logs.forward()
    return model, context


def _load_model(path: str, config: GenerationConfig, state: LoadState) -> LlamaModel:
    return LlamaModel(
        os.fsencode(path),
        n_gpu_layers=ALL_LAYERS if config.n_gpu_layers is None else config.n_gpu_layers,
        main_gpu=config.main_gpu or 0,
        split_mode=DEFAULT_SPLIT_MODE if config.split_mode is None else config.split_mode,
        tensor_split=config.tensor_split or (),
        state=state,
    )


def _load_adapters(
    model: LlamaModel, config: GenerationConfig, state: LoadState, undo: ExitStack
) -> list[LlamaAdapter]:
    """Load the adapters before there is a context, whose graphs llama.cpp sizes for those that the model has."""
    adapters = []
    for path, _ in config.adapters:
        if state.cancelled:
            raise LoadCancelled("the load was cancelled")
        adapters.append(LlamaAdapter(model, os.fsencode(path)))
        undo.callback(adapters[-1].close)
    return adapters


def _make_context(model: LlamaModel, config: GenerationConfig, path: str) -> LlamaContext:
    try:
        if not model.can_generate:
            raise UnsupportedModelError("it is an encoder, a diffusion model or without a vocabulary")
        return _context(model, config)
    except UnsupportedModelError as error:
        message = f"the {model.description} model {path!r} does not generate text by itself: use a decoder-only model"
        raise UnsupportedModelError(message) from error


def free_memory() -> int:
    """Return the memory that may still be taken, in bytes: the machine's, or this container's where that is less.

    Files that are in memory because they were read, such as models, count as free: the system drops them for others.
    """
    free = psutil.virtual_memory().available
    try:
        limit, used = (int((CGROUP / name).read_text()) for name in ("memory.max", "memory.current"))
        pages = dict(line.split(maxsplit=1) for line in (CGROUP / "memory.stat").read_text().splitlines())
        files = int(pages["active_file"]) + int(pages["inactive_file"])
    except (KeyError, OSError, ValueError):  # no container, or one without a limit ("max")
        return free
    return min(free, max(0, limit - used + files))


def lengths(config: GenerationConfig, n_ctx_train: int) -> tuple[int, int, int]:
    """Return n_ctx, n_batch and n_ubatch of a load, in tokens.

    Args:
        config: The fields that are fixed at load; None takes the default.
        n_ctx_train: The context that the model was trained for.
    """
    n_ctx = config.n_ctx or min(n_ctx_train, MAX_DEFAULT_N_CTX)
    n_batch = min(config.n_batch or DEFAULT_N_BATCH, n_ctx)
    return n_ctx, n_batch, min(config.n_ubatch or _default_n_ubatch(config), n_batch)


def _context(model: LlamaModel, config: GenerationConfig) -> LlamaContext:
    n_ctx, n_batch, n_ubatch = lengths(config, model.n_ctx_train)
    return LlamaContext(
        model,
        n_ctx=n_ctx,
        n_batch=n_batch,
        n_ubatch=n_ubatch,
        n_threads=fixed(config.n_threads) or most_threads(),
        n_threads_batch=fixed(config.n_threads_batch) or most_threads(),
        n_sequences=min(config.n_parallel or DEFAULT_N_PARALLEL, n_ubatch) if model.has_attention_only else 1,
        flash_attn=config.flash_attn == "on",
        type_k=config.type_k or DEFAULT_CACHE_TYPE,
        type_v=config.type_v or DEFAULT_CACHE_TYPE,
    )


def _default_n_ubatch(config: GenerationConfig) -> int:
    """Return the length of a step in tokens: what a cancel may have to wait for, against the speed of a prefill."""
    return GPU_N_UBATCH if supports_gpu() and config.n_gpu_layers != 0 else CPU_N_UBATCH
