"""Schemas that are asked for together, by ``allOf`` or beside a reference: what fits all of them, and nothing else."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from cyllama_jupyter.engine.schema import to_gbnf, unenforced, validator
from cyllama_jupyter.errors import SchemaError
from tests.gbnf_matcher import Matcher


@pytest.fixture(scope="module")
def engine(tiny_model: Path) -> Matcher:
    return Matcher(tiny_model)


def of(**properties: Any) -> dict[str, Any]:  # noqa: ANN401 - any schema
    return {"type": "object", "properties": properties, "required": list(properties)}


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/$defs/{name}"}


INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
PARTS = {"a": of(a=INTEGER), "b": of(b=TEXT), "c": {"allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}]}}
SEVENTH = {"$schema": "http://json-schema.org/draft-07/schema#"}
CASES: dict[str, tuple[dict[str, Any], list[str], list[str]]] = {
    "two references": (
        {"allOf": [ref("a"), ref("b")], "$defs": PARTS},
        ['{"a":1,"b":"x"}'],
        ['{"a":1}', '{"b":"x"}', "{}"],
    ),
    "references of references": (
        {"allOf": [ref("c"), of(d=INTEGER)], "$defs": PARTS},
        ['{"a":1,"b":"x","d":1}'],
        ['{"d":1}', '{"a":1,"d":1}'],
    ),
    "references in a property": (
        {"allOf": [of(x=ref("a")), of(x=ref("b"))], "$defs": PARTS},
        ['{"x":{"a":1,"b":"x"}}'],
        ['{"x":{"a":1}}', '{"x":{"b":"x"}}'],
    ),
    "one of them is closed": (
        {
            "allOf": [
                {"properties": {"a": INTEGER}, "additionalProperties": False},
                {"properties": {"a": {"minimum": 3}, "b": TEXT}},
            ]
        },
        ["{}", '{"a":3}'],
        ['{"a":3,"b":"x"}', '{"b":"x"}', '{"a":2}'],
    ),
    "one of them says what the others are": (
        {"allOf": [{"properties": {"a": TEXT}, "additionalProperties": INTEGER}, {"properties": {"b": {}}}]},
        ['{"a":"x","b":1}'],
        ['{"b":"x"}'],
    ),
    "a name is not written among the others": (
        {**of(ab=INTEGER), "properties": {"ab": INTEGER, "ac": False, "é/": TEXT}, "additionalProperties": True},
        ['{"ab":1,"a":"x","abc":"x","b":"x","":"x","\\n":"x","é":"x"}', '{"ab":1,"é/":"x"}'],
        ['{"ab":1,"ab":"x"}', '{"ab":1,"ac":1}', '{"ab":1,"\\u0061c":1}', '{"ab":1,"é/":1}', '{"ab":1,"é\\/":1}'],
    ),
    "places and items": (
        {"allOf": [{"prefixItems": [{}, {}]}, {"items": INTEGER}]},
        ["[1,2]"],
        ['["x",2]', '[1,"x"]'],
    ),
    "old tuples": ({**SEVENTH, "allOf": [{"items": [{}, TEXT]}, {"items": [INTEGER]}]}, ['[1,"x"]'], ["[1,2]"]),
    "types that exclude each other, but one has a bound": (
        {"anyOf": [{"allOf": [{"type": "integer", "minimum": 1}, TEXT]}, {"type": "null"}]},
        ["null"],
        ["1", '"x"'],
    ),
    "constants as JSON": ({"anyOf": [{"const": 1}, {"const": True}]}, ["1", "true"], ["false", "0"]),
    "equal constants": ({"allOf": [{"const": 1}, {"const": 1.0}]}, ["1"], ["true", "2"]),
    "a constant deep": ({"anyOf": [of(a={"const": 0}), of(a={"const": False})]}, ['{"a":0}', '{"a":false}'], []),
}


@pytest.mark.parametrize("name", CASES)
def test_what_fits_all_parts_is_written_and_nothing_else(name: str, engine: Matcher) -> None:
    schema, takes, refuses = CASES[name]
    grammar = to_gbnf(schema)
    assert [text for text in takes if not engine.accepts(grammar, text)] == []
    assert [text for text in refuses if engine.accepts(grammar, text)] == []
    assert unenforced(schema) == set()
    checker = validator(schema)
    assert [text for text in takes if not checker.is_valid(json.loads(text))] == []


def test_where_names_are_too_long_to_be_told_apart_it_is_said() -> None:
    schema = {"properties": {"n" * 600: INTEGER}, "additionalProperties": True}
    assert unenforced(schema) == {"properties"}
    assert unenforced({**schema, "additionalProperties": False}) == set()


def test_constants_that_differ_fit_nothing() -> None:
    with pytest.raises(SchemaError, match="no value at all fits"):
        to_gbnf({"allOf": [{"const": 1}, {"const": True}]})


def test_a_property_that_one_part_forbids_and_another_requires_fits_nothing() -> None:
    with pytest.raises(SchemaError, match="no value at all fits"):
        to_gbnf({"allOf": [{"properties": {"a": {}}, "additionalProperties": False}, of(b=TEXT)]})


def test_parts_that_double_are_stopped() -> None:
    bomb = {f"d{n}": {"allOf": [ref(f"d{n + 1}"), ref(f"d{n + 1}")]} for n in range(40)}
    with pytest.raises(SchemaError, match="grows too large"):
        to_gbnf({**ref("d0"), "$defs": {**bomb, "d40": INTEGER}})


def test_lists_in_lists_that_need_an_item_are_quickly_found_to_end() -> None:
    nested: dict[str, Any] = INTEGER
    for _ in range(30):
        nested = {"type": "array", "items": nested, "minItems": 2}
    began = time.process_time()
    assert "root ::=" in to_gbnf(nested)
    assert time.process_time() - began < 5  # two to the thirtieth visits take many minutes
