"""Answers as Python objects, and several answers, in a real kernel with the real SmolLM2."""

from pathlib import Path

import pytest

from tests.kernel.client import Kernel

DEFINITIONS = """
from dataclasses import dataclass
from typing import TypedDict
from pydantic import BaseModel

class Person(BaseModel):
    name: str
    age: int

@dataclass
class Point:
    x: float
    y: float

class Town(TypedDict):
    name: str
    big: bool

colour = {"type": "object", "properties": {"hue": {"enum": ["red", "blue"]}}, "required": ["hue"]}
"""


@pytest.fixture(autouse=True, scope="module")
def _smollm2(kernel: Kernel, smollm2: Path) -> None:
    assert kernel.run(f"%llm load {smollm2}").reply["status"] == "ok"
    assert kernel.run(DEFINITIONS).reply["status"] == "ok"


@pytest.mark.parametrize(
    ("form", "prompt", "is_so"),
    [
        ("int", "How many legs has a dog?", "type(answer) is int"),
        ("float", "What is pi?", "type(answer) is float"),
        ("bool", "Is water wet?", "type(answer) is bool"),
        ("list", "Name two colours.", "all(type(each) is str for each in answer)"),
        ("json", "Describe a dog as an object with name and age.", "isinstance(answer, (dict, list))"),
        ("table", "Two towns, with their countries.", "type(answer).__name__ == 'DataFrame'"),
    ],
)
def test_forms(kernel: Kernel, form: str, prompt: str, is_so: str) -> None:
    cell = kernel.run(f"%%llm --as {form} --out answer --temperature 0 --max-tokens 300\n{prompt}")
    assert cell.reply["status"] == "ok", cell.reply
    assert kernel.value(is_so) == "True"
    assert kernel.value("type(_llm).__name__") == "'Response'"


@pytest.mark.parametrize(
    ("schema", "is_so"),
    [
        ("Person", "isinstance(answer, Person)"),
        ("Point", "isinstance(answer, Point)"),
        ("Town", "set(answer) == {'name', 'big'}"),
        ("colour", "answer['hue'] in ('red', 'blue')"),
    ],
)
def test_schemas(kernel: Kernel, schema: str, is_so: str) -> None:
    cell = kernel.run(f"%%llm --schema {schema} --out answer --temperature 0 --max-tokens 120\nMake one up.")
    assert cell.reply["status"] == "ok", cell.reply
    assert kernel.value(is_so) == "True"


def test_a_part_of_an_answer_is_no_object(kernel: Kernel) -> None:
    cell = kernel.run("%%llm --schema Person --out answer --temperature 0 --max-tokens 3\nMake one up.")
    assert (cell.reply["status"], cell.reply["ename"]) == ("error", "AnswerError")
    assert "--max-tokens" in "\n".join(cell.error[1])
    assert kernel.value("type(answer).__name__, bool(answer), answer.text == _llm.text") == "('Partial', False, True)"
    assert kernel.run("answer.name").reply["ename"] == "AnswerError"
    cell = kernel.run("%%llm --continue --out answer --max-tokens 120")
    assert cell.reply["status"] == "ok", cell.reply
    assert kernel.value("isinstance(answer, Person)") == "True"


def test_a_schema_that_is_none(kernel: Kernel) -> None:
    assert kernel.run("%%llm --schema Persn\nHi").stderr.strip().endswith("did you mean Person?")
    kernel.run("wrong = {'type': 'nonsense'}; _llm = 'none'")
    assert kernel.run("%%llm --schema wrong\nHi").reply["ename"] == "SchemaError"
    assert kernel.value("_llm") == "'none'"


def test_a_grammar(kernel: Kernel, tmp_path: Path) -> None:
    (tmp_path / "yes.gbnf").write_text('root ::= "yes" | "no"')
    (tmp_path / "wrong.gbnf").write_text('root ::= ("yes"')
    kernel.run(f"%%llm --grammar '{tmp_path}/yes.gbnf'\nIs water wet?")
    assert kernel.value("_llm in ('yes', 'no')") == "True"
    assert kernel.run(f"%%llm --grammar '{tmp_path}/wrong.gbnf'\nHi").reply["ename"] == "GrammarError"


def test_code_is_offered_as_the_next_cell_and_not_run(kernel: Kernel) -> None:
    cell = kernel.run(
        "%%llm --as code --out code --temperature 0 --max-tokens 200\nWrite a Python function that adds two numbers."
    )
    assert cell.reply["status"] == "ok", cell.reply
    (offered,) = [each for each in cell.reply["payload"] if each["source"] == "set_next_input"]
    assert "def " in offered["text"]
    assert eval(kernel.value("str(code)")) == offered["text"]  # noqa: S307 - a repr


def test_several_answers(kernel: Kernel) -> None:
    cell = kernel.run("%%llm --n 3 --out answers --seed 1 --temperature 1 --max-tokens 12\nName an animal.")
    assert cell.reply["status"] == "ok", cell.reply
    assert kernel.value("[type(each).__name__ for each in answers]") == "['Response', 'Response', 'Response']"
    kernel.run("%%llm --n 2 --as int --out answers --seed 1 --max-tokens 12\nHow many legs has a dog?")
    assert kernel.value("[type(each).__name__ for each in answers]") == "['int', 'int']"
