"""The settings of a model and of one generation, in one frozen object with one place for defaults."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, cast, get_args

from cyllama_jupyter.lora import FLOAT_MAX, Lora, are_adapters, pairs

__all__ = ["CACHE_TYPES", "FIXED_AT_LOAD", "MAX_DEFAULT_N_CTX", "RANDOM_SEED", "CacheType", "GenerationConfig"]

RANDOM_SEED = 0xFFFFFFFF
"""llama.cpp's word for "seed from the system" (``LLAMA_DEFAULT_SEED``)."""

MAX_DEFAULT_N_CTX = 8192
"""Without ``n_ctx`` a context holds what the model was trained for, but no more tokens than this."""

FIXED_AT_LOAD = (
    "n_ctx",
    "n_batch",
    "n_ubatch",
    "n_parallel",
    "max_queued",
    "flash_attn",
    "type_k",
    "type_v",
    "lora",
    "n_gpu_layers",
    "main_gpu",
    "split_mode",
    "tensor_split",
)
"""Fields that a loaded model cannot change: to differ from them in a call is an error."""

MAX_LOGPROBS = 64
"""The most alternatives to each token that ``logprobs`` may ask for."""

CacheType = Literal["f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1"]
CACHE_TYPES: tuple[CacheType, ...] = get_args(CacheType)
"""How keys and values can be kept, in llama.cpp's words."""

_INT32_MAX = 2**31 - 1
_MAX_THREADS = 512  # GGML_MAX_N_THREADS
_MAX_PARALLEL = 256  # LLAMA_MAX_SEQ
_MOST_QUEUED = 100_000
_Check = tuple[Callable[[Any], bool], str]


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= FLOAT_MAX


def _int(low: int, high: int = _INT32_MAX, meaning: str = "") -> _Check:
    wanted = f"an integer from {low:,}" + (f" to {high:,}" if high < _INT32_MAX else " up") + meaning
    return lambda value: _is_int(value) and low <= value <= high, wanted


def _number(low: float, high: float = math.inf, meaning: str = "") -> _Check:
    wanted = f"a number from {low}" + (f" to {high}" if high < math.inf else " up") + meaning
    return lambda value: _is_number(value) and low <= value <= high, wanted


def _positive(value: object) -> bool:
    return _is_number(value) and value > 0  # type: ignore[operator]


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.encode(errors="ignore").decode() == value  # no halves of surrogate pairs


def _strings(value: object) -> bool:
    return isinstance(value, tuple) and all(item and _is_text(item) for item in value)


def _threads(value: object) -> bool:
    return value == "auto" or (_is_int(value) and (value == -1 or 1 <= value <= _MAX_THREADS))  # type: ignore[operator]


def _shares(value: object) -> bool:
    return isinstance(value, tuple) and bool(value) and all(_is_number(share) and share >= 0 for share in value)


def _plain(value: object) -> object:
    return list(map(_plain, value)) if isinstance(value, tuple) else value


def _optional(check: _Check) -> _Check:
    test, wanted = check
    return lambda value: value is None or test(value), f"{wanted}, or None"


