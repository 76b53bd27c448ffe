"""Bytes to text, and stop sequences: what is shown does not depend on how the model cut it into tokens."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyllama_jupyter import LLM, GenerationConfig
from cyllama_jupyter.engine.text import StopFilter, TextDecoder
from tests.tiny_models import EMOJI_TEXT, write_cycle, write_emoji

# Few letters, so that stop sequences occur, overlap and begin without ending.
LETTERS = st.text("ab\n", max_size=24)
STOPS = st.lists(st.text("ab\n", min_size=1, max_size=5), max_size=4)
CUTS = st.lists(st.integers(0, 24), max_size=8)


def cut(text: str, cuts: Sequence[int]) -> list[str]:
    places = [0, *sorted(cuts), len(text)]
    return [text[start:end] for start, end in pairwise(places)]


def up_to_stop(text: str, stops: Sequence[str]) -> str:
    """Read letter by letter; the first stop sequence that is complete ends it, the longest if several end there."""
    for end in range(1, len(text) + 1):
        complete = [stop for stop in stops if text[:end].endswith(stop)]
        if complete:
            return text[: end - max(map(len, complete))]
    return text


def shown(pieces: Sequence[str], stops: Sequence[str]) -> str:
    text = StopFilter(stops)
    passed = ""
    for piece in pieces:
        passed += text.push(piece)
        if text.stopped:
            break
    return passed + text.flush()


@given(LETTERS, STOPS, CUTS)
def test_text_ends_at_the_first_complete_stop_sequence_however_it_comes(
    text: str, stops: list[str], cuts: list[int]
) -> None:
    assert shown(cut(text, cuts), stops) == up_to_stop(text, stops)


@given(st.text(), st.lists(st.text(min_size=1, max_size=3)), CUTS)
def test_any_text_ends_so(text: str, stops: list[str], cuts: list[int]) -> None:
    assert shown(cut(text, cuts), stops) == up_to_stop(text, stops)


@given(LETTERS, STOPS, CUTS)
def test_only_what_may_become_a_stop_sequence_is_held_back(text: str, stops: list[str], cuts: list[int]) -> None:
    kept = StopFilter(stops)
    seen = passed = ""
    for piece in cut(text, cuts):
        seen += piece
        passed += kept.push(piece)
        if kept.stopped:
            return
        held = seen.removeprefix(passed)
        assert passed + held == seen
        assert not held or any(stop != held and stop.startswith(held) for stop in stops)


def test_two_stop_sequences_of_which_one_is_in_the_other() -> None:
    assert shown(["abcd"], ["abcd", "bc"]) == shown(["abc", "d"], ["abcd", "bc"]) == "a"
    assert shown(["xabc"], ["bc", "abc"]) == shown(["xa", "bc"], ["bc", "abc"]) == "x"


@given(st.text(), CUTS)
def test_characters_split_anywhere_arrive_whole(text: str, cuts: list[int]) -> None:
    encoded = text.encode()
    decoder = TextDecoder()
    places = [0, *sorted(cuts), len(encoded)]
    pieces = [decoder.push(encoded[start:end]) for start, end in pairwise(places)]
    assert "".join(pieces) == text


@given(st.binary(max_size=24), CUTS)
def test_bytes_that_are_no_text_decode_the_same_however_they_come(data: bytes, cuts: list[int]) -> None:
    decoder = TextDecoder()
    places = [0, *sorted(min(place, len(data)) for place in cuts), len(data)]
    pieces = [decoder.push(data[start:end]) for start, end in pairwise(places)]
    assert "".join(pieces) == TextDecoder().push(data)


@pytest.fixture(scope="module")
def emoji(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LLM]:
    with LLM(write_emoji(tmp_path_factory.mktemp("models") / "emoji.gguf", then_eog=True)) as llm:
        yield llm


def test_characters_of_many_tokens_come_out_of_a_model_whole(emoji: LLM) -> None:
    pieces = list(emoji("Say it", stream=True))
    assert "".join(pieces) == EMOJI_TEXT
    # Every token is one byte here, so every piece is one character.
    assert pieces == list(EMOJI_TEXT)


def test_an_answer_cut_in_a_character_ends_before_it(emoji: LLM) -> None:
    encoded = EMOJI_TEXT.encode()
    for count in range(len(encoded)):
        response = emoji("Say it", GenerationConfig(max_tokens=count))
        assert response == encoded[:count].decode(errors="ignore")
        assert response.finish_reason == "length"


COUNTING = "one two, three. 👋🏽 "


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LLM]:
    """Yield a model that says COUNTING for ever, one byte a token."""
    with LLM(write_cycle(tmp_path_factory.mktemp("models") / "counting.gguf", COUNTING)) as llm:
        yield llm


@pytest.mark.parametrize(
    ("stops", "text", "read"),
    [
        (["two"], "one ", "one two"),
        (["o"], "", "o"),
        (["two, three", "wo"], "one t", "one two"),
        (["three?", "ree."], "one two, th", "one two, three."),
        (["ne two", "e two"], "o", "one two"),
        (["👋🏽"], "one two, three. ", "one two, three. 👋🏽"),
        (["🏽"], "one two, three. 👋", "one two, three. 👋🏽"),
        ([" one"], "one two, three. 👋🏽", COUNTING + "one"),
    ],
)
def test_a_stop_sequence_over_tokens_ends_the_answer_and_is_not_shown(
    counting: LLM, stops: list[str], text: str, read: str
) -> None:
    config = GenerationConfig(stop_sequences=stops)
    response = counting("Count", config)
    assert response == text
    assert response.finish_reason == "stop"
    assert response.stats is not None
    assert response.stats.generated_tokens == len(read.encode())
    assert "".join(counting("Count", config, stream=True)) == text


@pytest.mark.parametrize("stops", [["one two, three!"], ["e t?", "two, three. 👋🏽!"], ["nowhere"]])
def test_text_held_back_for_a_stop_sequence_that_never_came_is_not_lost(counting: LLM, stops: list[str]) -> None:
    for count in (1, 5, 11, len(COUNTING.encode()) + 3):
        response = counting("Count", GenerationConfig(stop_sequences=stops, max_tokens=count))
        assert response == (COUNTING * 2).encode()[:count].decode(errors="ignore")
        assert response.finish_reason == "length"
