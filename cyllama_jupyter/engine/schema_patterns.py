"""Regular expressions of a JSON schema as GBNF, for text inside a JSON string.

The subset that is regular and means the same in ECMA-262 and in Python's ``re``: literals, classes, groups,
alternation, quantifiers, and anchors at both ends. Look-around, back-references and word boundaries are not.
"""

import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache

from cyllama_jupyter.engine.schema_limits import MOST_REPEATS

__all__ = ["Unsupported", "to_rule"]

Ranges = tuple[tuple[int, int], ...]
"""A set of characters: pairs of first and last code point, in order, apart."""

_LAST = sys.maxunicode
_SURROGATES = (0xD800, 0xDFFF)
_DIGIT: Ranges = ((0x30, 0x39),)
_WORD: Ranges = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_SPACE: Ranges = ((0x09, 0x0D), (0x20, 0x20))
_NO_ASCII: Ranges = ((0x80, sys.maxunicode),)
_IDEOGRAPHS = 0x20000  # no script is written from here on but in ideographs, which are neither digits nor blanks
_BYTE_ORDER_MARK = (0xFEFF, 0xFEFF)  # a blank in ECMA-262
_LINE_ENDS: Ranges = ((0x0A, 0x0A), (0x0D, 0x0D))
_CONTROLS = {"n": 0x0A, "t": 0x09, "r": 0x0D, "f": 0x0C, "v": 0x0B, "0": 0x00}
_ESCAPED = {
    0x22: r'"\\\""',
    0x5C: r'"\\\\"',
    0x0A: r'"\\n"',
    0x09: r'"\\t"',
    0x0D: r'"\\r"',
    0x0C: r'"\\f"',
    0x08: r'"\\b"',
}
"""How JSON spells what may not stand in a string as it is; other control characters are never written."""


class Unsupported(ValueError):
    """A regular expression has what a grammar cannot say, or what is not worth saying."""


def to_rule(pattern: str) -> str:
    """Return the GBNF of all strings that a pattern matches, without their quotes.

    A pattern that is not anchored matches anywhere in the string, as JSON Schema has it.

    Args:
        pattern: A regular expression that Python's ``re`` accepts.

    Raises:
        Unsupported: It is beyond the subset.
    """
    return _Parser(pattern).whole()


def _joined(ranges: Iterable[tuple[int, int]]) -> Ranges:
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)


def _all_but(ranges: Ranges) -> Ranges:
    starts = [0, *(last + 1 for _, last in ranges)]
    ends = [*(first - 1 for first, _ in ranges), _LAST]
    return tuple((first, last) for first, last in zip(starts, ends, strict=True) if first <= last)


def _spelled(code: int) -> str:
    character = chr(code)
    return character if character.isascii() and character.isalnum() else f"\\U{code:08X}"


def _class_rule(ranges: Ranges) -> str:
    """Return GBNF for one character of a set, as a JSON string spells it."""
    inside = ((0x00, 0x1F), (0x22, 0x22), (0x5C, 0x5C), _SURROGATES)
    plain = _all_but(_joined([*_all_but(ranges), *inside]))
    choices = [rule for code, rule in _ESCAPED.items() if any(first <= code <= last for first, last in ranges)]
    if plain:
        pairs = (_spelled(a) if a == b else f"{_spelled(a)}-{_spelled(b)}" for a, b in plain)
        choices.insert(0, f"[{''.join(pairs)}]")
    if not choices:
        raise Unsupported("a class without characters")
    return choices[0] if len(choices) == 1 else f"({' | '.join(choices)})"


_NARROW = {"d": _DIGIT, "w": _WORD, "s": _SPACE}
r"""What ``\d``, ``\w`` and ``\s`` match for every reader."""


@lru_cache
def _widest(letter: str) -> Ranges:
    r"""Return what ``\d``, ``\w`` or ``\s`` matches for some reader: ECMA-262, Python's ``re``, Rust's ``regex``."""
    if letter == "w":
        return _joined([*_WORD, *_NO_ASCII])  # the letters of all scripts are too many ranges to write
    if letter == "d":
        return _joined((code, code) for code in range(_IDEOGRAPHS) if chr(code).isdecimal())
    spaces = (code for code in range(_IDEOGRAPHS) if chr(code).isspace())
    return _joined([*((code, code) for code in spaces), _BYTE_ORDER_MARK])


