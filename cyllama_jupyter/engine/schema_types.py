"""What each type's keywords come to in plain terms (see ``schema_plain``)."""

import math
from collections.abc import Callable
from typing import Any, TypeAlias

from cyllama_jupyter.engine.schema_limits import MOST_NAMES, MOST_REPEATS
from cyllama_jupyter.engine.schema_merge import Schema
from cyllama_jupyter.engine.schema_numbers import MOST, integer_rule, number_rule
from cyllama_jupyter.engine.schema_patterns import Unsupported, to_rule
from cyllama_jupyter.errors import SchemaError

__all__ = ["BUILDERS", "FORMATS", "Node", "Visit"]

Node: TypeAlias = dict[str, Any]
Visit: TypeAlias = Callable[[Schema], "Node | None"]
_Builder: TypeAlias = Callable[[dict[str, Any], Visit, set[str], bool], "Node | None"]

FORMATS = ("date", "time", "date-time", "uuid")
"""Formats that a grammar writes."""

_CHECKED_FORMATS = ("email", "idn-email", "ipv4", "ipv6", "regex")
"""Formats that ``jsonschema`` checks without further packages; any other is a note to the reader."""


def _object(schema: dict[str, Any], visit: Visit, lost: set[str], closed: bool) -> Node | None:  # noqa: FBT001 - one signature for all
    declared: dict[str, Schema] = schema.get("properties", {})
    required = schema.get("required", [])
    others = schema.get("additionalProperties", not (closed and declared))
    properties = {name: visit(part) for name, part in declared.items()}
    properties |= {name: visit(others or True) for name in required if name not in declared}
    if any(properties[name] is None for name in required) or (
        schema.get("additionalProperties") is False and not declared.keys() >= set(required)
    ):
        return None
    kept = {name: node for name, node in properties.items() if node is not None}
    rest = visit(others)
    apart = sorted(properties)  # what is named is not written among the others, where its own schema would not hold
    if rest is not None and sum(map(len, apart)) > MOST_NAMES:
        lost.add("properties")
        apart = []
    required = list(required)
    return {"type": "object", "properties": kept, "required": required, "additionalProperties": rest, "apart": apart}


def _array(schema: dict[str, Any], visit: Visit, lost: set[str], closed: bool) -> Node | None:  # noqa: FBT001 - the same
    items = schema.get("items", True)
    prefix = schema.get("prefixItems", [])
    if isinstance(items, list):  # how a tuple was written before draft 2020-12
        prefix, items = items, schema.get("additionalItems", True)
    elif "items" not in schema and prefix and closed:
        items = False
    nodes = [visit(part) for part in prefix]
    rest = visit(items)
    most = len(nodes) if rest is None else schema.get("maxItems", math.inf)
    if None in nodes:
        most = min(most, nodes.index(None))
    most = min(most, schema.get("maxItems", math.inf))
    least = schema.get("minItems", min(len(nodes), most) if closed else 0)
    if least > most:
        return None
    bounds = _bounds(least, most, "Items", lost)
    return {"type": "array", "prefixItems": nodes[: int(min(most, len(nodes)))], "items": rest or {}, **bounds}


def _string(schema: dict[str, Any], _visit: Visit, lost: set[str], _closed: bool) -> Node | None:  # noqa: FBT001 - the same
    least, most = schema.get("minLength", 0), schema.get("maxLength", math.inf)
    if least > most:
        return None
    rule = _pattern(schema["pattern"], lost) if "pattern" in schema else None
    form = schema.get("format")
    if rule is not None or form in FORMATS:
        lost |= schema.keys() & {"minLength", "maxLength"}
    elif form in _CHECKED_FORMATS:
        lost.add("format")
    if rule is not None:
        lost |= {"format"} if form in (*FORMATS, *_CHECKED_FORMATS) else set()
        return {"type": "string", "rule": rule}
    return (
        {"type": "string", "format": form}
        if form in FORMATS
        else {"type": "string", **_bounds(least, most, "Length", lost)}
    )


def _pattern(pattern: str, lost: set[str]) -> str | None:
    try:
        return to_rule(pattern)
    except Unsupported:
        lost.add("pattern")
        return None


def _bounds(least: float, most: float, what: str, lost: set[str]) -> Node:
    """Return how often something repeats: ``max`` is None without a bound, or with one too large to write."""
    if least > MOST_REPEATS:
        raise SchemaError(f"min{what} is {least:,}, and a grammar counts to {MOST_REPEATS:,}: ask for less")
    if MOST_REPEATS < most < math.inf:
        lost.add(f"max{what}")
    return {"min": int(least), "max": int(most) if most <= MOST_REPEATS else None}


def _integer(schema: dict[str, Any], _visit: Visit, lost: set[str], _closed: bool) -> Node | None:  # noqa: FBT001 - the same
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = _exclusive(schema, "exclusiveMinimum", lost), _exclusive(schema, "exclusiveMaximum", lost)
    lows = [math.ceil(bound) for bound in [low] if bound is not None]
    lows += [math.floor(bound) + 1 for bound in [above] if bound is not None]
    highs = [math.floor(bound) for bound in [high] if bound is not None]
    highs += [math.ceil(bound) - 1 for bound in [below] if bound is not None]
    least, greatest = max(lows, default=-MOST), min(highs, default=MOST)
    if least > MOST or greatest < -MOST:
        raise SchemaError(f"the schema asks for a whole number beyond {MOST:,}, which a grammar does not count to")
    if not lows and not highs:
        return {"type": "integer"}
    return {"type": "integer", "rule": integer_rule(least, greatest)} if least <= greatest else None


def _exclusive(schema: dict[str, Any], keyword: str, lost: set[str]) -> float | None:
    bound: float | bool | None = schema.get(keyword)
    if isinstance(bound, bool):  # draft 4: a flag beside the bound
        lost |= {keyword} if bound else set()
        return None
    return bound


def _number(schema: dict[str, Any], _visit: Visit, lost: set[str], _closed: bool) -> Node | None:  # noqa: FBT001 - the same
    above, below = _exclusive(schema, "exclusiveMinimum", lost), _exclusive(schema, "exclusiveMaximum", lost)
    lows = [bound for bound in (schema.get("minimum"), above) if bound is not None]
    highs = [bound for bound in (schema.get("maximum"), below) if bound is not None]
    low, high = max(lows, default=None), min(highs, default=None)
    if low is None and high is None:
        return {"type": "number"}
    if low is not None and high is not None and (low > high or (low == high and (above == low or below == high))):
        return None
    if (low is not None and low > MOST) or (high is not None and high < -MOST):
        raise SchemaError(f"the schema asks for a number beyond {MOST:,}, which its grammar does not count to")
    for keyword in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        if keyword in schema and (keyword.startswith("exclusive") or schema[keyword] != int(schema[keyword])):
            lost.add(keyword)
    return {"type": "number", "rule": number_rule(low, high)}


BUILDERS: dict[str, _Builder] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": lambda *_: {"type": "boolean"},
    "null": lambda *_: {"type": "null"},
}
