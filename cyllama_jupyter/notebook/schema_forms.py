"""The form of answers that a variable of the notebook describes: a type, or a JSON schema."""

import dataclasses
import enum
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

_WANTED = "a pydantic model, a dataclass, a TypedDict, an Enum, a type such as list[int], or a JSON schema"
_SIMPLE = {
    "int": "a whole number: --as int",
    "float": "a number: --as float",
    "bool": "true or false: --as bool",
    "list": "a list of strings: --as list",
    "dict": "any JSON object or array: --as json",
}
"""Builtin types, which ``--as`` asks for."""

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
        hint = f"; for {_SIMPLE[name]}" if name in _SIMPLE else _nearest(name, namespace)
        raise UsageError(f"--schema: there is no {name!r}{hint or f'; it needs the name of {_WANTED}'}")
    value = namespace[name]
    if _is_json_schema(value):
        return _form_of_json_schema(name, value)
    if _is_type(value):
        return _form_of_type(name, value)
    raise UsageError(_refusal(name, value, namespace))


def _refusal(name: str, value: object, namespace: Mapping[str, object]) -> str:
    """Return the sentence on a variable that describes no answer, with what may have been meant."""
    kind = type(value).__name__
    if isinstance(value, Mapping):
        return f"--schema: {name!r} is a {kind}, but no JSON schema: it has none of type, properties, enum, …"
    if isinstance(value, type) and value.__module__ == "builtins" and value.__name__ in _SIMPLE:
        return f"--schema: {name!r} is the type {value.__name__}; for {_SIMPLE[value.__name__]}"
    hint = f"; did you mean its class {kind}?" if _is_type(type(value)) else _nearest(name, namespace)
    return f"--schema needs {_WANTED}, and {name!r} is of type {kind}{hint}"


def _nearest(name: str, namespace: Mapping[str, object]) -> str:
    return nearest(
        name, [other for other, value in namespace.items() if not other.startswith("_") and _is_usable(value)]
    )


def _is_usable(value: object) -> bool:
    return _is_type(value) or _is_json_schema(value)


def _is_json_schema(value: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping) and bool(value.keys() & _KEYWORDS)


def _is_type(value: object) -> bool:
    """Whether a value is a type that describes answers; pydantic is asked only where it is loaded already."""
    if typing.get_origin(value) is not None:  # list[Person], Literal["a", "b"], Optional[int]; first: see bpo-45167
        return True
    if not isinstance(value, type):
        return False
    pydantic = sys.modules.get("pydantic")
    is_pydantic = pydantic is not None and issubclass(value, pydantic.BaseModel)
    is_enum = issubclass(value, enum.Enum) and len(value) > 0
    return is_pydantic or is_enum or dataclasses.is_dataclass(value) or _is_typed_dict(value)


def _is_typed_dict(value: type) -> bool:
    return typing.is_typeddict(value) or (issubclass(value, dict) and hasattr(value, "__total__"))


def _form_of_json_schema(name: str, schema: Mapping[str, Any]) -> Form:
    checker = validator(schema, decoded=True)

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


def _form_of_type(name: str, kind: object) -> Form:
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
        except Exception as error:
            # A validator of the person's own: whatever it raises, the answer is kept, and says why it is no object.
            raise AnswerError(f"{name} raised {type(error).__name__}: {_short(str(error))}") from error

    return _form(name, schema, read)


def _form(name: str, schema: Mapping[str, Any], read: Callable[[str], object]) -> Form:
    return Form(name, _instruction(schema), read, to_gbnf(schema), frozenset(unenforced(schema)), "json")


def _misfit(name: str, path: Iterable[object], message: str) -> AnswerError:
    place = ".".join(map(str, path))
    return AnswerError(f"the answer does not fit {name}{f' at {place}' if place else ''}: {_short(message)}")


def _short(message: str) -> str:
    sentence = " ".join(message.split())
    return sentence if len(sentence) <= _SHOWN else sentence[:_SHOWN] + "…"


def _instruction(schema: Mapping[str, Any]) -> str:
    text = json.dumps(dict(schema), ensure_ascii=False)  # any mapping: json writes dicts alone
    if len(text) <= _LONGEST:
        return f"Answer with one JSON value that fits this JSON schema, and with nothing else: {text}"
    names = ", ".join(map(str, schema.get("properties", ())))[:_LONGEST]
    return f"Answer with one JSON value, and with nothing else.{f' Its keys are {names}.' if names else ''}"
