"""A JSON schema as a grammar that an answer is decoded under, and as the check of what was decoded.

The grammar keeps the model to the schema while it writes; what a grammar cannot say is checked in the answer. Schemas
are checked first and whole: whatever is wrong with one is known before anything is decoded. Nothing is ever fetched.
"""

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from cyllama_jupyter.engine.schema_grammar import grammar
from cyllama_jupyter.engine.schema_limits import MOST_BYTES
from cyllama_jupyter.engine.schema_plain import Plain, plain
from cyllama_jupyter.engine.schema_recursion import check_recursion
from cyllama_jupyter.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jsonschema.protocols import Validator

    from cyllama_jupyter.engine.schema_merge import Schema

__all__ = ["JsonSchema", "to_gbnf", "unenforced", "validator"]

JsonSchema: TypeAlias = "Mapping[str, Any] | bool"


def to_gbnf(schema: JsonSchema, *, closed: bool = True) -> str:
    """Return the GBNF grammar of a schema's values; its first rule is ``root``.

    Args:
        schema: A JSON schema of draft 2020-12, or of the draft from 4 on that its ``$schema`` names.
        closed: Read it as people mean it: an object has the properties that are named and no others unless
            ``additionalProperties`` says so, a tuple is whole, and where ``type`` is missing, a value is of the type
            that the other keywords speak of. False takes the specification to the letter.

    Raises:
        SchemaError: It is no valid JSON schema, refers to another document, has a bad pattern, no value fits it, none
            that ends does, or its grammar would be too large.
    """
    text = grammar(_plain(_canonical(schema), closed=closed))
    if len(text) > MOST_BYTES:
        raise SchemaError(f"the schema's grammar would have {len(text):,} characters; {MOST_BYTES:,} are the most")
    return text


def unenforced(schema: JsonSchema) -> set[str]:
    """Return the keywords of a schema that its grammar does not keep the model to; the answer is checked for them.

    Args:
        schema: As for ``to_gbnf``.

    Raises:
        SchemaError: As ``to_gbnf`` does.
    """
    return set(_plain(_canonical(schema), closed=True).lost)


def validator(schema: JsonSchema, *, decoded: bool = False) -> "Validator":
    """Return what validates values against a schema, formats included; it fetches nothing.

    Args:
        schema: As for ``to_gbnf``.
        decoded: The values are decoded under the schema's grammar, ``closed``: where that keeps to every ``pattern``,
            they are not matched again. Python's ``re`` can take exponential time, and nothing stops it.

    Raises:
        SchemaError: It is no valid JSON schema, refers to another document, or has a bad pattern.
    """
    text = _canonical(schema)
    return _validator(text, matching=not decoded or bool(_plain(text, closed=True).lost & _MATCHING))


_MATCHING = frozenset({
    "pattern", "not", "if", "then", "else", "oneOf", "contains", "dependentSchemas", "dependencies",
    "patternProperties", "propertyNames", "unevaluatedItems", "unevaluatedProperties",
})  # fmt: skip
"""A grammar that does not enforce one of these may leave a ``pattern`` inside it to the check."""


def _canonical(schema: JsonSchema) -> str:
    """Return a schema as JSON: a text cannot be changed meanwhile, refer to itself, or hold what is not JSON."""
    try:
        text = json.dumps(schema if isinstance(schema, bool) else dict(schema), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise SchemaError(
            f"the schema is not JSON ({error}): use dicts, lists, texts, numbers, True, False, None"
        ) from None
    if len(text) > MOST_BYTES:
        raise SchemaError(f"the schema has {len(text):,} characters as JSON; {MOST_BYTES:,} are the most")
    return text


@lru_cache(maxsize=16)
def _plain(text: str, *, closed: bool) -> Plain:
    checker = _validator(text)
    schema: Schema = json.loads(text)
    try:
        found = plain(schema, lambda value, part: checker.evolve(schema=part).is_valid(value), closed=closed)
        check_recursion(found)
    except RecursionError:
        raise SchemaError("the schema is nested too deep") from None
    return found


@lru_cache(maxsize=16)
def _validator(text: str, *, matching: bool = True) -> "Validator":
    from jsonschema import Draft3Validator, Draft202012Validator, validators  # noqa: PLC0415 - when first used
    from referencing import Registry  # noqa: PLC0415 - the same

    schema = json.loads(text)
    dialect = schema.get("$schema", "") if isinstance(schema, dict) else ""
    if not isinstance(dialect, str):
        raise SchemaError(f"the schema's $schema is {dialect!r}; it names a draft, by its address")
    kind = validators.validator_for(schema, default=Draft202012Validator)
    if kind is Draft3Validator:
        raise SchemaError("the schema's $schema names draft 3, which is not read here: draft 4 is the oldest that is")
    _check(schema, kind)
    if not matching and isinstance(schema, dict):
        schema = {name: part for name, part in schema.items() if name != "$schema"}  # it would bring `kind` back
        kind = validators.extend(kind, {"pattern": lambda *_: ()})  # type: ignore[no-untyped-call]  # it has no types
    # A registry of its own: without one, jsonschema fetches what a reference names.
    return kind(schema, registry=Registry(), format_checker=kind.FORMAT_CHECKER)


def _check(schema: Any, kind: "type[Validator]") -> None:  # noqa: ANN401 - any JSON
    """Refuse what is not valid, and references to elsewhere and to nothing."""
    from jsonschema import exceptions  # noqa: PLC0415 - when a schema is first used

    try:
        kind.check_schema(schema)
        _check_references(schema, kind.META_SCHEMA["$schema"])
    except exceptions.SchemaError as error:
        place = f" at {'/'.join(map(str, error.absolute_path))}" if error.absolute_path else ""
        raise SchemaError(f"this is no valid JSON schema: {error.message}{place}") from None
    except OverflowError:
        raise SchemaError("a pattern of the schema has a bound that is too large for Python's re") from None
    except RecursionError:
        raise SchemaError("the schema is nested too deep") from None


def _check_references(schema: Any, dialect: str) -> None:  # noqa: ANN401 - any JSON
    """Refuse references to elsewhere and to nothing, wherever they stand."""
    from referencing import Registry  # noqa: PLC0415 - when a schema is first used
    from referencing.exceptions import Unresolvable  # noqa: PLC0415 - the same
    from referencing.jsonschema import specification_with  # noqa: PLC0415 - the same

    specification = specification_with(dialect)
    resolver = Registry[Any]().with_resource("", specification.create_resource(schema)).resolver()
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            _refuse_elsewhere(part)
            waiting += specification.subresources_of(part)
            try:
                found = resolver.lookup(part.get("$ref", "#")).contents
            except (Unresolvable, ValueError, TypeError):  # the others: a step into a list or a number, by name
                found = None
            if not isinstance(found, (dict, bool)):
                raise SchemaError(f"the schema refers to {part['$ref']!r}, which is not there")


def _refuse_elsewhere(part: dict[str, Any]) -> None:
    for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
        target = part.get(keyword, "#")
        if not isinstance(target, str):
            raise SchemaError(f"the schema's {keyword} is {target!r}; it is a text such as '#/$defs/name'")
        if not target.startswith("#") or (keyword != "$ref" and keyword in part):
            raise SchemaError(f"the schema's {keyword} {target!r} is not looked up: put what it names into its $defs")
