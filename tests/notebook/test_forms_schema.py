"""The forms of `--schema`: classes and JSON schemas of the notebook."""

import dataclasses
import datetime as dt
import enum
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import annotated_types
import pytest
from IPython.core.error import UsageError
from pydantic import BaseModel, Field, field_validator
from typing_extensions import TypedDict

from cyllama_jupyter import LLM, AnswerError, GenerationConfig, SchemaError
from cyllama_jupyter.notebook.form import Form
from cyllama_jupyter.notebook.forms import form_of, object_of
from tests.gbnf_matcher import Matcher


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


class Address(BaseModel):
    city: str
    zip: str = Field(pattern=r"^\d{5}$")


class Person(BaseModel):
    """Somebody."""

    name: str = Field(max_length=20)
    age: int = Field(ge=0, le=130)
    born: dt.date | None = None
    likes: list[Colour] = []
    at: Address | None = None
    kind: Literal["person"] = "person"

    @field_validator("name")
    @classmethod
    def _capital(cls, name: str) -> str:
        if name.islower():
            raise ValueError("a name begins with a capital")
        return name


@dataclasses.dataclass
class Point:
    x: float
    y: Annotated[float, annotated_types.Ge(0)]


class Film(TypedDict):
    title: str
    year: int


class Node(BaseModel):
    value: int
    next: "Node | None" = None


class Endless(BaseModel):
    other: "Endless"


class Unfinished(BaseModel):
    other: "Missing"  # type: ignore[name-defined]  # noqa: F821 - the point of it


class Odd(BaseModel):
    run: Callable[[], int]


CITY = {"type": "object", "properties": {"city": {"type": "string", "not": {"const": ""}}}, "required": ["city"]}
NAMESPACE = {
    "Person": Person,
    "Point": Point,
    "Film": Film,
    "Node": Node,
    "CITY": CITY,
    "ELSEWHERE": {"$ref": "https://example.org/x.json"},
    "Endless": Endless,
    "Unfinished": Unfinished,
    "Odd": Odd,
    "ada": Person(name="Ada", age=36),
    "number": 3,
    "data": {"city": "Paris"},
    "empty": {},
    "whole": int,
    "LINKED": {"type": "object", "properties": {"next": {"$ref": "#"}}},
    "print": print,
    "Path": Path,
    "Perso_n": 4,
}


def form(name: str) -> Form:
    found = form_of(None, name, NAMESPACE)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def engine(tiny_model: Path) -> Matcher:
    return Matcher(tiny_model)


ADA = '{"name":"Ada","age":36,"born":"1815-12-10","likes":["red"],"at":{"city":"London","zip":"12345"},"kind":"person"}'
READ: list[tuple[str, str, object]] = [
    (
        "Person",
        ADA,
        Person(
            name="Ada",
            age=36,
            born=dt.date(1815, 12, 10),
            likes=[Colour.RED],
            at=Address(city="London", zip="12345"),
        ),
    ),
    ("Person", '{"name":"Ada","age":36}', Person(name="Ada", age=36)),
    ("Point", '{"x":1.5,"y":0}', Point(1.5, 0.0)),
    ("Film", '{"title":"Titanic","year":1997}', {"title": "Titanic", "year": 1997}),
    ("Node", '{"value":1,"next":{"value":2}}', Node(value=1, next=Node(value=2))),
    ("CITY", '{"city":"Paris"}', {"city": "Paris"}),
]


@pytest.mark.parametrize(("name", "text", "value"), READ)
def test_what_the_grammar_takes_is_read_as_an_object(name: str, text: str, value: object, engine: Matcher) -> None:
    found = form(name)
    assert found.name == name
    assert found.grammar is not None
    assert engine.accepts(found.grammar, text)
    read = found.read(text)
    assert read == value
    assert type(read) is type(value)


