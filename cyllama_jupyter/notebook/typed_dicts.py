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

    fields = {}
    for name, hint in get_type_hints(kind, include_extras=True).items():
        bare, is_required = _peeled(hint)
        field = _translated(bare, done)
        needed = name in kind.__required_keys__ if is_required is None else is_required
        fields[name] = field if needed else NotRequired[field]
    return TypedDict(kind.__name__, fields)  # type: ignore[operator]


def _peeled(hint: Any) -> tuple[Any, bool | None]:  # noqa: ANN401 - any type
    """Return a field's type without its qualifiers (PEP 655, PEP 705), and what they say of its being required."""
    from typing_extensions import NotRequired, ReadOnly, Required  # noqa: PLC0415 - pydantic depends on it

    origin = typing.get_origin(hint)
    if origin is Annotated:
        bare, is_required = _peeled(hint.__origin__)
        return Annotated.__class_getitem__((bare, *hint.__metadata__)), is_required
    if origin not in (Required, NotRequired, ReadOnly):
        return hint, None
    bare, is_required = _peeled(typing.get_args(hint)[0])
    return bare, is_required if origin is ReadOnly else origin is Required
