"""A ``TypedDict`` as pydantic wants it: before Python 3.12 it takes those of ``typing_extensions`` alone."""

import sys
import types
import typing
from typing import Annotated, Any, Union

__all__ = ["known_to_pydantic"]


def known_to_pydantic(kind: Any) -> Any:  # noqa: ANN401 - any type
    """Return a type in which each ``typing.TypedDict`` is one of ``typing_extensions`` with the same fields.

    Args:
        kind: A class, or a type with parameters.

    Raises:
        NameError: An annotation names what is not defined yet.
    """
    return kind if sys.version_info >= (3, 12) else _translated(kind, {})


def _translated(kind: Any, done: dict[Any, Any]) -> Any:  # noqa: ANN401 - any type
    if typing.is_typeddict(kind):
        if kind not in done:
            done[kind] = kind  # where it refers to itself
            done[kind] = _typed_dict(kind, done)
        return done[kind]
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if not arguments or origin is typing.Literal:
        return kind
    if origin is Annotated:
        return Annotated.__class_getitem__((_translated(arguments[0], done), *kind.__metadata__))
    translated = tuple(_translated(each, done) for each in arguments)
    if origin in (Union, types.UnionType):
        return Union[translated]  # noqa: UP007 - a tuple of them
    return kind.copy_with(translated) if hasattr(kind, "copy_with") else origin[translated]


def _typed_dict(kind: Any, done: dict[Any, Any]) -> Any:  # noqa: ANN401 - any type
    from typing_extensions import NotRequired, TypedDict, get_type_hints  # noqa: PLC0415 - pydantic depends on it

    required: frozenset[str] = kind.__required_keys__
    hints = {name: _translated(each, done) for name, each in get_type_hints(kind, include_extras=False).items()}
    fields = {name: each if name in required else NotRequired[each] for name, each in hints.items()}
    return TypedDict(kind.__name__, fields)  # type: ignore[operator]
