"""The golden messages, which the page's side is tested against too: ``js/tests/golden``."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyllama_jupyter.notebook import protocol
from cyllama_jupyter.notebook.protocol import from_page
from cyllama_jupyter.notebook.sinks import Language, Outcome, Status
from cyllama_jupyter.notebook.transcript import Transcript

GOLDEN = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((Path(__file__).parents[2] / "js" / "tests" / "golden").glob("*.json"))
}
OURS = {
    "status": protocol.Status,
    "delta": protocol.Delta,
    "end": protocol.End,
    "replay": protocol.Replay,
    "part": protocol.Part,
}
THEIRS = {
    "hello": protocol.Hello,
    "replay-request": protocol.ReplayRequest,
    "stop": protocol.Stop,
    "need": protocol.Need,
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)

Message = dict[str, Any]


def examples(kind: str, of: str = "examples") -> Iterator[Message]:
    """Yield golden messages without what a receiver has to bear and we never send: unknown fields, empty deltas."""
    fields = get_type_hints({**OURS, **THEIRS}[kind])
    for message in GOLDEN[kind].get(of, []):
        if of == "malformed" or (set(message) == set(fields) and message.get("text", "-") != ""):
            yield message


def cases(kinds: dict[str, type], of: str = "examples") -> list[Any]:
    """Return the golden messages of some kinds as parameters."""
    found = [(kind, number, message) for kind in kinds for number, message in enumerate(examples(kind, of))]
    return [pytest.param(message, id=f"{kind} {number}") for kind, number, message in found]


def said_again(message: Message) -> Message:
    """Return what a transcript that is as far makes of the facts in a message."""
    transcript = Transcript()
    transcript._seq = message["seq"] - 1
    if message["type"] == "status":
        made: Any = transcript.status(message["phase"], message["label"], message["fraction"], message["language"])
    elif message["type"] == "delta":
        transcript._length = message["at"]
        made = transcript.delta(message["text"])
    else:
        made = transcript.end(message["outcome"], message["footer"])
    return dict(made)


def test_there_are_golden_messages_of_every_type() -> None:
    assert set(GOLDEN) == {*OURS, *THEIRS}
    assert {kind for kind, golden in GOLDEN.items() if golden["sender"] == "kernel"} == set(OURS)
    assert all(list(examples(kind)) for kind in GOLDEN)


def test_they_show_every_phase_outcome_and_part() -> None:
    assert {message["phase"] for message in examples("status")} == set(get_args(get_type_hints(Status)["phase"]))
    assert {message["language"] for message in examples("status")} == set(get_args(Language))
    assert {message["outcome"] for message in examples("end")} == {outcome.value for outcome in Outcome}
    for kind in ("part", "need"):
        assert {message["name"] for message in examples(kind)} == set(get_args(protocol.PartName))


@pytest.mark.parametrize("message", cases({kind: OURS[kind] for kind in ("status", "delta", "end")}))
def test_this_is_what_we_send(message: Message) -> None:
    assert said_again(message) == message


@pytest.mark.parametrize("message", cases({"replay": protocol.Replay}))
def test_this_is_how_we_say_it_again(message: Message) -> None:
    transcript = Transcript()
    for part in (message["status"], message["end"]):
        if part is not None:
            transcript._seq = part["seq"] - 1
            said: Any = transcript.status if part["type"] == "status" else transcript.end
            said(*(value for field, value in part.items() if field not in ("type", "seq")))
    transcript.delta(message["text"])
    transcript._seq = message["seq"]
    assert transcript.replay(message["to"]) == message


@pytest.mark.parametrize("message", cases(THEIRS))
def test_this_is_what_we_understand(message: Message) -> None:
    for said in (message, {**message, "later": "a field of another version"}):
        assert from_page(said) == said


@pytest.mark.parametrize("message", cases(THEIRS, "malformed"))
def test_this_we_do_not(message: Message) -> None:
    assert from_page(message) is None


@given(JSON | st.dictionaries(st.sampled_from(["type", "view", "name", "version"]), JSON))
def test_whatever_a_page_says_is_understood_or_left_out(content: object) -> None:
    message = from_page(content)
    assert message is None or message["type"] in {"hello", "replay", "stop", "need"}
