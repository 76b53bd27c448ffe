"""What is said over the wire, and said again."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyllama_jupyter.notebook.protocol import utf16_length
from cyllama_jupyter.notebook.transcript import Transcript
from tests.notebook.wire import View, javascript_length

PIECES = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("🙂👨‍👩‍👧e\u0301"), max_size=5), max_size=12
)
STATUSES = st.tuples(st.sampled_from(["prefill", "decode"]), st.sampled_from(["a", "b"]), st.none() | st.floats(0, 1))
STEPS = st.lists(st.tuples(STATUSES, st.text(max_size=4)), max_size=15)


def deltas(transcript: Transcript, pieces: Sequence[str]) -> list[dict[str, Any]]:
    """Tell a transcript of a text that grows, and return what it makes of that."""
    text, made = "", []
    for piece in pieces:
        text += piece
        message = transcript.delta(text)
        if message is not None:
            made.append(dict(message))
    return made


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_utf16_length_is_javascripts(text: str) -> None:
    assert utf16_length(text) == javascript_length(text)


@given(PIECES)
def test_deltas_make_up_the_text_and_nothing_twice(pieces: list[str]) -> None:
    made = deltas(Transcript(), pieces)
    assert "".join(delta["text"] for delta in made) == "".join(pieces)
    assert all(delta["text"] for delta in made)


@given(PIECES)
def test_at_counts_as_javascript_does(pieces: list[str]) -> None:
    before = ""
    for delta in deltas(Transcript(), pieces):
        assert delta["at"] == javascript_length(before)
        before += delta["text"]


def test_at_after_an_emoji() -> None:
    assert [(delta["at"], delta["text"]) for delta in deltas(Transcript(), ["a", "🙂", "é", "x"])] == [
        (0, "a"),
        (1, "🙂"),
        (3, "é"),
        (4, "x"),
    ]


@given(STEPS, st.integers(0, 15))
def test_whoever_comes_late_sees_what_the_others_see(steps: list[tuple[Any, str]], late: int) -> None:
    transcript, text = Transcript(), ""
    first, second = View("first"), View("second")
    for number, (status, piece) in enumerate(steps):
        text += piece
        if number == late:
            second.read(transcript.replay("second"))
        for message in (transcript.status(*status), transcript.delta(text)):
            if message is not None:
                first.read(message)
                if number >= late:
                    second.read(message)
    if late >= len(steps):
        second.read(transcript.replay("second"))
    end = transcript.end("done", "3 tokens")
    first.read(end)
    second.read(end)
    assert (second.seq, second.text, second.status, second.end) == (first.seq, first.text, first.status, first.end)
    assert first.text == text
    assert first.end == {"type": "end", "seq": first.seq, "outcome": "done", "footer": "3 tokens"}


def test_numbers_have_no_gaps_where_there_is_nothing_new() -> None:
    transcript = Transcript()
    assert transcript.replay("v") == {
        "type": "replay",
        "seq": 0,
        "to": "v",
        "text": "",
        "status": None,
        "end": None,
    }
    numbers = []
    for status, text in (("a", ""), ("a", ""), ("a", "x"), ("b", "x"), ("b", ""), ("b", "xy")):
        numbers += [m["seq"] for m in (transcript.status("decode", status, None), transcript.delta(text)) if m]
    assert numbers == [1, 2, 3, 4]
    assert transcript.replay("v")["text"] == "xy"


@pytest.mark.parametrize("changed", [("prefill", "a", 0.5), ("decode", "b", 0.5), ("decode", "a", None)])
def test_any_change_of_the_status_is_told(changed: tuple[str, str, float | None]) -> None:
    transcript = Transcript()
    assert transcript.status("decode", "a", 0.5)
    assert transcript.status("decode", "a", 0.5) is None
    assert transcript.status(*changed)


def test_the_end() -> None:
    transcript = Transcript()
    assert not transcript.ended
    end = transcript.end("stopped", "stopped after 0 tokens")
    assert transcript.ended
    assert transcript.replay("v")["end"] == end
