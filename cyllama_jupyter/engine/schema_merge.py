"""Two JSON schemas into one that asks for both, as far as one schema can say it."""

import json
from collections.abc import Callable
from typing import Any, TypeAlias

__all__ = ["Schema", "merged"]

Schema: TypeAlias = "dict[str, Any] | bool"

_Both: TypeAlias = Callable[[Any, Any], Any]


def merged(one: Schema, other: Schema, lost: set[str]) -> Schema:
    """Return a schema for what fits both.

    Args:
        one: A schema; its references are looked up already, but for those inside it.
        other: Another.
        lost: Takes the keywords of ``other`` that could not be joined to those of ``one``, and so hold no longer.
    """
    if isinstance(one, bool) or isinstance(other, bool):
        return _with_bool(one, other)
    joined = dict(one)
    for keyword, value in other.items():
        if keyword not in joined or joined[keyword] == value:
            joined[keyword] = value
        elif keyword in _PARTS:
            joined[keyword] = _PARTS[keyword](joined[keyword], value, lost)
        elif keyword in _SIMPLE:
            joined[keyword] = _SIMPLE[keyword](joined[keyword], value)
        elif keyword == "anyOf" and "oneOf" not in joined:
            joined["oneOf"] = value  # either way every branch is tried
            lost.add("oneOf")
        else:
            lost.add(keyword)
    return joined


def _with_bool(one: Schema, other: Schema) -> Schema:
    if one is False or other is False:
        return False
    return other if one is True else one


def _types(one: str | list[str], other: str | list[str]) -> list[str]:
    """Return the types in both; every integer is a number."""
    both = _spelled_out(one) & _spelled_out(other)
    return sorted(both - {"integer"} if "number" in both else both)


def _spelled_out(types: str | list[str]) -> set[str]:
    names = {types} if isinstance(types, str) else set(types)
    return names | {"integer"} if "number" in names else names


def _values(one: list[Any], other: list[Any]) -> list[Any]:
    """Return the values in both, compared as JSON: in Python, True is 1."""
    known = {json.dumps(value, sort_keys=True) for value in other}
    return [value for value in one if json.dumps(value, sort_keys=True) in known]


def _schemas(one: Schema, other: Schema, lost: set[str]) -> Schema:
    if "$ref" in (one if isinstance(one, dict) else ()) or "$ref" in (other if isinstance(other, dict) else ()):
        return {"allOf": [one, other]}  # looked up where it is met
    return merged(one, other, lost)


def _by_name(one: dict[str, Schema], other: dict[str, Schema], lost: set[str]) -> dict[str, Schema]:
    shared = {name: _schemas(one[name], other[name], lost) for name in one if name in other}
    return {**one, **other, **shared}


def _by_place(one: list[Schema], other: list[Schema], lost: set[str]) -> list[Schema]:
    longer, shorter = (one, other) if len(one) >= len(other) else (other, one)
    return [_schemas(a, b, lost) for a, b in zip(longer, shorter, strict=False)] + longer[len(shorter) :]


_PARTS: dict[str, Callable[[Any, Any, set[str]], Any]] = {
    "properties": _by_name,
    "items": _schemas,
    "prefixItems": _by_place,
    "additionalProperties": _schemas,
}
_SIMPLE: dict[str, _Both] = {
    "type": _types,
    "required": lambda one, other: [*one, *(name for name in other if name not in one)],
    "enum": _values,
    "allOf": lambda one, other: [*one, *other],
    "minimum": max,
    "exclusiveMinimum": max,
    "minLength": max,
    "minItems": max,
    "minProperties": max,
    "maximum": min,
    "exclusiveMaximum": min,
    "maxLength": min,
    "maxItems": min,
    "maxProperties": min,
}