REFUSED: list[tuple[str, str, str]] = [
    ("Person", '{"name":"Ada"}', "does not fit Person at age: Field required"),
    ("Person", '{"name":"ada","age":3}', "does not fit Person at name: Value error, a name begins with a capital"),
    ("Person", '{"name":"A","age":3,"born":"2023-02-30"}', "does not fit Person at born: "),
    ("Person", '{"name":"A","name":"B","age":3}', "names 'name' twice"),
    ("Person", '{"name":"A","age":3', "not JSON"),
    ("Point", '{"x":1e400,"y":0}', "too large for a float"),
    ("Point", '{"x":NaN,"y":0}', "holds NaN"),
    ("Film", '{"title":"T"}', "does not fit Film at year: Field required"),
    ("CITY", '{"city":""}', "does not fit CITY at city: "),
    ("CITY", "{}", "does not fit CITY: 'city' is a required property"),
]


@pytest.mark.parametrize(("name", "text", "message"), REFUSED)
def test_what_does_not_fit_is_refused_and_says_where(name: str, text: str, message: str) -> None:
    with pytest.raises(AnswerError, match=message) as raised:
        form(name).read(text)
    assert "\n" not in str(raised.value)


def test_what_is_wrong_is_said_in_short() -> None:
    with pytest.raises(AnswerError, match="does not fit CITY at city: ") as raised:
        form("CITY").read(json.dumps({"city": ["x" * 10_000]}))
    assert len(str(raised.value)) < 300


def test_an_answer_too_deep_to_check_is_refused() -> None:
    depth = 900  # read in C, where there is room, but checked in Python
    with pytest.raises(AnswerError, match="nested too deep"):
        form("LINKED").read('{"next":' * depth + "{}" + "}" * depth)


def test_what_only_the_reader_checks_is_named() -> None:
    assert form("CITY").checked == {"not"}
    assert form("Film").checked == set()


def test_the_model_is_told_the_schema() -> None:
    assert json.dumps(CITY) in form("CITY").instruction
    large = {"type": "object", "properties": {f"p{n}": {"type": "string", "description": "d" * 99} for n in range(40)}}
    found = form_of(None, "large", {"large": large})
    assert found is not None
    assert "Its keys are p0, p1, p2" in found.instruction
    assert len(found.instruction) < 1000


WRONG: list[tuple[str, str]] = [
    ("Persn", "there is no 'Persn'; did you mean Person?"),
    ("zzz", "there is no 'zzz'; it needs the name of a pydantic model, a dataclass, a TypedDict, an Enum, a type such"),
    (
        "number",
        "--schema needs a pydantic model, a dataclass, a TypedDict, an Enum, a type such as list[int], or a JSON",
    ),
    ("number", "a JSON schema, and 'number' is of type int"),
    ("ada", "'ada' is of type Person; did you mean its class Person?"),
    ("data", "--schema: 'data' is a dict, but no JSON schema: it has none of type, properties, enum, …"),
    ("empty", "'empty' is a dict, but no JSON schema"),
    ("int", "there is no 'int'; for a whole number: --as int"),
    ("whole", "'whole' is the type int; for a whole number: --as int"),
    ("print", "is of type builtin_function_or_method"),
    ("Path", "'Path' is of type type"),
    ("Perso_n", "'Perso_n' is of type int; did you mean Person?"),
]


@pytest.mark.parametrize(("name", "message"), WRONG)
def test_a_name_that_will_not_do(name: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        form(name)
    assert message in str(raised.value)
    assert str(raised.value).count("pydantic") <= 1


BAD: list[tuple[str, str]] = [
    ("ELSEWHERE", "is not looked up"),
    ("Endless", "contain another one without end"),
    ("Unfinished", "Unfinished has no JSON schema: .*not fully defined"),
    ("Odd", "Odd has no JSON schema"),
]


@pytest.mark.parametrize(("name", "message"), BAD)
def test_a_schema_that_will_not_do(name: str, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        form(name)


def test_smollm2_writes_objects(smollm2: Path) -> None:
    found = form("Person")
    prompt = [{"role": "user", "content": f"Who was Ada Lovelace? {found.instruction}"}]
    with LLM(smollm2, n_ctx=4096) as llm:
        answer = llm.chat(prompt, GenerationConfig(200, temperature=0.0, grammar=found.grammar))
    read = object_of(found, answer)
    assert isinstance(read, Person)
    assert "Ada" in read.name