_CACHE_TYPE: _Check = (lambda value: value in CACHE_TYPES, f"one of {', '.join(CACHE_TYPES)}")
_THREADS: _Check = (_threads, 'an integer from 1 to 512, or "auto"')
_CHECKS: dict[str, _Check] = {
    "max_tokens": _int(0),
    "temperature": _number(0.0, meaning=" (0 is greedy)"),
    "top_k": _int(0, meaning=" (0 is off)"),
    "top_p": _number(0.0, 1.0),
    "min_p": _number(0.0, 1.0),
    "repeat_penalty": (_positive, "a number above 0 (1 is off)"),
    "penalty_last_n": _int(-1, meaning=" (0 is off, -1 the whole context)"),
    "frequency_penalty": _number(0.0),
    "presence_penalty": _number(0.0),
    "dry_multiplier": _number(0.0, meaning=" (0 is off)"),
    "dry_base": _number(0.0),
    "dry_allowed_length": _int(0),
    "dry_penalty_last_n": _int(-1, meaning=" (0 is off, -1 the whole context)"),
    "dry_sequence_breakers": (_strings, "a list of strings that are not empty"),
    "top_n_sigma": (_is_number, "a number (0 and below are off)"),
    "mirostat": _int(0, 2, meaning=" (0 is off)"),
    "mirostat_tau": (_positive, "a number above 0"),
    "mirostat_eta": (_positive, "a number above 0"),
    "seed": _int(0, RANDOM_SEED, meaning=" or -1 for a random one"),
    "stop_sequences": (_strings, "a list of strings that are not empty"),
    "grammar": _optional((_is_text, "a grammar in GBNF as a string")),
    "logprobs": _optional(_int(0, MAX_LOGPROBS)),
    "add_bos": (lambda value: isinstance(value, bool), "True or False"),
    "parse_special": (lambda value: isinstance(value, bool), "True or False"),
    "n_ctx": _optional(_int(1)),
    "n_batch": _optional(_int(1)),
    "n_ubatch": _optional(_int(1)),
    "n_parallel": _optional(_int(1, _MAX_PARALLEL)),
    "max_queued": _optional(_int(0, _MOST_QUEUED)),
    "flash_attn": _optional((lambda value: value in ("on", "off"), '"on" or "off"')),
    "type_k": _optional(_CACHE_TYPE),
    "type_v": _optional(_CACHE_TYPE),
    "lora": _optional((are_adapters, "a file of a LoRA adapter, several, or a mapping of them to finite scales")),
    "n_gpu_layers": _optional(_int(-1, meaning=" (-1 is all)")),
    "main_gpu": _optional(_int(0)),
    "split_mode": _optional(_int(0, 2)),
    "tensor_split": _optional((_shares, "a list of numbers from 0 up")),
    "n_threads": _optional(_THREADS),
    "n_threads_batch": _optional(_THREADS),
}


