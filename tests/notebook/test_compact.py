"""Values as text for a prompt: readable, bounded, and the same every time."""

import collections
import datetime as dt
import enum
import functools
import itertools
import math
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyllama_jupyter.engine.response import Response
from cyllama_jupyter.notebook.compact import CHARACTERS, compact, full, head


class Point(NamedTuple):
    x: int
    y: int


class Colour(enum.Enum):
    RED = "red"


class Plain:
    """Has no text of its own, so Python writes its address."""

    def method(self, n: int = 3) -> None: ...


class Unsigned:
    __signature__ = 1


class Broken:
    def __repr__(self) -> str:
        raise ValueError("no")


class Huge:
    def __repr__(self) -> str:
        return "h" * 10_000_000


class Endless(list[int]):
    def __iter__(self) -> Iterator[int]:
        return itertools.repeat(1)

    def __len__(self) -> int:
        return 10**15


class Nested:
    def __init__(self, inner: object) -> None:
        self.inner = inner

    def __str__(self) -> str:
        return f"Nested({self.inner!s})"


def function(a: int, b: object = Plain()) -> None: ...  # its text has an address in it


def containing_itself() -> list[object]:
    items: list[object] = [1]
    items.append(items)
    return items


def deep(n: int) -> list[object]:
    items: list[object] = []
    for _ in range(n):
        items = [items]
    return items


EXACT: list[tuple[object, str]] = [
    ("text", "text"),
    (Response("an answer"), "an answer"),
    (1, "1"),
    (-0.1, "-0.1"),
    (True, "True"),
    (None, "None"),
    (Decimal("1.50"), "1.50"),
    (dt.date(2026, 1, 2), "2026-01-02"),
    (Colour.RED, "Colour.RED"),
    (np.float64(1.5), "1.5"),
    ([1, "a", None, 2.5], "[1, 'a', None, 2.5]"),
    ((1,), "(1,)"),
    ((), "()"),
    ([], "[]"),
    ({}, "{}"),
    (set(), "set()"),
    ({3, 1, 2}, "{1, 2, 3}"),
    ({"b", 1, "a"}, "{1, 'a', 'b'}"),
    (frozenset({1}), "frozenset({1})"),
    ({"a": [1, {"b": "c"}]}, "{'a': [1, {'b': 'c'}]}"),
    (Point(1, 2), "Point(x=1, y=2)"),
    (collections.Counter("aab"), "Counter({'a': 2, 'b': 1})"),
    (collections.deque([1, 2]), "deque([1, 2])"),
    ([np.float64(0.5), dt.date(2026, 1, 2)], "[0.5, 2026-01-02]"),
    (b"a\0", r"b'a\x00'"),
    (bytearray(b"ab"), "b'ab'"),
    (PurePosixPath("/a/b at 0x1"), "/a/b at 0x1"),
    (range(3), "range(0, 3)"),
    (math, "module math"),
    (Plain, "class Plain()"),
    (Point, "class Point(x: int, y: int)"),
    (len, "len(obj, /)"),
    (Unsigned, "class Unsigned"),
    (Plain().method, "Plain.method(n: int = 3) -> None"),
    (functools.partial(int, base=2), "functools.partial(<class 'int'>, base=2)"),
    (2**100_000, "<a number of 100,001 bits>"),
    (Broken(), "<Broken, whose text raised ValueError>"),
    ([1, Broken(), 2], "[1, <Broken, whose text raised ValueError>, 2]"),
    (containing_itself(), "[1, […]]"),
    (np.array([1, 2]), "array of shape (2,), int64\n[1, 2]"),
    (np.array(3.5), "3.5"),
    (np.array([0.1, 1e-9, 1e6]), "array of shape (3,), float64\n[0.1, 1e-09, 1000000]"),
]


@pytest.mark.parametrize(("value", "text"), EXACT, ids=lambda each: str(type(each).__name__))
def test_text(value: object, text: str) -> None:
    assert compact(value) == text


LONG: list[Callable[[], object]] = [
    lambda: list(range(1_000_000)),
    lambda: tuple(["x" * 1_000] * 1_000),
    lambda: {n: [n] * 100 for n in range(10_000)},
    lambda: {str(n) for n in range(10_000)},
    lambda: collections.deque(range(10_000)),
    lambda: [[list(range(100)) for _ in range(100)] for _ in range(100)],
    lambda: {"x" * 10_000: "y" * 10_000},
    lambda: deep(100_000),
    lambda: [deep(50)] * 50,
    lambda: b"\0" * 1_000_000,
    Huge,
    lambda: [Huge()],
    Endless,
    lambda: [Endless()],
    lambda: Nested([Huge()]),
    lambda: [type("T" * 10_000, (), {})()],
    lambda: type("T" * 10_000, (list,), {})([1]),
    lambda: np.zeros((1_000, 1_000)),
    lambda: np.zeros((3,) * 12),
    lambda: np.array(["x" * 10_000] * 3),
    lambda: np.array([Huge(), Broken()], dtype=object),
    lambda: np.zeros(1_000, dtype=[(f"field_{n}", float) for n in range(100)]),
    lambda: pd.DataFrame({"n": range(10_000), "text": ["x" * 1_000] * 10_000}),
    lambda: pd.DataFrame(np.zeros((10, 5_000))),
    lambda: pd.DataFrame({"c" * 10_000: [1]}),
    lambda: pd.DataFrame({"a": [Huge(), Broken()] * 100}),
    lambda: pd.Series(range(10_000), name="n"),
    lambda: pd.Series(["x" * 100_000]),
    lambda: pd.MultiIndex.from_product([range(100), range(100)]),
    lambda: [pd.DataFrame({"n": range(1_000)})] * 100,
]


