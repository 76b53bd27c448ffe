"""What the variable of a cell holds when its answer is not whole."""

from typing import Any, NoReturn, SupportsIndex

from cyllama_jupyter.engine.response import FinishReason
from cyllama_jupyter.errors import AnswerError

__all__ = ["Partial"]

_SHOWN = 60
_WAY_ON = "read what there is in .text, or run the cell again"


class Partial:
    """An answer that was stopped, cut off, or is not of the form that was asked for: its text and why.

    It is false, and no text. Whoever uses it as the object that it is not (an attribute, an item, iteration,
    arithmetic, a comparison by size, ``len``) gets an ``AnswerError``. Two are equal when their parts are.

    Args:
        text: What the model wrote.
        finish_reason: ``"stop"``, ``"length"``, ``"cancelled"`` or ``"timeout"``.
        reason: A sentence that says why this is not the object.
    """

    __slots__ = ("finish_reason", "reason", "text")

    text: str
    finish_reason: FinishReason
    reason: str

    def __init__(self, text: str, finish_reason: FinishReason, reason: str) -> None:
        object.__setattr__(self, "text", text)
        object.__setattr__(self, "finish_reason", finish_reason)
        object.__setattr__(self, "reason", reason)

    def __bool__(self) -> bool:
        """Return False: `if answer:` asks whether there is one."""
        return False

    def __repr__(self) -> str:
        """Show the reason and the beginning of the text."""
        shown = self.text if len(self.text) <= _SHOWN else self.text[:_SHOWN] + "…"
        return f"<partial answer: {self.reason}; .text is {shown!r}>"

    def __eq__(self, other: object) -> bool:
        """Compare with another one by all parts."""
        return self._parts() == other._parts() if isinstance(other, Partial) else NotImplemented

    def __hash__(self) -> int:
        """Hash by all parts."""
        return hash(self._parts())

    def _parts(self) -> tuple[str, FinishReason, str]:
        return self.text, self.finish_reason, self.reason

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        """Pickle and copy by the parts."""
        return type(self), self._parts()

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse the attributes of the whole object; names with an underscore are Python's and IPython's questions."""
        if name.startswith("_"):
            raise AttributeError(f"a partial answer has no attribute {name!r}")
        _refuse(self)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        """Refuse to be changed."""
        _refuse(self)

    def __delattr__(self, name: str) -> NoReturn:
        """Refuse to be changed."""
        _refuse(self)


def _refuse(self: Partial, *_: object) -> NoReturn:
    raise AnswerError(f"this answer is partial ({self.reason}): {_WAY_ON}")


_BINARY = (
    "add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "divmod", "pow", "lshift", "rshift", "and", "xor",
    "or",
)  # fmt: skip
_OTHERS = (
    "lt", "le", "gt", "ge", "neg", "pos", "abs", "invert", "int", "float", "complex", "index", "round", "trunc",
    "floor", "ceil", "len", "iter", "next", "reversed", "contains", "getitem", "setitem", "delitem", "call", "enter",
    "exit",
)  # fmt: skip
for _name in (*_BINARY, *(f"r{name}" for name in _BINARY), *_OTHERS):
    setattr(Partial, f"__{_name}__", _refuse)
