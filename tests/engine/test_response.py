"""A Response is a string, and carries what is known about it wherever it goes."""

import copy
import json
import pickle
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyllama_jupyter import GenerationStats, Response

STATS = GenerationStats(
    prompt_tokens=3,
    generated_tokens=2,
    total_time=0.5,
    tokens_per_second=8.0,
    prompt_time=0.2,
    generation_time=0.25,
    reused_tokens=1,
)
RESPONSE = Response("Grüße 👋🏽", STATS, "length", "/models/m.gguf")
PLAIN = {
    "text": "Grüße 👋🏽",
    "finish_reason": "length",
    "model": "/models/m.gguf",
    "stats": {
        "prompt_tokens": 3,
        "generated_tokens": 2,
        "total_time": 0.5,
        "tokens_per_second": 8.0,
        "prompt_time": 0.2,
        "generation_time": 0.25,
        "reused_tokens": 1,
    },
}


def everything(response: Response) -> tuple[object, ...]:
    return response.text, response.stats, response.finish_reason, response.model


def test_it_behaves_as_its_text() -> None:
    assert RESPONSE == "Grüße 👋🏽"
    assert hash(RESPONSE) == hash("Grüße 👋🏽")
    assert {"Grüße 👋🏽": 1}[RESPONSE] == 1
    assert f"{RESPONSE}!" == str(RESPONSE) + "!" == "Grüße 👋🏽!"
    assert RESPONSE.upper() == "GRÜSSE 👋🏽"
    assert RESPONSE.split() == ["Grüße", "👋🏽"]
    assert re.match("Gr", RESPONSE)
    assert "üß" in RESPONSE
    assert len(RESPONSE) == 8
    assert RESPONSE[:5] == "Grüße"
    assert json.loads(json.dumps({"answer": RESPONSE})) == {"answer": "Grüße 👋🏽"}


def test_text_is_a_plain_string() -> None:
    assert type(RESPONSE.text) is str
    assert type(str(RESPONSE)) is str
    assert type(RESPONSE + "") is str


def test_equality_is_that_of_the_text() -> None:
    assert Response("a", STATS) == Response("a", None, "cancelled", "x")
    assert Response("a") != Response("b")
    assert Response("") == ""
    assert not Response("")


def test_it_needs_no_more_than_a_text() -> None:
    response = Response("a")
    assert everything(response) == ("a", None, "stop", "")
    assert response.to_dict() == {"text": "a", "finish_reason": "stop", "model": ""}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_holds_everything(protocol: int) -> None:
    loaded = pickle.loads(pickle.dumps(RESPONSE, protocol))  # noqa: S301 - our own bytes
    assert type(loaded) is Response
    assert everything(loaded) == everything(RESPONSE)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_a_copy_holds_everything(duplicate: Any) -> None:  # noqa: ANN401 - copy.copy and copy.deepcopy
    assert everything(duplicate(RESPONSE)) == everything(RESPONSE)
    assert everything(duplicate([RESPONSE])[0]) == everything(RESPONSE)


def test_to_dict_and_to_json_hold_plain_values() -> None:
    assert RESPONSE.to_dict() == PLAIN
    assert type(RESPONSE.to_dict()["text"]) is str
    assert json.loads(RESPONSE.to_json()) == PLAIN
    assert "\n" not in RESPONSE.to_json()
    assert RESPONSE.to_json(indent=2).startswith('{\n  "text"')


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_survives_json(text: str) -> None:
    assert json.loads(Response(text, STATS).to_json())["text"] == text


def test_repr_shows_the_beginning_and_the_end() -> None:
    assert repr(Response("a\n", STATS)) == "Response('a\\n', finish_reason='stop')"
    long = repr(Response("word " * 1000, None, "cancelled"))
    assert len(long) < 120
    assert long.startswith("Response('word word")
    assert long.endswith("…', finish_reason='cancelled')")


def test_it_takes_no_other_attributes() -> None:
    with pytest.raises(AttributeError):
        RESPONSE.finish_raeson = "stop"  # type: ignore[attr-defined]