@dataclass(frozen=True)
class GenerationConfig:
    """How to generate, and how the model is loaded. The names and defaults are llama.cpp's and cyllama's.

    A field that is None is left to the load: what the model was loaded with, or else the default named here.

    Args:
        max_tokens: The most tokens to generate.
        temperature: Randomness of the choice; 0 always takes the likeliest token (greedy).
        top_k: Choose among this many of the likeliest tokens; 0 is off.
        top_p: Choose among the likeliest tokens that make up this much probability; 1 is off.
        min_p: Leave out tokens less likely than this fraction of the likeliest; 0 is off.
        repeat_penalty: Divides the logits of tokens that occurred; 1 is off.
        penalty_last_n: How many tokens back the penalties look; 0 is off, -1 the whole context.
        frequency_penalty: Subtracted from a logit for every occurrence of its token; 0 is off.
        presence_penalty: Subtracted from a logit once when its token occurred; 0 is off.
        dry_multiplier: Strength of the DRY penalty on repeated phrases; 0 is off.
        dry_base: How fast the DRY penalty grows with the phrase.
        dry_allowed_length: Repeated phrases up to this many tokens cost nothing.
        dry_penalty_last_n: How many tokens back DRY looks; 0 is off, -1 the whole context.
        dry_sequence_breakers: Strings that end a phrase for DRY.
        top_n_sigma: Keep tokens within this many standard deviations of the best logit, in place of top_k, top_p and
            min_p; 0 and below are off.
        mirostat: Mirostat 1 or 2 in place of the samplers above; 0 is off.
        mirostat_tau: The surprise that Mirostat steers to.
        mirostat_eta: How fast Mirostat learns.
        seed: Seed of the choice; -1 takes one from the system.
        stop_sequences: Texts that end the generation and are not part of it.
        grammar: What the answer has to be, in llama.cpp's notation, GBNF; its rule ``root`` is the whole answer.
        logprobs: Tell the probability of each token, and the likeliest so many, in ``Response.tokens``; None does not.
        add_bos: Begin the prompt with the BOS token, where the model asks for one.
        parse_special: Read control tokens, such as ``<|im_end|>``, in a raw prompt. Text in chat messages is never
            read so.
        n_ctx: Length of the context in tokens; the smaller of what the model was trained for and 8,192.
        n_batch: The most tokens for one decode; 2,048.
        n_ubatch: The most tokens that are computed at once, and so all that a cancel may have to wait for where a GPU
            computes; 128, with a GPU 512.
        n_parallel: How many generations run at once; they share the context. 4, and always 1 for models with a
            recurrent state or a sliding window.
        max_queued: How many generations may wait beside those that run; a call beyond that raises ``EngineBusy``. 64.
        flash_attn: "on" computes attention faster, but then a greedy answer depends on the number of threads, and so on
            the machine's load; "off".
        type_k: How the context keeps its keys: "f32", "f16", "bf16", or quantised as "q8_0", "q5_1", "q5_0", "q4_1",
            "q4_0", "iq4_nl"; "f16". "q8_0" takes half the memory of "f16".
        type_v: The same for the values; a quantised one needs ``flash_attn="on"``.
        lora: LoRA adapters in GGUF that change the model: a path, several, or a mapping of paths to scales, kept as
            pairs of path and scale; a scale of 1 is as it was trained, 0 not at all. None, the model as it is.
        n_gpu_layers: Layers to put on the GPU; -1, all.
        main_gpu: The GPU that is used when the model is not split; 0.
        split_mode: How to split over GPUs: 0 not at all, 1 by layers (the default), 2 by rows.
        tensor_split: The share of each GPU.
        n_threads: Threads for generating; "auto", or cyllama's -1, measures which number is the fastest and follows
            the machine's load.
        n_threads_batch: Threads for reading the prompt; the same.

    Raises:
        ValueError: Values are out of range; it names all of them.
    """

    max_tokens: int = 512
    temperature: float = 0.8
    top_k: int = 40
    top_p: float = 0.95
    min_p: float = 0.05
    repeat_penalty: float = 1.0
    penalty_last_n: int = 64
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    dry_multiplier: float = 0.0
    dry_base: float = 1.75
    dry_allowed_length: int = 2
    dry_penalty_last_n: int = -1
    dry_sequence_breakers: Sequence[str] = ("\n", ":", '"', "*")
    top_n_sigma: float = -1.0
    mirostat: int = 0
    mirostat_tau: float = 5.0
    mirostat_eta: float = 0.1
    n_gpu_layers: int | None = None
    main_gpu: int | None = None
    split_mode: int | None = None
    tensor_split: Sequence[float] | None = None
    n_ctx: int | None = None
    n_batch: int | None = None
    n_ubatch: int | None = None
    n_parallel: int | None = None
    max_queued: int | None = None
    flash_attn: Literal["on", "off"] | None = None
    type_k: CacheType | None = None
    type_v: CacheType | None = None
    lora: Lora | None = None
    n_threads: int | Literal["auto"] | None = None
    n_threads_batch: int | Literal["auto"] | None = None
    seed: int = RANDOM_SEED
    stop_sequences: Sequence[str] = field(default=())
    grammar: str | None = None
    logprobs: int | None = None
    add_bos: bool = True
    parse_special: bool = True

    def __post_init__(self) -> None:
        """Freeze the lists, read -1 as a random seed, and check every field."""
        for name in ("stop_sequences", "dry_sequence_breakers", "tensor_split"):
            if isinstance(value := getattr(self, name), list):
                object.__setattr__(self, name, tuple(value))
        if are_adapters(lora := pairs(self.lora)):
            object.__setattr__(self, "lora", lora or None)
        if _is_int(self.seed) and self.seed == -1:
            object.__setattr__(self, "seed", RANDOM_SEED)
        wrong = [
            f"{name} must be {wanted}, got {getattr(self, name)!r}"
            for name, (test, wanted) in _CHECKS.items()
            if not test(getattr(self, name))
        ]
        if wrong:
            raise ValueError("Invalid GenerationConfig: " + "; ".join(wrong))

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dictionary of plain values."""
        return {name: _plain(value) for name, value in asdict(self).items()}

    @property
    def adapters(self) -> tuple[tuple[str, float], ...]:
        """The LoRA adapters: pairs of path and scale."""
        return cast("tuple[tuple[str, float], ...]", self.lora or ())

    def conflicts(self, loaded: "GenerationConfig") -> list[str]:
        """Name the fields fixed at load in which this per-call configuration differs from the loaded one."""
        return [
            f"{name}={getattr(self, name)!r} (loaded with {getattr(loaded, name)!r})"
            for name in FIXED_AT_LOAD
            if getattr(self, name) not in (None, getattr(loaded, name))
        ]
