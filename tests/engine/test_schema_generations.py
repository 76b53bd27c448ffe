"""What SmolLM2 writes under twenty schemas: every whole answer is valid, and no cut one passes for it."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cyllama_jupyter import LLM, GenerationConfig, Response
from cyllama_jupyter.engine.schema import to_gbnf, validator

TEXT = {"type": "string", "maxLength": 40}
POINT = {
    "type": "object",
    "properties": {"x": {"type": "number", "minimum": -100, "maximum": 100}, "y": {"type": "number", "minimum": 0}},
    "required": ["x", "y"],
}
TREE = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "maxLength": 12},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}, "maxItems": 2},
            },
            "required": ["name"],
        }
    },
}


def record(**properties: Any) -> dict[str, Any]:  # noqa: ANN401 - any schema
    return {"type": "object", "properties": properties, "required": list(properties)}


def several(item: object, least: int, most: int) -> dict[str, Any]:
    return {"type": "array", "items": item, "minItems": least, "maxItems": most}


SCHEMAS: dict[str, tuple[dict[str, Any], str]] = {
    "person": (record(name=TEXT, age={"type": "integer", "minimum": 0, "maximum": 130}), "Describe Ada Lovelace."),
    "sentiment": ({"enum": ["positive", "negative", "neutral"]}, "What is the sentiment of: I love this film!"),
    "rating": (record(stars={"type": "integer", "minimum": 1, "maximum": 5}, why=TEXT), "Rate the film Titanic."),
    "probability": (record(rain={"type": "number", "minimum": 0, "maximum": 1}), "How likely is rain in London?"),
    "rivers": (several(TEXT, 3, 3), "Name three rivers of Europe."),
    "date": (record(event=TEXT, date={"type": "string", "format": "date"}), "When did man land on the moon?"),
    "meeting": (record(start={"type": "string", "format": "date-time"}, room=TEXT), "Plan a meeting for tomorrow."),
    "phone": (record(phone={"type": "string", "pattern": r"^\+\d{1,3}( \d{2,4}){2,3}$"}), "Invent a phone number."),
    "slug": (
        record(slug={"type": "string", "pattern": "^[a-z]{2,8}(-[a-z]{2,8}){0,2}$"}),
        "A slug for a page on cats.",
    ),
    "nullable": (record(capital={"type": ["string", "null"], "maxLength": 30}), "What is the capital of France?"),
    "union": (
        {"anyOf": [record(error={"const": "unknown"}), record(answer={"type": "integer"})]},
        "What is six times seven?",
    ),
    "tagged": (
        {
            "oneOf": [
                record(kind={"const": "circle"}, radius={"type": "number", "exclusiveMinimum": 0, "maximum": 50}),
                record(kind={"const": "square"}, side={"type": "number", "minimum": 1, "maximum": 50}),
            ]
        },
        "Describe a shape with a radius.",
    ),
    "nested": (record(city=TEXT, at=POINT), "Where is Paris?"),
    "matrix": (
        several(several({"type": "integer", "minimum": -9, "maximum": 9}, 2, 2), 2, 2),
        "A matrix of two by two.",
    ),
    "pair": ({"type": "array", "prefixItems": [TEXT, {"type": "boolean"}], "items": False}, "Is the earth flat?"),
    "optional": (
        {**record(title=TEXT, year={"type": "integer", "minimum": 1000, "maximum": 2100}), "required": ["title"]},
        "Which book did Melville write?",
    ),
    "flags": (record(vegan={"type": "boolean"}, gluten={"type": "boolean"}), "Is bread vegan, and has it gluten?"),
    "table": (several(record(fruit=TEXT, colour={"enum": ["red", "green", "yellow"]}), 1, 3), "Three fruits, please."),
    "shared": (
        {
            **record(mother={"$ref": "#/$defs/person"}, child={"$ref": "#/$defs/person"}),
            "$defs": {"person": record(name={"type": "string", "maxLength": 20})},
        },
        "Name a queen and her child.",
    ),
    "quotes": (record(quote={"type": "string", "minLength": 5, "maxLength": 60}), 'Quote "To be, or not to be".'),
}
N_SEEDS = 10
MAX_TOKENS = 220


@pytest.fixture(scope="module")
def smol(smollm2: Path) -> Iterator[LLM]:
    with LLM(smollm2, n_ctx=4096) as llm:
        yield llm


def sampled(llm: LLM, schema: dict[str, Any], question: str, n: int, first_seed: int) -> list[Response]:
    messages = [{"role": "user", "content": f"{question} Answer in JSON that fits this schema: {json.dumps(schema)}"}]
    config = GenerationConfig(MAX_TOKENS, temperature=1.0, seed=first_seed, grammar=to_gbnf(schema))
    return llm.samples(messages, n, config)


def check(schema: dict[str, Any], answers: list[Response]) -> Counter[str]:
    """Require that what ended by itself is valid, and what was cut off is no JSON; count how the answers ended."""
    for answer in answers:
        if answer.finish_reason == "stop":
            assert list(validator(schema).iter_errors(json.loads(answer))) == [], answer
        else:
            with pytest.raises(json.JSONDecodeError):
                json.loads(answer)
    return Counter(answer.finish_reason for answer in answers)


def counted(llm: LLM, names: list[str], n: int, first_seed: int) -> Counter[str]:
    asked = (SCHEMAS[name] for name in names)
    ended = (check(schema, sampled(llm, schema, question, n, first_seed)) for schema, question in asked)
    return sum(ended, Counter[str]())


def test_an_answer_for_some_of_the_schemas_is_valid(smol: LLM) -> None:
    some = list(SCHEMAS)[::3]
    assert counted(smol, some, 1, 0) == {"stop": len(some)}


@pytest.mark.accept
def test_two_hundred_answers_are_valid(smol: LLM) -> None:
    assert counted(smol, list(SCHEMAS), N_SEEDS, 1) == {"stop": 200}


def test_an_answer_under_a_schema_without_end_is_valid_or_cut_off_and_says_so(smol: LLM) -> None:
    ended = check(TREE, sampled(smol, TREE, "Draw a small family tree of a queen.", 4, 1))
    assert set(ended) == {"stop", "length"}
