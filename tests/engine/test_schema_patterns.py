"""Patterns and ranges of numbers as GBNF: what they take is what they mean."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cyllama_jupyter.engine.schema import to_gbnf
from cyllama_jupyter.engine.schema_numbers import MOST, integer_rule, number_rule
from cyllama_jupyter.engine.schema_patterns import Unsupported, to_rule
from tests.gbnf_matcher import Matcher

PATTERNS = (
    r"^\d{3}-\d{4}$",
    r"^[A-Z][a-z]*( [A-Z][a-z]*)?$",
    r"^(red|green|blue)$",
    r"^#[0-9a-fA-F]{6}$",
    r"^a{2,}b?c+d{0,3}$",
    r'^[^"\\x]{1,4}$',
    r'^["\\]+$',
    r"^[\w.-]+@[\w-]+\.[a-z]{2,3}$",
    r"^(?:ab|[^\s])\S$",
    r"^a|b$",
    r"^\u00e9\x41\t\/\.$",
    r"x.y",
    r"^.?[é☃😀-😎]$",
    r"^a*?$",
    r"^[a\-z\]]{2}$",
    "",
    "^$",
)
UNSUPPORTED = (
    r"^[]a]$",
    r"^(?=a)b",
    r"(a)\1",
    r"\bword\b",
    r"a(^b)",
    r"(a$)",
    r"^a{0,9999}$",
    r"\p{L}",
    "a{,3}",
    "(?P<n>a)",
    "a^b",
    "a**",
    "[^\\s\\S]",
)


@pytest.fixture(scope="module")
def engine(tiny_model: Path) -> Matcher:
    return Matcher(tiny_model)


def plainly(text: str) -> bool:
    """Whether JSON needs no more than two characters for each of a text, and no control character is left out.

    Nor is a carriage return, which a point matches in Python, and in ECMA-262 not.
    """
    return all(character >= " " or character in "\n\t\f\b" for character in text)


@pytest.mark.parametrize("pattern", PATTERNS)
@settings(max_examples=30)
@given(data=st.data())
def test_a_grammar_takes_what_a_pattern_matches_and_nothing_else(
    pattern: str, engine: Matcher, data: st.DataObject
) -> None:
    grammar = to_gbnf({"type": "string", "pattern": pattern})
    texts = st.from_regex(pattern) | st.text('ab01-.@"\\ \nXé😀', max_size=6)
    text = data.draw(texts.filter(plainly))
    expected = re.search(pattern.replace("$", r"\Z"), text, re.ASCII) is not None
    assert engine.accepts(grammar, json.dumps(text, ensure_ascii=False)) == expected


@pytest.mark.parametrize(
    "pattern", [r"^\S+$", r"^[^\s]+$", r"^[^\d]+$", r"^\D+$", r"^\W+$", r"^[^\w]+$", r"^[^\W\d_]+$", r"^[\s\D]$"]
)
@settings(max_examples=100)
@given(text=st.text("a1_ é\u00a0\u3000\ufeff\u0663\U00010400☃", min_size=1, max_size=2))
def test_what_a_grammar_takes_beyond_ascii_is_what_pythons_re_matches_too(
    pattern: str, engine: Matcher, text: str
) -> None:
    grammar = to_gbnf({"type": "string", "pattern": pattern})
    if engine.accepts(grammar, json.dumps(text, ensure_ascii=False)):
        assert re.search(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text"), [(r"^\D$", "é"), (r"^\S$", "☃"), (r"^[\s\S]$", "\u00a0"), (r"^[\w\W]$", "é")]
)
def test_a_class_reaches_beyond_ascii_where_all_readers_agree(pattern: str, text: str, engine: Matcher) -> None:
    assert engine.accepts(to_gbnf({"type": "string", "pattern": pattern}), f'"{text}"')


@pytest.mark.parametrize("pattern", UNSUPPORTED)
def test_what_is_beyond_the_subset_is_said(pattern: str) -> None:
    with pytest.raises(Unsupported):
        to_rule(pattern)


@given(st.text("^$ab|()[]{}?*+\\d,-09.", max_size=12))
def test_any_pattern_is_a_rule_or_unsupported(engine: Matcher, pattern: str) -> None:
    try:
        re.compile(pattern)
    except (re.error, FutureWarning):  # the second: "[[" may mean something else in a later Python
        return
    try:
        rule = to_rule(pattern)
    except Unsupported:
        return
    engine.check(f'char ::= [a-z]\nroot ::= {rule} ""\n')


def as_regex(rule: str) -> str:
    """Return a rule of numbers as a regular expression: its literals are digits, signs and points."""
    return re.sub(r'"([^"]*)"', lambda found: re.escape(found[1]), rule).replace(" ", "")


INTEGERS = st.integers(-(10**5), 10**5) | st.integers(-MOST, MOST)


@given(INTEGERS, INTEGERS, INTEGERS)
@example(0, 0, 0)
@example(-1, 1, 0)
@example(9, 10, 10)
@example(-100, -99, -100)
@example(1, MOST, MOST)
def test_whole_numbers_in_a_range(one: int, other: int, number: int) -> None:
    low, high = sorted((one, other))
    rule = re.compile(as_regex(integer_rule(low, high)))
    for candidate in (number, low, high, low - 1, high + 1, (low + high) // 2):
        assert (rule.fullmatch(str(candidate)) is not None) == (low <= candidate <= high)


@given(st.integers(-500, 500), st.integers(-500, 500), st.decimals(-600, 600, places=2))
def test_numbers_in_a_range(one: int, other: int, number: object) -> None:
    low, high = sorted((one, other))
    rule = re.compile(as_regex(number_rule(low, high)))
    assert (rule.fullmatch(str(number)) is not None) == (low <= float(str(number)) <= high) or float(str(number)) == 0


def test_a_range_of_fractions_is_widened_to_whole_numbers() -> None:
    rule = re.compile(as_regex(number_rule(0.25, 1.5)))
    assert [text for text in ("0", "0.3", "1.75", "2.0", "2.1", "-0.1") if rule.fullmatch(text)] == [
        "0",
        "0.3",
        "1.75",
        "2.0",
    ]


@pytest.mark.parametrize("write", [integer_rule, number_rule])
def test_an_empty_range_is_an_error(write: object) -> None:
    assert callable(write)
    with pytest.raises(ValueError, match="there is no"):
        write(2, 1)
