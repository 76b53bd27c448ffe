"""Writes GBNF, the language of grammars, for a schema in plain terms (see ``schema_plain``).

What a model may write is JSON that every reader takes: at most one blank between two tokens, no control character in a
string, no half of a surrogate pair, numbers that a float holds. A string has no bound of its own.
"""

import json
import re

from cyllama_jupyter.engine.schema_literal import literal
from cyllama_jupyter.engine.schema_names import other_names
from cyllama_jupyter.engine.schema_plain import Plain
from cyllama_jupyter.engine.schema_types import Node

__all__ = ["grammar"]

_RULES = {
    "space": '" "?',
    "hex": "[0-9a-fA-F]",
    "char": r'[^"\\\U00000000-\U0000001F] | "\\" (["\\/bfnrt] | "u" ([0-9a-cA-CefEF] hex | [dD] [0-7]) hex hex)',
    "string": r'"\"" char* "\"" space',
    "whole": '"0" | [1-9] [0-9]{0,15}',
    "integer": '"-"? whole space',
    "number": '"-"? whole ("." [0-9]{1,15})? ([eE] [-+]? [0-9]{1,2})? space',
    "boolean": '("true" | "false") space',
    "null": '"null" space',
    "member": 'string ":" space value',
    "object": '"{" space (member ("," space member)*)? "}" space',
    "array": '"[" space (value ("," space value)*)? "]" space',
    "value": "object | array | string | number | boolean | null",
    "date": r'[0-9]{4} "-" ("0" [1-9] | "1" [0-2]) "-" ("0" [1-9] | [12] [0-9] | "3" [01])',
    "hour": r'[01] [0-9] | "2" [0-3]',
    "minute": "[0-5] [0-9]",
    "time": r'hour ":" minute ":" minute ("." [0-9]{1,6})? ("Z" | [-+] hour ":" minute)',
    "date-time": 'date "T" time',
    "uuid": 'hex{8} "-" hex{4} "-" hex{4} "-" hex{4} "-" hex{12}',
}
_COMMA = ' "," space '
_NAME = re.compile(r"[^a-zA-Z0-9]+")


def grammar(schema: Plain) -> str:
    """Return the grammar whose rule ``root`` is the JSON of a schema's values."""
    return _Writer(schema).text()


def _constant(value: object) -> str:
    """Return the rule of one value, with blanks where other values may have them."""
    if isinstance(value, list):
        return f'"[" space {_COMMA.join(map(_constant, value))} "]" space'
    if isinstance(value, dict):
        members = (f'{_constant(name)} ":" space {_constant(part)}' for name, part in value.items())
        return f'"{{" space {_COMMA.join(members)} "}}" space'
    return f"{literal(json.dumps(value, ensure_ascii=False))} space"


class _Writer:
    def __init__(self, schema: Plain) -> None:
        self._schema = schema
        self._rules = dict(_RULES)

    def text(self) -> str:
        for name, node in self._schema.definitions.items():
            self._rules[name] = self._expression(node, name)
        self._rules["root"] = self._expression(self._schema.root, "answer")
        return "\n".join(f"{name} ::= {rule}" for name, rule in self._rules.items()) + "\n"

    def _add(self, name: str, rule: str) -> str:
        """Give a rule a name of its own, and return it."""
        name = _NAME.sub("-", name)[-60:].strip("-")
        unique, count = f"{name}-{0}", 0
        while unique in self._rules:
            count += 1
            unique = f"{name}-{count}"
        self._rules[unique] = rule
        return unique

    def _rule(self, node: Node, name: str) -> str:
        """Return the name of a node's rule."""
        if "$ref" in node:
            return str(node["$ref"])
        expression = self._expression(node, name)
        return expression if expression in self._rules else self._add(name, expression)

    def _expression(self, node: Node, name: str) -> str:
        if not node:
            return "value"
        if "$ref" in node:
            return str(node["$ref"])
        if "anyOf" in node:
            return " | ".join(self._rule(part, f"{name}-{number}") for number, part in enumerate(node["anyOf"]))
        if "enum" in node:
            return " | ".join(_constant(value) for value in node["enum"])
        return {"object": self._object, "array": self._array, "string": self._string}.get(node["type"], self._plain)(
            node, name
        )

    @staticmethod
    def _plain(node: Node, _name: str) -> str:
        return f"({node['rule']}) space" if "rule" in node else str(node["type"])

    def _string(self, node: Node, _name: str) -> str:
        if "rule" in node:
            return rf'"\"" {node["rule"]} "\"" space'
        if "format" in node:
            return rf'"\"" {node["format"]} "\"" space'
        least, most = node["min"], node["max"]
        if least == 0 and most is None:
            return "string"
        return rf'"\"" char{_times(least, most)} "\"" space'

    def _array(self, node: Node, name: str) -> str:
        prefix, least, most = node["prefixItems"], node["min"], node["max"]
        rule = ""
        if most is None or most > len(prefix):
            item = self._rule(node["items"], f"{name}-item")
            rule = _rest(
                item, max(0, least - len(prefix)), None if most is None else most - len(prefix), first=not prefix
            )
        for number in reversed(range(len(prefix))):
            comma = '"," space ' if number else ""
            rule = f"{comma}{self._rule(prefix[number], f'{name}-{number}')} {rule}".strip()
            rule = rule if number < least else f"({rule})?"
        return f'"[" space {rule} "]" space'

    def _object(self, node: Node, name: str) -> str:
        """Write the properties in their order; from the end, for what follows a property is a rule of its own."""
        members: list[tuple[str, bool]] = []
        for key, value in node["properties"].items():
            member = f'{_constant(key)} ":" space {self._rule(value, f"{name}-{key}")}'
            members.append((self._add(f"{name}-{key}-member", member), key in node["required"]))
        first = then = ""
        if node["additionalProperties"] is not None:
            value = self._rule(node["additionalProperties"], f"{name}-other")
            other = self._add(f"{name}-other-member", f'{self._other_name(node, name)} ":" space {value}')
            first, then = f'({other} ("," space {other})*)?', f'("," space {other})*'
        for number, (member, required) in reversed(list(enumerate(members))):
            rest = self._add(f"{name}-rest-{number}", then) if then else ""
            here = f"{member} {rest}".strip()
            first = here if required else f"({here})?" if not first else self._add(f"{name}-from", f"{here} | {first}")
            then = f'"," space {member} {rest}'.strip() if required else f'("," space {member})? {rest}'.strip()
        return f'"{{" space {first} "}}" space'

    def _other_name(self, node: Node, name: str) -> str:
        if not node["apart"]:
            return "string"
        rule = other_names(node["apart"], lambda rule: self._add(f"{name}-name-{len(self._rules)}", rule))
        return rf'"\"" ({rule}) "\"" space'


def _times(least: int, most: int | None) -> str:
    return f"{{{least}}}" if least == most else f"{{{least},{'' if most is None else most}}}"


def _rest(item: str, least: int, most: int | None, *, first: bool) -> str:
    """Return what may follow in an array, with its commas; ``first`` when nothing stands before it."""
    if not first:
        return f'("," space {item}){_times(least, most)}'
    if most == 0:
        return ""
    several = f'{item} ("," space {item}){_times(max(0, least - 1), None if most is None else most - 1)}'
    return several if least else f"({several})?"
