"""The forms of `--schema` that are types without fields, mappings that are no dicts, and validators that fail."""

import enum
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Optional, TypedDict

import pytest
from IPython.core.error import UsageError
from pydantic import BaseModel, Field, field_validator
from typing_extensions import NotRequired, Required

from cyllama_jupyter import AnswerError, Response, SchemaError
from cyllama_jupyter.notebook.form import Form
from cyllama_jupyter.notebook.forms import form_of, object_of
from cyllama_jupyter.notebook.partial import Partial
from tests.gbnf_matcher import Matcher


class Person(BaseModel):
    name: str


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


class Empty(enum.Enum):
    pass


class Film(TypedDict, total=False):
    title: Required[Annotated[str, Field(max_length=5)]]
    year: Annotated[int, Field(ge=1900)]
    stars: Annotated[NotRequired[int], Field(le=5)]


class Fragile(BaseModel):
    name: str

    @field_validator("name")
    @classmethod
    def _looked_up(cls, name: str) -> str:
        return {"Ada": "Lovelace"}[name]


def form(value: object) -> Form:
    found = form_of(None, "it", {"it": value})
    assert found is not None
    return found


@pytest.fixture(scope="module")
def engine(tiny_model: Path) -> Matcher:
    return Matcher(tiny_model)


TYPES: dict[str, tuple[object, str, object, str]] = {
    "a list of models": (list[Person], '[{"name":"Ada"}]', [Person(name="Ada")], '{"name":"Ada"}'),
    "a literal": (Literal["a", "b"], '"b"', "b", '"c"'),
    "optional": (Optional[int], "null", None, '"x"'),  # noqa: UP045 - the older spelling is a kind of its own
    "a union": (int | bool, "true", True, '"x"'),
    "an enum": (Colour, '"red"', Colour.RED, '"blue"'),
    "a bound": (Annotated[int, Field(ge=3)], "3", 3, "2"),
    "a mapping": (dict[str, int], '{"a":1}', {"a": 1}, '{"a":"x"}'),
    "a TypedDict": (
        Film,
        '{"title":"Alien","year":1979,"stars":5}',
        {"title": "Alien", "year": 1979, "stars": 5},
        "{}",
    ),
    "a bound of a field": (Film, '{"title":"Alien"}', {"title": "Alien"}, '{"title":"Titanic"}'),
    "a bound of a year": (Film, '{"title":"Alien"}', {"title": "Alien"}, '{"title":"Alien","year":1812}'),
    "a bound beside": (Film, '{"title":"Alien"}', {"title": "Alien"}, '{"title":"Alien","stars":6}'),
    "a list of TypedDicts": (list[Film], '[{"title":"Alien"}]', [{"title": "Alien"}], '[{"title":"Titanic"}]'),
    "a read-only mapping": (MappingProxyType({"type": "integer", "maximum": 3}), "3", 3, "4"),
}


@pytest.mark.parametrize("name", TYPES)
def test_a_type_is_written_and_read(name: str, engine: Matcher) -> None:
    kind, text, value, refused = TYPES[name]
    found = form(kind)
    assert found.grammar is not None
    assert engine.accepts(found.grammar, text)
    assert not engine.accepts(found.grammar, refused)
    assert found.read(text) == value
    with pytest.raises(AnswerError, match="does not fit it"):
        found.read(refused)


@pytest.mark.parametrize("value", [Person(name="Ada"), Colour.RED, [Person], Empty, Optional, Any, 3])
def test_what_describes_no_answer_is_refused(value: object) -> None:
    with pytest.raises(UsageError, match="--schema needs a pydantic model"):
        form(value)


def test_a_type_that_is_no_json_is_refused() -> None:
    with pytest.raises(SchemaError, match="it has no JSON schema"):
        form(Callable[[], int])


def test_whatever_a_validator_raises_the_answer_is_kept() -> None:
    text = '{"name":"Grace"}'
    found = object_of(form(Fragile), Response(text, finish_reason="stop"))
    assert isinstance(found, Partial)
    assert found.text == text
    assert found.reason == "it raised KeyError: 'Grace'"
    with pytest.raises(AnswerError, match="it raised KeyError: 'Grace'") as raised:
        form(Fragile).read(text)
    assert isinstance(raised.value.__cause__, KeyError)
