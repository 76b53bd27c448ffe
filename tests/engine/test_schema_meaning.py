"""Any schema and any value: what a grammar takes is valid, unless a keyword is named that only the check enforces."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyllama_jupyter.engine.schema import to_gbnf, unenforced, validator
from cyllama_jupyter.errors import SchemaError
from tests.gbnf_matcher import Matcher

NAMES = st.sampled_from(["a", "b"])
SCALARS: list[Any] = [None, True, False, 0, 1, 2, "", "x", "1"]
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from(SCALARS),
    lambda part: st.lists(part, max_size=2) | st.dictionaries(NAMES, part, max_size=2),
    max_leaves=4,
)
LEAVES = st.sampled_from([
    {}, {"type": "integer"}, {"type": "string"}, {"type": ["boolean", "null"]}, {"minimum": 1}, {"maxLength": 0},
    {"const": 1}, {"const": True}, {"enum": [0, False, "x"]}, {"$ref": "#/$defs/one"}, {"$ref": "#/$defs/two"}, False,
])  # fmt: skip


def _around(part: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    objects = st.fixed_dictionaries(
        {},
        optional={
            "type": st.just("object"),
            "properties": st.dictionaries(NAMES, part, max_size=2),
            "required": st.lists(NAMES, max_size=1),
            "additionalProperties": part | st.booleans(),
            "$ref": st.sampled_from(["#/$defs/one", "#/$defs/two"]),
        },
    )
    arrays = st.fixed_dictionaries(
        {},
        optional={
            "type": st.just("array"),
            "items": part,
            "prefixItems": st.lists(part, min_size=1, max_size=2),
            "minItems": st.integers(0, 2),
            "maxItems": st.integers(0, 2),
        },
    )
    several = st.lists(part, min_size=1, max_size=3)
    together = st.builds(lambda keyword, parts: {keyword: parts}, st.sampled_from(["allOf", "anyOf"]), several)
    return objects | arrays | together


SCHEMAS = st.recursive(LEAVES, _around, max_leaves=6)


@pytest.fixture(scope="module")
def engine(tiny_model: Path) -> Matcher:
    return Matcher(tiny_model)


PARTS = st.tuples(SCHEMAS, SCHEMAS, SCHEMAS)


@settings(max_examples=300, deadline=None)
@given(PARTS, st.lists(VALUES, min_size=8, max_size=8))
def test_what_a_grammar_takes_is_valid(engine: Matcher, parts: tuple[Any, Any, Any], values: list[Any]) -> None:
    whole, one, two = parts
    schema = {"allOf": [whole], "$defs": {"one": one, "two": two}}
    try:
        grammar = to_gbnf(schema)
    except SchemaError:
        return  # it refers to itself, or nothing fits it
    taken = [value for value in [*values, *SCALARS] if engine.accepts(grammar, json.dumps(value))]
    checker = validator(schema)
    assert unenforced(schema) or [value for value in taken if not checker.is_valid(value)] == []