class _Parser:
    """A recursive descent over one pattern; every method leaves ``_at`` behind what it has read."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._named: set[str] = set()

    def whole(self) -> str:
        """Read everything; ``^`` and ``$`` may stand at the ends of each alternative."""
        rules = [self._anchored()]
        while self._took("|"):
            rules.append(self._anchored())
        if self._at < len(self._pattern):
            raise Unsupported(f"{self._pattern[self._at]!r} at {self._at}")
        return rules[0] if len(rules) == 1 else f"({' | '.join(rules)})"

    def _anchored(self) -> str:
        before = [] if self._took("^") else ["char*"]
        items = list(self._items())
        after = [] if self._took("$") else ["char*"]
        return " ".join([*before, *items, *after]) or '""'

    def _took(self, text: str) -> bool:
        found = self._pattern.startswith(text, self._at)
        self._at += len(text) * found
        return found

    def _next(self, what: str) -> str:
        if self._at >= len(self._pattern):
            raise Unsupported(f"a {what} that does not end")
        self._at += 1
        return self._pattern[self._at - 1]

    def _items(self) -> Iterator[str]:
        while self._at < len(self._pattern) and self._pattern[self._at] not in "|)$":
            yield self._atom() + self._quantifier()

    def _atom(self) -> str:
        character = self._next("pattern")
        if character == "(":
            return self._group()
        if character == "[":
            return _class_rule(self._class())
        if character == ".":
            return _class_rule(_all_but(_LINE_ENDS))
        if character == "\\":
            return _class_rule(self._escape())
        if character in "^*+?{":
            raise Unsupported(f"{character!r} in mid-pattern")
        return _class_rule(((ord(character), ord(character)),))

    def _group(self) -> str:
        if self._took("?") and not self._took(":"):
            raise Unsupported("a group that begins with (?")
        rules = [" ".join(self._items()) or '""']
        while self._took("|"):
            rules.append(" ".join(self._items()) or '""')
        if not self._took(")"):
            raise Unsupported("an anchor inside a group")
        return f"({' | '.join(rules)})"

    def _quantifier(self) -> str:
        sign = next((sign for sign in "*+?" if self._took(sign)), "")
        if not sign and self._took("{"):
            sign = self._bounds()
        self._took("?")  # lazy or greedy, the language is the same
        if sign and self._at < len(self._pattern) and self._pattern[self._at] in "*+?{":
            raise Unsupported("a quantifier of a quantifier")
        return sign

    def _bounds(self) -> str:
        inside, closed, _ = self._pattern[self._at :].partition("}")
        low, comma, high = inside.partition(",")
        numbers = [low, *([high] if high else [])]
        if not closed or not all(number.isdecimal() and int(number) <= MOST_REPEATS for number in numbers):
            raise Unsupported(f"the bounds {{{inside}}}")
        self._at += len(inside) + 1
        return f"{{{int(low)}{comma}{int(high) if high else ''}}}"

    def _escape(self, *, inverse: bool = False) -> Ranges:
        letter = self._next("backslash")
        if letter.lower() in _NARROW:
            self._named.add(letter)
            # Readers differ beyond ASCII: what is written is in the set for all of them.
            wide = inverse != letter.isupper()
            found = _widest(letter.lower()) if wide else _NARROW[letter.lower()]
            return _all_but(found) if letter.isupper() else found
        if letter in "xu":
            return self._by_number(2 if letter == "x" else 4)
        if letter in _CONTROLS:
            return ((_CONTROLS[letter], _CONTROLS[letter]),)
        if letter.isalnum():
            raise Unsupported(f"\\{letter}")
        return ((ord(letter), ord(letter)),)

    def _by_number(self, digits: int) -> Ranges:
        number = self._pattern[self._at : self._at + digits]
        self._at += digits
        code = int(number, 16)
        return ((code, code),)

    def _class(self) -> Ranges:
        negated = self._took("^")
        ranges: list[tuple[int, int]] = []
        self._named.clear()
        while not self._took("]"):
            member = self._member(inverse=negated)
            if self._pattern.startswith("-", self._at) and not self._pattern.startswith("-]", self._at):
                self._at += 1
                ranges.append((member[0][0], self._member()[-1][1]))
            else:
                ranges += member
        if any(letter.upper() in self._named for letter in self._named - {"D", "W", "S"}):
            ranges = [(0, _LAST)]  # as people write [\s\S] for any character
        return _all_but(_joined(ranges)) if negated else _joined(ranges)

    def _member(self, *, inverse: bool = False) -> Ranges:
        character = self._next("class")
        if character == "\\":
            return ((0x08, 0x08),) if self._took("b") else self._escape(inverse=inverse)
        return ((ord(character), ord(character)),)