@pytest.mark.parametrize("make", LONG, ids=range(len(LONG)))
@pytest.mark.parametrize("limit", [1, 50, 300, CHARACTERS])
def test_bound(make: Callable[[], object], limit: int) -> None:
    value = make()
    text = compact(value, limit)
    assert 0 < len(text) <= limit
    assert text == compact(value, limit)


VALUES: st.SearchStrategy[object] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.builds(Broken)),
    lambda inner: st.one_of(
        st.lists(inner), st.tuples(inner, inner), st.dictionaries(st.text(), inner), st.builds(Nested, inner)
    ),
    max_leaves=200,
).filter(lambda value: not isinstance(value, str))


@given(VALUES, st.integers(1, 200))
def test_no_value_is_longer_than_its_bound(value: object, limit: int) -> None:
    assert len(compact(value, limit)) <= limit


@given(st.lists(st.integers(-9, 9)) | st.dictionaries(st.integers(), st.text()))
def test_what_fits_is_written_as_python_does(value: object) -> None:
    assert len(repr(value)) > CHARACTERS or compact(value) == repr(value)


@given(st.text())
def test_a_string_is_put_in_whole(text: str) -> None:
    assert compact(text, 1) == text == full(text)


class TestWhatIsLeftOut:
    def test_of_a_list(self) -> None:
        text = compact(list(range(1_000_000)), 200)
        first, n, last = re.fullmatch(r"\[(.*), … ([\d,]+) more …, (.*)\]", text).groups()  # type: ignore[union-attr]
        begin, end = [int(each) for each in first.split(",")], [int(each) for each in last.split(",")]
        assert begin == list(range(len(begin)))
        assert end == list(range(1_000_000 - len(end), 1_000_000))
        assert int(n.replace(",", "")) == 1_000_000 - len(begin) - len(end)

    def test_of_a_dict(self) -> None:
        text = compact({f"k{n}": n for n in range(10_000)}, 200)
        assert text.startswith("{'k0': 0, 'k1': 1, ")
        assert text.endswith(", 'k9999': 9999}")

    def test_of_bytes(self) -> None:
        text = compact(bytes(range(256)) * 10, 200)
        left, n, right = re.fullmatch(r"(b'.*') … ([\d,]+) more bytes … (b'.*')", text).groups()  # type: ignore[union-attr]
        assert len(eval(left)) + len(eval(right)) + int(n.replace(",", "")) == 2_560  # noqa: S307 - what repr wrote

    def test_of_text_that_an_object_writes(self) -> None:
        text = compact(Huge(), 100)
        n = int(re.fullmatch(r"h+ … ([\d,]+) more characters … h+", text)[1].replace(",", ""))  # type: ignore[index]
        assert n + text.count("h") - "more characters".count("h") == 10_000_000


class TestAddresses:
    @pytest.mark.parametrize(
        "value",
        [
            Plain(),
            Plain().method,
            function,
            lambda: 0,
            Plain,
            iter([]),
            (n for n in [1]),
            object(),
            [Plain()],
            Nested(Plain()),
        ],
        ids=repr,
    )
    def test_there_are_none(self, value: object) -> None:
        assert "0x" not in compact(value)
        assert "0x" not in full(value)

    def test_a_string_that_looks_like_one_stays(self) -> None:
        assert compact(["fault at 0x7ffe"]) == "['fault at 0x7ffe']"


def test_the_beginning() -> None:
    assert head([1, 2, 3], 2) == [1, 2]
    assert head((1, 2, 3), 2) == (1, 2)
    assert head("a\nb\nc\n", 2) == "a\nb\n"
    assert head({"a": 1, "b": 2}, 1) == {"a": 1}
    assert head({3, 1, 2}, 2) == [1, 2]
    assert head(collections.deque([1, 2]), 1) == [1]
    assert head(range(100)) == range(5)
    frame = head(pd.DataFrame({"n": range(9)}, index=range(9, 0, -1)), 2)
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.n) == [0, 1]
    with pytest.raises(ValueError, match="head needs a number from 0, not -1"):
        head([1], -1)
    with pytest.raises(TypeError, match="not iterable"):
        head(3)


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="limit must be at least 1, got 0"):
        compact([1], 0)


def test_a_text_that_never_ends_can_be_interrupted() -> None:
    class Forever:
        def __repr__(self) -> str:
            for n in itertools.count():
                if n == 1_000:
                    signal.raise_signal(signal.SIGINT)
            return ""

    with pytest.raises(KeyboardInterrupt):
        compact([Forever()])


def test_nothing_is_imported_for_it_and_sets_have_one_order() -> None:
    script = (
        "import sys\n"
        "from cyllama_jupyter.notebook import compact\n"
        "before = set(sys.modules)\n"
        "compact.compact([1]), compact.full([1]), compact.compact(len)\n"
        "assert not {'pandas'} & set(sys.modules), 'pandas'\n"
        "assert set(sys.modules) == before, set(sys.modules) - before\n"
        "print(compact.compact({str(n) for n in range(1000)}))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", script], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1
