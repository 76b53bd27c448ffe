"""What llama.cpp asserts about a model's metadata when it loads it, checked before: its assertions end the process.

The rules and their numbers are those of llama.cpp's ``load_hparams`` and ``llama_vocab``: no program over the same
llama.cpp can use a model that breaks one. What they leave over is listed in docs/robustness.md.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cyllama_jupyter._native.gguf import GgufHeader

__all__ = ["fault"]

_MAX_LAYERS = 512  # LLAMA_MAX_LAYERS
_MAX_EXPERTS = 1024  # LLAMA_MAX_EXPERTS
_INT32_MAX = 2**31 - 1
_DOUBLING = ("jamba", "granitehybrid")  # Mamba layers of theirs are twice as wide as the embedding
_EPSILONS = ("layer_norm_epsilon", "layer_norm_rms_epsilon", "group_norm_epsilon")
_UNROTATED = (
    "bloom",
    "glm5-next",
    "gpt2",
    "gptj",
    "jais",
    "jamba",
    "kimi-k3",
    "kimi-linear",
    "mpt",
    "nemotron_h",
    "nemotron_h_moe",
    "refact",
)
"""Architectures with attention for which ``llama_model_rope_type`` says that nothing is rotated."""
_ONE_IS_NONE = "hunyuan"  # llama.cpp takes one expert of theirs for a plain network
_Rule = Callable[["_Metadata"], Iterator[str]]


class _Metadata:
    """The hyperparameters of a file."""

    def __init__(self, header: "GgufHeader") -> None:
        self._header = header
        self.architecture = header.string(b"general.architecture") or ""

    def all(self, name: str) -> tuple[int | float, ...]:
        """Return a hyperparameter's numbers: one, or one for each layer, or none."""
        return self._header.numbers(f"{self.architecture}.{name}".encode())

    def one(self, name: str, default: float = 0) -> int | float:
        """Return a hyperparameter; of several numbers the first one."""
        return next(iter(self.all(name)), default)

    def repeated_token(self) -> str | None:
        """Return a token that the vocabulary holds twice."""
        return self._header.repeated(b"tokenizer.ggml.tokens")


def fault(header: "GgufHeader") -> str | None:
    """Return what is wrong with a model's metadata in a few words, or None."""
    metadata = _Metadata(header)
    return next((found for rule in _RULES for found in rule(metadata)), None)


def _layers(of: _Metadata) -> Iterator[str]:
    count = of.one("block_count", 1)
    if not 1 <= count <= _MAX_LAYERS:
        yield f"it says that it has {count:,} layers, and llama.cpp takes 1 to {_MAX_LAYERS}"
    if of.one("nextn_predict_layers") > count:
        yield f"{of.one('nextn_predict_layers'):,} of its {count:,} layers predict further tokens"


def _context(of: _Metadata) -> Iterator[str]:
    length = of.one("context_length", 1)
    if not 1 <= length <= _INT32_MAX:
        yield f"it says that it was trained with a context of {length:,} tokens"


def _experts(of: _Metadata) -> Iterator[str]:
    count, used = of.one("expert_count"), max(of.all("expert_used_count"), default=0)
    if of.architecture.startswith(_ONE_IS_NONE) and count <= 1:
        return
    if count > _MAX_EXPERTS:
        yield f"it says that it has {count:,} experts, and llama.cpp takes at most {_MAX_EXPERTS:,}"
    if used > count or (count > 0 and used == 0):
        yield f"it uses {used:,} of {count:,} experts"


def _expert_groups(of: _Metadata) -> Iterator[str]:
    experts, count, used = of.one("expert_count"), of.one("expert_group_count"), of.one("expert_group_used_count")
    if count and (count >= experts or (count > 1 and (experts % count or not 0 < used < count))):
        yield f"it uses {used:,} of {count:,} groups of {experts:,} experts"


def _norms(of: _Metadata) -> Iterator[str]:
    for name in _EPSILONS:
        value = of.one(f"attention.{name}")
        if not value >= 0:  # so that "not a number" is refused too
            yield f"its {name} is {value}, which must not be below 0"


def _rotation(of: _Metadata) -> Iterator[str]:
    heads, width = of.one("attention.head_count"), of.one("embedding_length")
    if not heads or of.architecture in _UNROTATED:
        return
    for suffix in ("", "_swa"):
        length = of.one(f"attention.key_length{suffix}", of.one("attention.key_length", width // heads))
        for rotated in of.all(f"rope.dimension_count{suffix}"):
            if (
                not 0 < rotated <= length or rotated % 2
            ):  # they are rotated in pairs; without any ggml's loop has no end
                yield f"it rotates {rotated:,} of the {length:,} values of a head"


def _state_space(of: _Metadata) -> Iterator[str]:
    width, inner = of.one("embedding_length"), of.one("ssm.inner_size")
    if of.architecture in _DOUBLING and 2 * width != inner:
        yield f"its Mamba layers are {inner:,} wide, and not twice the embedding's {width:,}"


def _vocabulary(of: _Metadata) -> Iterator[str]:
    token = of.repeated_token()
    if token is not None:
        yield f"its vocabulary holds {token[:40]!r} twice"


_RULES: tuple[_Rule, ...] = (_layers, _context, _experts, _expert_groups, _norms, _rotation, _state_space, _vocabulary)
