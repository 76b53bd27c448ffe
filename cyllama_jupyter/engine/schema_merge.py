"""Two JSON schemas into one that asks for both, as far as one schema can say it."""

from collections.abc import Callable
from itertools import zip_longest
from typing import Any, TypeAlias

from cyllama_jupyter.engine.schema_equality import key

__all__ = ["Schema", "merged"]

Schema: TypeAlias = "dict[str, Any] | bool"

_Join: TypeAlias = Callable[[Any, Any], Any]


def merged(one: Schema, other: Schema, lost: set[str]) -> Schema:
    """Return a schema for what fits both.

    Args:
        one: A schema without a reference or an ``allOf`` at its top.
        other: Another such one.
        lost: Takes the keywords of ``other`` that could not be joined to those of ``one``, and so hold no longer.
    """
    if isinstance(one, bool) or isinstance(other, bool):
        return _with_bool(one, other)
    if "const" in one and "const" in other and key(one["const"]) != key(other["const"]):
        return False
    joined = {**one, **_properties(one, other), **_items(one, other)}
    for keyword, value in other.items():
        if keyword not in joined:
            joined[keyword] = value
        elif key(joined[keyword]) == key(value):
            continue
        elif keyword in _SIMPLE:
            joined[keyword] = _SIMPLE[keyword](joined[keyword], value)
        elif keyword == "anyOf" and "oneOf" not in joined:
            joined["oneOf"] = value  # either way every branch is tried
            lost.add("oneOf")
        elif keyword not in _JOINED:
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
    known = {key(value) for value in other}
    return [value for value in one if key(value) in known]


def _both(one: Schema, other: Schema) -> Schema:
    """Return a schema for what fits both of two that lie deeper; they are joined where they are met."""
    if isinstance(one, bool) or isinstance(other, bool):
        return _with_bool(one, other)
    return one if one is other else {"allOf": [one, other]}


def _properties(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return the keywords of an object's properties; what one schema does not name is additional to it."""
    mine, theirs = one.get("properties", {}), other.get("properties", {})
    my_rest, their_rest = _additional(one), _additional(other)
    joined = {name: _both(mine.get(name, my_rest), theirs.get(name, their_rest)) for name in {**mine, **theirs}}
    found: dict[str, Any] = {"properties": joined} if joined else {}
    if "additionalProperties" in one and "additionalProperties" in other:
        found["additionalProperties"] = _both(one["additionalProperties"], other["additionalProperties"])
    return found


def _additional(schema: dict[str, Any]) -> Schema:
    """Return the schema of the properties that are not named; with patterns of names it is only checked later."""
    rest: Schema = True if "patternProperties" in schema else schema.get("additionalProperties", True)
    return rest


def _items(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return the keywords of an array's items, place by place, as draft 2020-12 has them."""
    if not (one.keys() & _ITEMS and other.keys() & _ITEMS):
        return {}
    (mine, my_rest), (theirs, their_rest) = _places(one), _places(other)
    found: dict[str, Any] = {}
    if my_rest is not None or their_rest is not None:
        found["items"] = _both(True if my_rest is None else my_rest, True if their_rest is None else their_rest)
    pairs = zip_longest(mine, theirs)
    prefix = [_both(_or_rest(a, my_rest), _or_rest(b, their_rest)) for a, b in pairs]
    return {**found, "prefixItems": prefix} if prefix else found


def _or_rest(schema: "Schema | None", rest: "Schema | None") -> Schema:
    """Return the schema of one place: its own, or that of all further items, or none at all."""
    if schema is not None:
        return schema
    return True if rest is None else rest


def _places(schema: dict[str, Any]) -> tuple[list[Schema], "Schema | None"]:
    """Return the schemas of the first items, and of the rest where it is spoken of."""
    items = schema.get("items")
    if isinstance(items, list):  # how a tuple was written before draft 2020-12
        return items, schema.get("additionalItems", True)
    return schema.get("prefixItems", []), items


_ITEMS = frozenset({"items", "prefixItems"})
_JOINED = _ITEMS | {"properties", "additionalProperties", "additionalItems"}
"""Keywords that are joined with others, before the rest."""

_SIMPLE: dict[str, _Join] = {
    "type": _types,
    "required": lambda one, other: [*one, *(name for name in other if name not in one)],
    "enum": _values,
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
