"""The form of answers that a variable of the notebook describes: a class with fields, or a JSON schema."""

import dataclasses
import json
import sys
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeGuard

from IPython.core.error import UsageError

from cyllama_jupyter.engine.schema import to_gbnf, unenforced, validator
from cyllama_jupyter.errors import AnswerError, SchemaError
from cyllama_jupyter.notebook.form import Form
from cyllama_jupyter.notebook.parsing import nearest
from cyllama_jupyter.notebook.readers import read_json
from cyllama_jupyter.notebook.typed_dicts import known_to_pydantic

__all__ = ["form_of_schema"]

_WANTED = "a pydantic model, a dataclass, a TypedDict or a JSON schema"
_KEYWORDS = frozenset({
    "$ref", "type", "properties", "required", "additionalProperties", "items", "prefixItems", "enum", "const", "anyOf",
    "oneOf", "allOf", "pattern", "format", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems",
})  # fmt: skip
"""A dictionary with none of these is no schema, though the specification takes it for one that any value fits."""

_SHOWN = 200
_LONGEST = 1_500
"""Characters of a schema that are put into the prompt; of a longer one, only the names of its properties."""


def form_of_schema(name: str, namespace: Mapping[str, object]) -> Form:
    """Return the form of what a variable of the notebook describes.

    Args:
        name: The variable.
        namespace: The notebook's variables.

    Raises:
        UsageError: There is none of that name, or it is of another kind; with the nearest that would do.
        SchemaError: No grammar can be made of it.
    """
    if name not in namespace:
        raise UsageError(f"--schema: there is no {name!r}{_nearest(name, namespace)}")
    value = namespace[name]
    if isinstance(value, Mapping) and value.keys() & _KEYWORDS:
        return _form_of_json_schema(name, value)
    if _is_model(value):
        return _form_of_type(name, value)
    hint = f"; did you mean its class {type(value).__name__}?" if _is_model(type(value)) else _nearest(name, namespace)
    raise UsageError(f"--schema needs {_WANTED}, and {name!r} is of type {type(value).__name__}{hint}")


def _nearest(name: str, namespace: Mapping[str, object]) -> str:
    usable = [other for other, value in namespace.items() if not other.startswith("_") and _is_usable(value)]
    return nearest(name, usable) or f"; it needs the name of {_WANTED}"


def _is_usable(value: object) -> bool:
    return _is_model(value) or (isinstance(value, Mapping) and bool(value.keys() & _KEYWORDS))


def _is_model(value: object) -> TypeGuard[type]:
    """Whether a value is a class that describes objects; pydantic is asked only where it is loaded already."""
    if not isinstance(value, type):
        return False
    pydantic = sys.modules.get("pydantic")
    is_pydantic = pydantic is not None and issubclass(value, pydantic.BaseModel)
    return is_pydantic or dataclasses.is_dataclass(value) or _is_typed_dict(value)


def _is_typed_dict(value: type) -> bool:
    return typing.is_typeddict(value) or (issubclass(value, dict) and hasattr(value, "__total__"))


def _form_of_json_schema(name: str, schema: Mapping[str, Any]) -> Form:
    checker = validator(schema)

    def read(text: str) -> object:
        value = read_json(text)
        try:
            error = next(checker.iter_errors(value), None)
        except RecursionError:
            raise AnswerError("the answer's lists and objects are nested too deep to check") from None
        if error is not None:
            raise _misfit(name, error.absolute_path, error.message)
        return value

    return _form(name, schema, read)


def _form_of_type(name: str, kind: type) -> Form:
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - when a type is first used
    from pydantic.errors import PydanticUserError  # noqa: PLC0415 - the same

    try:
        adapter: TypeAdapter[Any] = TypeAdapter(known_to_pydantic(kind))
        schema = adapter.json_schema()
    except (PydanticUserError, NameError) as error:  # a schema that does not exist, or a name that is not defined yet
        reason = str(error).splitlines()[0]
        raise SchemaError(f"{name} has no JSON schema: {reason}") from None

    def read(text: str) -> object:
        read_json(text)  # stricter than pydantic's own: names twice, infinite numbers
        try:
            return adapter.validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            raise _misfit(name, first["loc"], first["msg"]) from None

    return _form(name, schema, read)


def _form(name: str, schema: Mapping[str, Any], read: Callable[[str], object]) -> Form:
    return Form(name, _instruction(schema), read, to_gbnf(schema), frozenset(unenforced(schema)), "json")


def _misfit(name: str, path: Iterable[object], message: str) -> AnswerError:
    place = ".".join(map(str, path))
    sentence = " ".join(message.split())
    shown = sentence if len(sentence) <= _SHOWN else sentence[:_SHOWN] + "…"
    return AnswerError(f"the answer does not fit {name}{f' at {place}' if place else ''}: {shown}")


def _instruction(schema: Mapping[str, Any]) -> str:
    text = json.dumps(schema, ensure_ascii=False)
    if len(text) <= _LONGEST:
        return f"Answer with one JSON value that fits this JSON schema, and with nothing else: {text}"
    names = ", ".join(map(str, schema.get("properties", ())))[:_LONGEST]
    return f"Answer with one JSON value, and with nothing else.{f' Its keys are {names}.' if names else ''}"
