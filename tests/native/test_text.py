"""Bytes to text, and stop sequences: what is shown does not depend on how the model cut it into tokens."""

import codecs
from collections.abc import Sequence
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyllama_jupyter._native.text import TextFilter

# Few letters, so that stop sequences occur, overlap and begin without ending; one is split over tokens.
LETTERS = st.text("ab\né", max_size=24)
STOPS = st.lists(st.text("ab\né", min_size=1, max_size=5), max_size=4)
CUTS = st.lists(st.integers(0, 40), max_size=8)
# The edges of the ranges that tell what is UTF-8.
EDGES = bytes.fromhex("41 7f 80 8f 90 9f a0 bf c0 c1 c2 df e0 e1 ec ed ee ef f0 f1 f3 f4 f5 ff")


def cut(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    places = [0, *sorted(min(place, len(data)) for place in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


def up_to_stop(text: str, stops: Sequence[str]) -> str:
    """Read letter by letter; the first stop sequence that is complete ends it, the longest if several end there."""
    for end in range(1, len(text) + 1):
        complete = [stop for stop in stops if text[:end].endswith(stop)]
        if complete:
            return text[: end - max(map(len, complete))]
    return text


def shown(pieces: Sequence[bytes], stops: Sequence[str] = ()) -> str:
    text = TextFilter(stops)
    return "".join(text.push(piece) for piece in pieces) + text.flush()


class TestStopSequences:
    @given(LETTERS, STOPS, CUTS)
    def test_text_ends_at_the_first_complete_one_however_it_comes(
        self, text: str, stops: list[str], cuts: list[int]
    ) -> None:
        assert shown(cut(text.encode(), cuts), stops) == up_to_stop(text, stops)

    @given(st.text(), st.lists(st.text(min_size=1, max_size=3)), CUTS)
    def test_any_text_ends_so(self, text: str, stops: list[str], cuts: list[int]) -> None:
        assert shown(cut(text.encode(), cuts), stops) == up_to_stop(text, stops)

    @given(LETTERS, STOPS, CUTS)
    def test_only_what_may_become_one_is_held_back(self, text: str, stops: list[str], cuts: list[int]) -> None:
        kept, decoder = TextFilter(stops), codecs.getincrementaldecoder("utf-8")()
        seen = passed = ""
        for piece in cut(text.encode(), cuts):
            seen += decoder.decode(piece)
            passed += kept.push(piece)
            assert kept.stopped is any(stop in seen for stop in stops)
            if kept.stopped:
                return
            held = seen.removeprefix(passed)
            assert passed + held == seen
            assert not held or any(stop != held and stop.startswith(held) for stop in stops)

    def test_of_which_one_is_in_another(self) -> None:
        assert shown([b"abcd"], ["abcd", "bc"]) == shown([b"abc", b"d"], ["abcd", "bc"]) == "a"
        assert shown([b"xabc"], ["bc", "abc"]) == shown([b"xa", b"bc"], ["bc", "abc"]) == "x"

    def test_nothing_comes_after_one(self) -> None:
        text = TextFilter(["b"])
        assert (text.push(b"abc"), text.push(b"ab"), text.flush()) == ("a", "", "")
        assert text.stopped

    def test_a_long_one_that_never_comes_costs_no_more_than_its_length(self) -> None:
        # Half a million pieces, each of which holds back up to 100,000 letters.
        beginning, times = "a" * 100_000, 500_000
        text = TextFilter([beginning + "b", *(f"a{number}" for number in range(1000))])
        passed = "".join(text.push(b"a") for _ in range(times))
        assert len(passed) == times - len(beginning)
        assert text.flush() == beginning

    def test_an_empty_one_ends_nothing(self) -> None:
        assert shown([b"ab"], [""]) == "ab"

    def test_one_that_no_utf_8_can_hold_never_comes(self) -> None:
        assert shown(["\ud7ff\ue000".encode()], ["\ud800", "\ud7ff\udfff"]) == "\ud7ff\ue000"


class TestCharacters:
    @given(st.text(), CUTS)
    def test_split_anywhere_arrive_whole(self, text: str, cuts: list[int]) -> None:
        assert shown(cut(text.encode(), cuts)) == text

    @given(st.lists(st.sampled_from(EDGES) | st.integers(0, 255), max_size=24).map(bytes), CUTS)
    def test_bytes_come_as_from_pythons_decoder(self, data: bytes, cuts: list[int]) -> None:
        self.assert_as_python(cut(data, cuts))

    def test_all_kinds_of_bytes_come_as_from_pythons_decoder(self) -> None:
        for data in product(EDGES, repeat=3):
            self.assert_as_python([bytes([byte]) for byte in data])

    @staticmethod
    def assert_as_python(pieces: Sequence[bytes]) -> None:
        """It says the same and never later; Python waits for a third byte where two are half a surrogate already."""
        text, decoder = TextFilter([]), codecs.getincrementaldecoder("utf-8")("replace")
        passed = expected = ""
        for piece in pieces:
            passed += text.push(piece)
            expected += decoder.decode(piece)
            assert passed.startswith(expected)
        assert passed + text.push(b".") == expected + decoder.decode(b".")
        assert text.flush() == ""

    def test_are_made_of_bytes(self) -> None:
        with pytest.raises(TypeError):
            TextFilter([]).push("text")  # type: ignore[arg-type]
