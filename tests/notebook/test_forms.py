"""The forms of `--as`: what is read as the object that was asked for, and what is refused in a sentence."""

import builtins
import copy
import json
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.error import UsageError

from cyllama_jupyter import AnswerError, Response
from cyllama_jupyter.engine.response import FinishReason
from cyllama_jupyter.notebook.code_answer import Code
from cyllama_jupyter.notebook.forms import FORMS, Form, form_of, object_of
from cyllama_jupyter.notebook.partial import Partial
from tests.gbnf_matcher import Matcher

HUGE = "1" * 10_000
NESTED = "[" * 100_000 + "]" * 100_000


def form(name: str) -> Form:
    found = form_of(name, None, {})
    assert found is not None
    return found


@pytest.fixture(scope="module")
def engine(tiny_model: Path) -> Matcher:
    return Matcher(tiny_model)


READ: list[tuple[str, str, object]] = [
    ("json", '{"a": [1, 2.5, null, true, "é😀"]}', {"a": [1, 2.5, None, True, "é😀"]}),
    ("json", " [1]\n", [1]),
    ("json", '{"a":{"a":1},"b":{"a":2}}', {"a": {"a": 1}, "b": {"a": 2}}),
    ("json", '["\\ud83d\\ude00"]', ["😀"]),
    ("list", '["a", ""]', ["a", ""]),
    ("int", " -12 ", -12),
    ("int", "9007199254740993", 9007199254740993),
    ("float", "3", 3.0),
    ("float", "-1.5e-3", -0.0015),
    ("float", "1e-400", 0.0),
    ("bool", "true ", True),
    ("bool", "false", False),
    ("code", "Here:\n\n```python\nx = 1\n\ny = 2\n```\nDone.\n```\nz\n```", "x = 1\n\ny = 2"),
    ("code", " plain \n", "plain"),
    ("code", "```\n```", ""),
    ("code", "~~~js title=x\na ``` b\n~~~", "a ``` b"),
    ("code", "1. Do\n   ```sh\n   ls\n   ```", "ls"),
]


@pytest.mark.parametrize(("name", "text", "value"), READ)
def test_reading(name: str, text: str, value: object) -> None:
    read = form(name).read(text)
    assert read == value
    assert isinstance(read, type(value))


REFUSED: list[tuple[str, str, str]] = [
    ("json", "", "not JSON: Expecting value at character 0 of ''"),
    ("json", '{"a": 1', "not JSON"),
    ("json", '{"a": 1} and more', "not JSON: Extra data"),
    ("json", "12", "neither a JSON object nor an array: '12'"),
    ("json", '{"a": 1, "a": 2}', "names 'a' twice in one object"),
    ("json", "[NaN]", "holds NaN, which is no JSON"),
    ("json", "[-Infinity]", "holds -Infinity, which is no JSON"),
    ("json", "[1e400]", "'1e400' is too large for a float"),
    ("json", f"[{HUGE}]", "a number of 10,000 digits; 1,000 are the most"),
    ("json", '["\\ud800"]', "half of a surrogate pair"),
    ("json", '{"\\udc00": 1}', "half of a surrogate pair"),
    ("json", '["a\nb"]', "not JSON: Invalid control character"),
    ("json", NESTED, "nested too deep"),
    ("list", '["a", 1]', "not a list of strings"),
    ("list", '{"a": "b"}', "not a list of strings"),
    ("int", "1.0", "not a whole number: '1.0'"),
    ("int", "012", "not a whole number"),
    ("int", "1_000", "not a whole number"),
    ("int", "٣", "not a whole number"),
    ("int", HUGE, "a number of 10,000 digits"),
    ("float", "nan", "not a number: 'nan'"),
    ("float", "inf", "not a number"),
    ("float", "1e400", "too large for a float"),
    ("float", "-1e999999999999", "too large for a float"),
    ("bool", "True", "neither true nor false: 'True'"),
    ("bool", "1", "neither true nor false"),
    ("table", "{}", "not a list of rows"),
    ("table", "[1]", "not a list of rows"),
    ("table", '[{"a": [1]}]', "has a list or an object in a cell"),
]


@pytest.mark.parametrize(("name", "text", "message"), REFUSED)
def test_refusing(name: str, text: str, message: str) -> None:
    with pytest.raises(AnswerError, match=message) as raised:
        form(name).read(text)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize("name", [name for name in FORMS if name != "code"])
@given(text=st.text('[]{}",:0123456789.-+eE truefalsn\\u\x00é', max_size=30))
def test_any_text_is_read_or_refused(name: str, text: str) -> None:
    try:
        value = form(name).read(text)
    except AnswerError:
        return
    plain = value.to_dict("records") if isinstance(value, pd.DataFrame) else value
    assert json.loads(json.dumps(plain, allow_nan=isinstance(value, pd.DataFrame))) is not None


