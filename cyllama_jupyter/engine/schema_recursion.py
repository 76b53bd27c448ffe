"""Finds schemas whose grammar would never end, or would be left-recursive, which nothing could decode under."""

from collections.abc import Iterator

from cyllama_jupyter.engine.schema_plain import Plain
from cyllama_jupyter.engine.schema_types import Node
from cyllama_jupyter.errors import SchemaError

__all__ = ["check_recursion"]


def check_recursion(schema: Plain) -> None:
    """Refuse a schema that refers to itself with nothing between, or that no finite value fits.

    Raises:
        SchemaError: It does, or none does.
    """
    for name in schema.definitions:
        _follow(name, schema.definitions)
    ending: set[str] = set()
    while True:
        more = {name for name, node in schema.definitions.items() if name not in ending and _ends(node, ending)}
        if not more:
            break
        ending |= more
    if ending != schema.definitions.keys() or not _ends(schema.root, ending):
        raise SchemaError("a value of this schema would contain another one without end: make the property optional")


def _follow(name: str, definitions: dict[str, Node]) -> None:
    """Refuse a definition that begins with itself."""
    seen: set[str] = set()
    waiting = list(_first(definitions[name]))
    while waiting:
        other = waiting.pop()
        if other == name:
            raise SchemaError(
                "the schema refers to itself with nothing between: a list or an object has to stand there"
            )
        if other not in seen:
            seen.add(other)
            waiting += _first(definitions[other])


def _first(node: Node) -> Iterator[str]:
    """Yield the definitions that a node's values may begin with."""
    if "$ref" in node:
        yield node["$ref"]
    for part in node.get("anyOf", ()):
        yield from _first(part)


def _ends(node: Node, ending: set[str]) -> bool:
    """Whether every part that has to be written can end, when these definitions can."""
    if "$ref" in node:
        return node["$ref"] in ending
    if "anyOf" in node:
        return any(_ends(part, ending) for part in node["anyOf"])
    if node.get("type") == "object":
        return all(_ends(node["properties"][name], ending) for name in node["required"])
    if node.get("type") == "array":
        prefix, least = node["prefixItems"], node["min"]
        further = [node["items"]] if least > len(prefix) else []
        return all(_ends(part, ending) for part in [*prefix[:least], *further])
    return True
