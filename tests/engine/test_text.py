"""Answers of models whose characters and stop sequences are split over tokens."""

from collections.abc import Iterator

import pytest

from cyllama_jupyter import LLM, GenerationConfig
from tests.tiny_models import EMOJI_TEXT, write_cycle, write_emoji


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
