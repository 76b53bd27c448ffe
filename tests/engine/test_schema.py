"""JSON schemas as grammars: what a grammar takes and refuses, and what is refused before anything is decoded."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from cyllama_jupyter.engine.schema import to_gbnf, unenforced, validator
from cyllama_jupyter.errors import GrammarError, SchemaError
from tests.gbnf_matcher import Matcher


@pytest.fixture(scope="module")
def engine(tiny_model: Path) -> Matcher:
    return Matcher(tiny_model)


def of(**properties: Any) -> dict[str, Any]:  # noqa: ANN401 - any schema
    return {"type": "object", "properties": properties}


INTEGER, TEXT, BOOLEAN = {"type": "integer"}, {"type": "string"}, {"type": "boolean"}
PERSON = {**of(name=TEXT, age=INTEGER, email=TEXT), "required": ["name", "email"]}
DRAFT = "http://json-schema.org/draft"
LINKED = {"$ref": "#/$defs/a/b", "$defs": {"a/b": {"type": "null"}, "a": {"b": of(next={"$ref": "#"})}}}
CASES: dict[str, tuple[dict[str, Any], list[str], list[str]]] = {
    "text": (
        TEXT,
        ['"a"', '""', '"é😀"', r'"\n\"\\\u00e9"', '"\x7f"'],
        ["a", '"', '"\n"', '"\x00"', r'"\x"', r'"\ud83d"'],
    ),
    "integer": (INTEGER, ["0", "-12", "9" * 16], ["01", "1.0", "+1", "", "9" * 17, "-"]),
    "number": ({"type": "number"}, ["0.5", "-1e9", "1E-99"], ["1e400", ".5", "5.", "NaN", "1e999", "Infinity"]),
    "boolean": (BOOLEAN, ["true", "false", "true "], ["True", "1", " true", "true  "]),
    "null": ({"type": "null"}, ["null"], ["None"]),
    "any": ({}, ["1", '{"a": [null, {"b": {}}]}', "[]", '"x"'], ["", "{a: 1}", "[1,]", "[1  ,2]", "{\n}"]),
    "object": ({"type": "object"}, ["{}", '{"a":1,"b":[]}'], ["[]", '{"a":}', '{"a":1,}']),
    "order": (
        PERSON,
        ['{"name":"a","age":1,"email":"b"}', '{"name":"a", "email":"b" }'],
        ['{"email":"b","name":"a"}', '{"name":"a"}', '{"name":"a","email":"b","more":1}', "{}"],
    ),
    "all optional": (
        of(a=INTEGER, b=INTEGER, c=INTEGER),
        ["{}", '{"a":1}', '{"b":1}', '{"a":1,"c":3}', '{"a":1,"b":2,"c":3}'],
        ['{,"b":1}', '{"b":1,}', '{"b":1,"a":2}', '{"a":1"b":2}'],
    ),
    "one of each": (
        {**of(a=INTEGER, b=INTEGER, c=INTEGER), "required": ["b"]},
        ['{"b":1}', '{"a":0,"b":1}', '{"b":1,"c":2}'],
        ["{}", '{"a":1}', '{"c":1}'],
    ),
    "additional": (
        {**of(a=INTEGER), "additionalProperties": BOOLEAN},
        ["{}", '{"x":true}', '{"a":1,"x":true,"y":false}'],
        ['{"x":1}', '{"x":true,}'],
    ),
    "required only": ({"type": "object", "required": ["k"]}, ['{"k":[1]}', '{"k":null,"z":1}'], ["{}"]),
    "strange names": (
        {**of(**{'a"\\\n': INTEGER, "é": INTEGER, "root": INTEGER, "char": INTEGER, "": INTEGER}), "required": [""]},
        ['{"":1}', json.dumps({'a"\\\n': 1, "é": 2, "root": 3, "char": 4, "": 5}, ensure_ascii=False)],
        ['{"root":1}'],
    ),
    "names that look alike": (of(**{"a b": INTEGER, "a-b": TEXT}), ['{"a b":1,"a-b":"x"}'], ['{"a b":"x"}']),
    "enum": (
        {"enum": ["a\nb", 1, None, {"k": ["v"]}]},
        ['"a\\nb"', "1", "null", '{"k":["v"]}', '{"k": ["v"] }'],
        ['"a\nb"', "2"],
    ),
    "enum of a type": ({"type": "string", "enum": ["a", 1], "maxLength": 3}, ['"a"'], ["1"]),
    "true is not one": ({"const": True}, ["true"], ["1"]),
    "lengths": ({"type": "string", "minLength": 2, "maxLength": 3}, ['"ab"', '"é😀x"'], ['"a"', '"abcd"']),
    "items": ({"type": "array", "items": INTEGER, "minItems": 1, "maxItems": 2}, ["[1]", "[1, 2]"], ["[]", "[1,2,3]"]),
    "no more": ({"type": "array", "items": INTEGER, "maxItems": 0}, ["[]", "[ ]"], ["[1]"]),
    "tuple": ({"prefixItems": [INTEGER, TEXT]}, ['[1,"a"]'], ["[]", "[1]", '[1,"a",2]', '{"a":1}']),
    "tuple and more": (
        {"type": "array", "prefixItems": [INTEGER], "items": TEXT, "minItems": 0},
        ["[]", "[1]", '[1,"a","b"]'],
        ['["a"]', "[1,2]"],
    ),
    "old tuple": (
        {"$schema": "http://json-schema.org/draft-07/schema#", "items": [INTEGER], "additionalItems": TEXT},
        ["[1]", '[1,"a"]'],
        ['["a"]'],
    ),
    "date": ({"type": "string", "format": "date"}, ['"2024-02-29"'], ['"2024-13-01"', '"24-1-1"']),
    "uuid": ({"type": "string", "format": "uuid"}, ['"12345678-1234-1234-1234-123456789abc"'], ['"1234"']),
    "types": ({"type": ["integer", "null"], "minimum": 3}, ["3", "null"], ["2", '"a"']),
    "anyOf beside": ({"anyOf": [of(a=INTEGER), of(b=TEXT)], "required": ["a"]}, ['{"a":1}', '{"b":"x","a":1}'], ["{}"]),
    "allOf": ({"allOf": [{**of(a=INTEGER), "required": ["a"]}, of(b=INTEGER)]}, ['{"a":1,"b":2}'], ['{"b":2}']),
    "allOf of bounds": ({"allOf": [{"minimum": 3}, {"maximum": 5}], "type": "integer"}, ["3", "5"], ["2", "6"]),
    "a reference with more": (
        {"$ref": "#/$defs/n", "maximum": 5, "$defs": {"n": {"type": "integer", "minimum": 1}}},
        ["5"],
        ["6", "0"],
    ),
    "recursion": (LINKED, ["{}", '{"next":{"next":{}}}'], ["null", '{"next":1}']),
    "names of references": (
        {
            **of(ref0={"$ref": "#/$defs/string"}, string={"$ref": "#/$defs/x/string"}),
            "$defs": {"string": BOOLEAN, "x": {"string": INTEGER}},
        },
        ['{"ref0":true,"string":1}'],
        ['{"ref0":"a"}', '{"string":true}'],
    ),
    "an anchor": (
        {**of(a={"$ref": "#n"}), "$defs": {"n": {"$anchor": "n", "type": "null"}}},
        ['{"a":null}'],
        ['{"a":1}'],
    ),
    "an impossible property": (of(a=False, b=INTEGER), ['{"b":1}', "{}"], ['{"a":1}']),
    "a branch that cannot be": (
        {"anyOf": [False, INTEGER, {"type": "string", "minLength": 3, "maxLength": 1}]},
        ["1"],
        ['"a"'],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_grammar_takes_what_fits_and_nothing_else(name: str, engine: Matcher) -> None:
    schema, takes, refuses = CASES[name]
    grammar = to_gbnf(schema)
    assert [text for text in takes if not engine.accepts(grammar, text)] == []
    assert [text for text in refuses if engine.accepts(grammar, text)] == []
    checker = validator(schema)
    assert [text for text in takes if not checker.is_valid(json.loads(text))] == []


def test_to_the_letter_a_schema_says_less(engine: Matcher) -> None:
    schema = {"properties": {"a": INTEGER}}
    for text in ('{"a":1,"b":2}', "[]", '"x"'):
        assert validator(schema).is_valid(json.loads(text))
        assert engine.accepts(to_gbnf(schema, closed=False), text)
        assert not engine.accepts(to_gbnf(schema), text)


UNENFORCED: dict[str, tuple[dict[str, Any], set[str]]] = {
    "nothing": (PERSON, set()),
    "annotations": ({"type": "string", "title": "t", "description": "d", "default": "x", "examples": []}, set()),
    "not": ({"type": "string", "not": {"const": "x"}}, {"not"}),
    "if": ({**PERSON, "if": {}, "then": {}, "else": {}}, {"if"}),
    "deep": (
        of(a={"type": "array", "items": {**INTEGER, "multipleOf": 5}, "uniqueItems": True}),
        {"multipleOf", "uniqueItems"},
    ),
    "exclusive": ({"type": "number", "exclusiveMinimum": 0}, {"exclusiveMinimum"}),
    "exclusive whole": ({"type": "integer", "exclusiveMinimum": 0}, set()),
    "half": ({"type": "number", "minimum": 0.5, "maximum": 2}, {"minimum"}),
    "look-ahead": ({"type": "string", "pattern": "^(?!x)"}, {"pattern"}),
    "pattern and length": ({"type": "string", "pattern": "^a*$", "maxLength": 3}, {"maxLength"}),
    "email": ({"type": "string", "format": "email"}, {"format"}),
    "an unknown format": ({"type": "string", "format": "colour"}, set()),
    "long": ({"type": "string", "maxLength": 100_000}, {"maxLength"}),
    "oneOf": ({"oneOf": [INTEGER, TEXT]}, {"oneOf"}),
    "oneOf with one that can be": ({"oneOf": [INTEGER, False]}, set()),
}


@pytest.mark.parametrize("name", UNENFORCED)
def test_what_a_grammar_does_not_enforce_is_named(name: str, engine: Matcher) -> None:
    schema, expected = UNENFORCED[name]
    assert unenforced(schema) == expected
    engine.check(to_gbnf(schema))


BAD: dict[str, tuple[Any, str]] = {
    "no schema": ({"type": "text"}, "no valid JSON schema: 'text' is not valid"),
    "a wrong bound": ({"type": "string", "minLength": -1}, "no valid JSON schema"),
    "elsewhere": ({"$ref": "https://example.org/schema"}, "'https://example.org/schema' is not looked up"),
    "elsewhere, deep": (of(a={"not": {"items": {"$ref": "file:///x"}}}), "'file:///x' is not looked up"),
    "dynamic": ({"$dynamicRef": "#x"}, r"\$dynamicRef '#x' is not looked up"),
    "nowhere": ({"$ref": "#/$defs/x"}, "'#/\\$defs/x', which is not there"),
    "nowhere, unused": (of(a={"not": {"$ref": "#/$defs/x"}}), r"'#/\$defs/x', which is not there"),
    "no such anchor": ({"$ref": "#x"}, "'#x', which is not there"),
    "no schema there": ({"$ref": "#/title", "title": "x"}, "which is not there"),
    "a bad pattern": ({"type": "string", "pattern": "("}, r"'\(' is not a 'regex' at pattern"),
    "a bad pattern, unused": (of(a={"patternProperties": {"[": {}}}), "'\\[' is not a 'regex'"),
    "false": (False, "no value at all fits"),
    "contradiction": ({"allOf": [INTEGER, TEXT]}, "no value at all fits"),
    "nothing left": ({"type": "string", "enum": [1, 2]}, "no value at all fits"),
    "impossible bounds": ({"type": "integer", "minimum": 3, "maximum": 2}, "no value at all fits"),
    "itself": ({"$ref": "#"}, "refers to itself with nothing between"),
    "itself by another": (
        {"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/b"}, TEXT]}, "b": {"$ref": "#/$defs/a"}}},
        "nothing between",
    ),
    "itself in allOf": ({"allOf": [{"$ref": "#"}], "type": "object"}, "refers to itself without end"),
    "itself in a branch": (
        {"type": "object", "anyOf": [{"$ref": "#"}]},
        "refers to itself without end|nested too deep",
    ),
    "a value without end": ({**of(a={"$ref": "#"}), "required": ["a"]}, "contain another one without end"),
    "a list without end": ({"type": "array", "items": {"$ref": "#"}, "minItems": 1}, "contain another one without end"),
    "too many": ({"type": "array", "minItems": 10**9}, "a grammar counts to 1,000"),
    "too long": ({"type": "string", "minLength": 10**9}, "a grammar counts to 1,000"),
    "too large": ({"type": "integer", "minimum": 10**30}, "beyond 9,999,999,999,999,999"),
    "not JSON": ({"enum": [{1, 2}]}, "the schema is not JSON"),
    "not a number": ({"const": float("nan")}, "the schema is not JSON"),
    "half a character": ({"const": "\ud800"}, "half of a surrogate pair"),
    "a bound beyond re": ({"type": "string", "pattern": "a{99999999999}"}, "bound that is too large"),
    "a name in a list": ({"allOf": [INTEGER], "not": {"$ref": "#/allOf/foo"}}, "'#/allOf/foo', which is not there"),
    "a name in a number": ({"minimum": 3, "not": {"$ref": "#/minimum/foo"}}, "'#/minimum/foo', which is not there"),
    "a number for a reference": ({"$schema": f"{DRAFT}-04/schema#", "$ref": 5}, r"\$ref is 5; it is a text"),
    "a number for a dynamic one": ({"$schema": f"{DRAFT}-07/schema#", "$dynamicRef": 5}, r"\$dynamicRef is 5"),
    "a number for a draft": ({"$schema": 5}, r"\$schema is 5; it names a draft"),
    "draft 3": ({"$schema": f"{DRAFT}-03/schema#", "type": "any"}, "names draft 3, which is not read"),
    "draft 3's required": (of(a={"type": "any", "required": True}), "no valid JSON schema"),
    "too much text": ({"const": "x" * 600_000}, "500,000 are the most"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_schema_is_an_error_that_says_why(name: str) -> None:
    schema, message = BAD[name]
    with pytest.raises(SchemaError, match=message) as raised:
        to_gbnf(schema)
    assert "\n" not in str(raised.value)


SLOW = {"type": "string", "pattern": "^(a|a)*$"}


def test_a_pattern_that_the_grammar_keeps_to_is_not_matched_again() -> None:
    draft = {"$schema": f"{DRAFT}-07/schema#"}
    for schema in (of(a=SLOW), {**draft, **of(a=SLOW, b={"$ref": "#"})}):
        began = time.process_time()
        checker = validator(schema, decoded=True)
        assert checker.is_valid({"a": "a" * 60 + "b", "b": {"a": "a" * 60 + "b"}})  # years, when matched
        assert not checker.is_valid({"a": 1})
        assert time.process_time() - began < 5
    assert validator(schema=True, decoded=True).is_valid(1)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "^(?!x)"},
        {"type": "string", "not": {"pattern": "^x"}},
        {"oneOf": [{"type": "string", "pattern": "^y"}, {"type": "string", "pattern": "y$"}]},
    ],
)
def test_a_pattern_that_the_grammar_does_not_keep_to_is_matched(schema: dict[str, Any]) -> None:
    checker = validator(schema, decoded=True)
    assert not checker.is_valid("x")
    assert checker.is_valid("ya")


def test_a_schema_that_grows_is_stopped() -> None:
    bomb = {f"d{n}": {"anyOf": [{"allOf": [{"$ref": f"#/$defs/d{n + 1}"}]}] * 3} for n in range(30)}
    schema = {"$ref": "#/$defs/d0", "$defs": {**bomb, "d30": INTEGER}}
    with pytest.raises(SchemaError, match="grows too large"):
        to_gbnf(schema)


def test_nesting_beyond_the_stack_is_stopped() -> None:
    deep: dict[str, Any] = INTEGER
    for _ in range(5_000):
        deep = {"items": deep}
    with pytest.raises(SchemaError, match=r"nested too deep|not JSON"):
        to_gbnf(deep)


def test_a_schema_that_holds_itself_is_not_json() -> None:
    schema: dict[str, Any] = {"type": "array"}
    schema["items"] = schema
    with pytest.raises(SchemaError, match="not JSON"):
        to_gbnf(schema)


def test_many_optional_properties_stay_small(engine: Matcher) -> None:
    grammar = to_gbnf(of(**{f"p{number}": INTEGER for number in range(300)}))
    assert len(grammar) < 220 * 300
    assert engine.accepts(grammar, '{"p3":1,"p299":2}')


def test_the_schema_is_left_as_it_was() -> None:
    before = json.dumps(LINKED)
    to_gbnf(LINKED)
    assert json.dumps(LINKED) == before


def test_the_matcher_of_these_tests_knows_a_bad_grammar(engine: Matcher) -> None:
    with pytest.raises(GrammarError):
        engine.check("root ::= nothing")
