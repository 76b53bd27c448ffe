"""A JSON schema in plain terms: what a grammar can say of it, in few forms, and the keywords that it cannot.

A plain node is one of ``{}`` (any value), ``{"$ref": NAME}``, ``{"anyOf": [node, ...]}``, ``{"enum": [value, ...]}`` or
a ``{"type": ...}`` of one type, with what ``schema_grammar`` writes of it. None stands for "no value fits".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from cyllama_jupyter.engine.schema_equality import key
from cyllama_jupyter.engine.schema_limits import MOST_DEPTH, MOST_NODES
from cyllama_jupyter.engine.schema_merge import Schema, merged
from cyllama_jupyter.engine.schema_types import BUILDERS, Node, Visit
from cyllama_jupyter.errors import SchemaError

__all__ = ["Plain", "plain"]

_ANNOTATIONS = frozenset({
    "$schema", "$id", "$comment", "$defs", "$anchor", "$vocabulary", "definitions", "title", "description", "default",
    "examples", "deprecated", "readOnly", "writeOnly", "contentMediaType", "contentEncoding", "contentSchema",
    "discriminator",
})  # fmt: skip
_NEVER = frozenset({
    "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "dependencies", "patternProperties",
    "propertyNames", "minProperties", "maxProperties", "contains", "minContains", "maxContains", "uniqueItems",
    "multipleOf", "unevaluatedItems", "unevaluatedProperties",
})  # fmt: skip
"""Keywords that no context-free grammar of bearable size enforces."""

_OF_TYPE = {
    "object": {
        "properties", "required", "additionalProperties", "patternProperties", "propertyNames", "minProperties",
        "maxProperties", "dependentRequired", "dependentSchemas", "unevaluatedProperties",
    },
    "array": {
        "items", "prefixItems", "additionalItems", "minItems", "maxItems", "contains", "uniqueItems",
        "unevaluatedItems",
    },
    "string": {"pattern", "format", "minLength", "maxLength"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
}  # fmt: skip
_ALL_TYPES = ("object", "array", "string", "number", "boolean", "null")


@dataclass
class Plain:
    """A schema in plain terms.

    Args:
        root: The whole.
        definitions: What its references name.
        lost: Keywords that hold no longer, and have to be checked in the answer.
    """

    root: Node
    definitions: dict[str, Node] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)


def plain(schema: Schema, is_valid: Callable[[Any, Schema], bool], *, closed: bool) -> Plain:
    """Write a schema in plain terms.

    Args:
        schema: One that has been checked: JSON, valid, and without references to elsewhere.
        is_valid: Whether a value fits a schema that may refer into this one.
        closed: Read it as people mean it, see ``schema.to_gbnf``; else to the letter.

    Raises:
        SchemaError: No value fits, it refers to what is not there or to itself without end, or it grows too large.
    """
    simplifier = _Simplifier(schema, is_valid, closed=closed)
    root = simplifier.visit(schema, 0)
    if root is None:
        raise SchemaError("no value at all fits this schema: look for what contradicts itself in it")
    definitions = {name: node for name, node in simplifier.definitions.items() if node is not None}
    return Plain(root, definitions, simplifier.lost)


class _Simplifier:
    def __init__(self, root: Schema, is_valid: Callable[[Any, Schema], bool], *, closed: bool) -> None:
        self._root = root
        self._is_valid = is_valid
        self._closed = closed
        self._names: dict[str, str] = {}
        self._nodes = 0
        self.definitions: dict[str, Node | None] = {}
        self.lost: set[str] = set()

    def visit(self, schema: Schema, depth: int) -> Node | None:
        """Return a schema's plain node."""
        self._count(depth)
        if isinstance(schema, dict) and set(schema) - _ANNOTATIONS == {"$ref"}:
            return self._reference(schema["$ref"], depth)
        flat = self._flat(schema)
        if isinstance(flat, bool):
            return {} if flat else None
        for keyword in ("anyOf", "oneOf"):
            if keyword in flat:
                return self._alternatives(flat, keyword, depth)
        self.lost |= flat.keys() & _NEVER - {"then", "else"}
        if "enum" in flat or "const" in flat:
            return self._constants(flat)
        return self._typed(flat, depth)

    def _count(self, depth: int = 0) -> None:
        self._nodes += 1
        if depth > MOST_DEPTH or self._nodes > MOST_NODES:
            raise SchemaError("the schema is nested too deep, grows too large, or refers to itself without end")

    def _flat(self, schema: Schema) -> Schema:
        """Return a schema without annotations, references and ``allOf`` at its top."""
        flat: Schema = True
        waiting = [schema]
        while waiting:
            self._count()
            part = self._bare(waiting.pop())
            if isinstance(part, dict):  # its own references first: two of them cannot be joined unread
                inside = list(part.pop("allOf", ()))
                if "$ref" in part:
                    inside.append(self._target(part.pop("$ref")))
                waiting += reversed(inside)
            flat = merged(flat, part, self.lost)
        return flat

    @staticmethod
    def _bare(schema: Schema) -> Schema:
        return schema if isinstance(schema, bool) else {k: v for k, v in schema.items() if k not in _ANNOTATIONS}

    def _alternatives(self, flat: dict[str, Any], keyword: str, depth: int) -> Node | None:
        rest = {name: value for name, value in flat.items() if name != keyword}
        branches = [{"allOf": [rest, branch]} if rest else branch for branch in flat[keyword]]
        visited = (self.visit(branch, depth + 1) for branch in branches)
        nodes = list({key(node): node for node in visited if node is not None}.values())
        if keyword == "oneOf" and len(nodes) > 1:
            self.lost.add("oneOf")
        return {"anyOf": nodes} if len(nodes) > 1 else nodes[0] if nodes else None

    def _constants(self, flat: dict[str, Any]) -> Node | None:
        values = flat["enum"] if "enum" in flat else [flat["const"]]
        fitting = [value for value in values if self._is_valid(value, flat)]
        return {"enum": fitting} if fitting else None

    def _typed(self, flat: dict[str, Any], depth: int) -> Node | None:
        """Return one node for each type that a value may be of."""
        spoken = [name for name, keywords in _OF_TYPE.items() if flat.keys() & keywords]
        if not spoken and "type" not in flat:
            return {}
        types = flat.get("type", spoken if self._closed else _ALL_TYPES)
        nodes: list[Node] = []
        visit: Visit = lambda schema: self.visit(schema, depth + 1)  # noqa: E731 - it needs its type
        for name in [types] if isinstance(types, str) else types:
            node = BUILDERS[name](flat, visit, self.lost, self._closed)
            nodes += [] if node is None else [node]
        return {"anyOf": nodes} if len(nodes) > 1 else nodes[0] if nodes else None

    def _reference(self, pointer: str, depth: int) -> Node | None:
        name = self._names.get(pointer)
        if name is None:
            name = self._names[pointer] = f"ref{len(self._names)}"
            self.definitions[name] = {}  # while it is being visited
            self.definitions[name] = self.visit(self._target(pointer), depth + 1)
        return None if self.definitions[name] is None else {"$ref": name}

    def _target(self, pointer: str) -> Schema:
        if not pointer.startswith("#"):
            raise SchemaError(f"the schema refers to {pointer!r}, and nothing is fetched: put that into its $defs")
        path = unquote(pointer[1:])
        found: Any = self._root
        if path and not path.startswith("/"):
            found = _anchored(self._root, path)
        for step in path.split("/")[1:] if path.startswith("/") else []:
            found = _stepped(found, step.replace("~1", "/").replace("~0", "~"))
        if not isinstance(found, (dict, bool)):
            raise SchemaError(f"the schema refers to {pointer!r}, which is not there")
        return found


def _stepped(found: object, key: str) -> object:
    if isinstance(found, Mapping):
        return found.get(key)
    if isinstance(found, list) and key.isdecimal() and int(key) < len(found):
        return found[int(key)]
    return None


def _anchored(schema: object, name: str) -> object:
    """Return the schema with that ``$anchor``, or None."""
    if isinstance(schema, dict):
        if schema.get("$anchor") == name:
            return schema
        schema = list(schema.values())
    found = (_anchored(part, name) for part in schema) if isinstance(schema, list) else ()
    return next((part for part in found if part is not None), None)