@given(st.lists(st.dictionaries(st.text(max_size=5), st.none() | st.booleans() | st.integers() | st.text(max_size=9))))
def test_json_comes_back_as_it_was(value: list[dict[str, Any]]) -> None:
    assert form("json").read(json.dumps(value)) == value


GRAMMARS: list[tuple[str, Sequence[str], Sequence[str]]] = [
    ("json", ['{"a": [1]}', "[]"], ["1", '"a"', "null"]),
    ("list", ['["a"]', "[]"], ["[1]", "{}"]),
    ("int", ["0", "-12"], ["1.0", "one"]),
    ("float", ["0.5", "-1e9"], ["1e400", "nan"]),
    ("bool", ["true", "false"], ["True", "yes"]),
    ("table", ['[{"a":1,"b":"x"}]', "[]"], ['[{"a":[1]}]', "{}", "[[1]]"]),
]


@pytest.mark.parametrize(("name", "takes", "refuses"), GRAMMARS)
def test_a_grammar_holds_the_model_to_what_is_read(
    name: str, takes: Sequence[str], refuses: Sequence[str], engine: Matcher
) -> None:
    found = form(name)
    assert found.grammar is not None
    for text in takes:
        assert engine.accepts(found.grammar, text)
        found.read(text)
    assert [text for text in refuses if engine.accepts(found.grammar, text)] == []


def test_code_is_free_and_knows_its_language() -> None:
    found = form("code")
    assert found.grammar is None
    code = found.read("```python\nx = 1\n```")
    assert isinstance(code, Code)
    assert (code, code.language) == ("x = 1", "python")
    for same in (copy.copy(code), copy.deepcopy(code), pickle.loads(pickle.dumps(code))):  # noqa: S301 - our own
        assert isinstance(same, Code)
        assert (same, same.language) == (code, "python")


def test_a_table_is_a_data_frame_with_all_columns() -> None:
    table = form("table").read('[{"name": "a", "n": 1}, {"n": 2, "more": true}]')
    assert isinstance(table, pd.DataFrame)
    assert list(table.columns) == ["name", "n", "more"]
    assert list(table["n"]) == [1, 2]
    assert pd.isna(table["name"][1])


def test_without_pandas_a_table_is_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> object:  # noqa: ANN401 - as Python's
        if name == "pandas":
            raise ModuleNotFoundError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    assert form("table").read('[{"a": 1}, {"b": 2}]') == [{"a": 1, "b": None}, {"a": None, "b": 2}]


def test_an_empty_table_has_no_rows() -> None:
    table = form("table").read("[]")
    assert isinstance(table, pd.DataFrame)
    assert table.empty


@pytest.mark.parametrize("name", FORMS)
def test_every_form_tells_the_model(name: str) -> None:
    found = form(name)
    assert found.name == name
    assert found.instruction.endswith(".")
    assert "\n" not in found.instruction


def test_without_either_there_is_no_form() -> None:
    assert form_of(None, None, {}) is None


WRONG: list[tuple[str | None, str | None, Mapping[str, object], str]] = [
    ("jsn", None, {}, "--as has no form 'jsn'; did you mean json?"),
    ("", None, {}, "--as has no form ''; there are json, code, list, int, float, bool, table"),
    ("json", "Person", {}, "give one of them"),
]


@pytest.mark.parametrize(("as_", "schema", "namespace", "message"), WRONG)
def test_wrong_words(as_: str | None, schema: str | None, namespace: Mapping[str, object], message: str) -> None:
    with pytest.raises(UsageError) as raised:
        form_of(as_, schema, namespace)
    assert message in str(raised.value)


def answer(text: str, reason: FinishReason = "stop") -> Response:
    return Response(text, finish_reason=reason)


def test_a_whole_answer_is_its_object() -> None:
    assert object_of(form("json"), answer('{"a": 1}')) == {"a": 1}
    assert object_of(form("bool"), answer("false")) is False


CUT: list[tuple[FinishReason, str]] = [
    (
        "length",
        "it reached max_tokens or the context's end before it was whole, so ask for more with --max-tokens",
    ),
    ("cancelled", "it was stopped"),
    ("timeout", "its time was up, so allow more with --timeout"),
]


@pytest.mark.parametrize(("finish_reason", "reason"), CUT)
@pytest.mark.parametrize(
    ("name", "text"), [("int", "12"), ("json", '{"a": 1}'), ("code", "```\nx\n```"), ("json", "{")]
)
def test_a_part_of_an_answer_is_never_its_object(
    name: str, text: str, finish_reason: FinishReason, reason: str
) -> None:
    assert object_of(form(name), answer(text, finish_reason)) == Partial(text, finish_reason, reason)


def test_an_answer_that_is_not_what_was_asked_for_is_partial_and_says_why() -> None:
    found = object_of(form("int"), answer("about twelve"))
    assert found == Partial("about twelve", "stop", "the answer is not a whole number: 'about twelve'")
