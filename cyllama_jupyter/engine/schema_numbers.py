"""Ranges of numbers as GBNF."""

import math
from collections.abc import Iterator

__all__ = ["MOST", "integer_rule", "number_rule"]

MOST = 10**16 - 1
"""The largest whole number that a grammar without a bound allows: sixteen digits, about what a float tells apart."""

_FRACTION = '("." [0-9]{1,15})?'
_ZEROS = '("." "0"{1,15})?'


def integer_rule(low: int | None, high: int | None) -> str:
    """Return the GBNF of the whole numbers from ``low`` to ``high``.

    Args:
        low: The least, included; None is -``MOST``, and so is what lies below that.
        high: The greatest, included; the same.

    Raises:
        ValueError: There is none.
    """
    least, greatest = _within(low, -MOST), _within(high, MOST)
    if least > greatest:
        raise ValueError(f"there is no whole number from {least} to {greatest}")
    parts = []
    if least < 0:
        parts.append(f'"-" ({_digits(max(1, -greatest), -least)})')
    if greatest >= 0:
        parts.append(_digits(max(0, least), greatest))
    return " | ".join(parts)


def number_rule(low: float | None, high: float | None) -> str:
    """Return the GBNF of the decimal numbers from ``low`` to ``high``, widened to whole numbers, without an exponent.

    Args:
        low: The least, included; None is -``MOST``.
        high: The greatest, included; None is ``MOST``.

    Raises:
        ValueError: There is none.
    """
    least = _within(None if low is None else math.floor(low), -MOST)
    greatest = _within(None if high is None else math.ceil(high), MOST)
    if least > greatest:
        raise ValueError(f"there is no number from {low} to {high}")
    parts = []
    if least < 0:
        parts.append(f'"-" ({_decimals(max(0, -greatest), -least)})')
    if greatest >= 0:
        parts.append(_decimals(max(0, least), greatest))
    return " | ".join(parts)


def _within(bound: int | None, otherwise: int) -> int:
    return otherwise if bound is None else max(-MOST, min(MOST, bound))


def _decimals(low: int, high: int) -> str:
    """Return the numbers between two whole ones that are not negative, both included."""
    last = f"({_digits(high, high)}) {_ZEROS}"
    return last if low == high else f"({_digits(low, high - 1)}) {_FRACTION} | {last}"


def _digits(low: int, high: int) -> str:
    """Return the whole numbers between two that are not negative, by their numbers of digits."""
    parts: list[str] = []
    whole: list[int] = []  # lengths of which every number is meant, and which so are one alternative
    for length in range(len(str(low)), len(str(high)) + 1):
        first, last = 10 ** (length - 1) if length > 1 else 0, 10**length - 1
        if length > 1 and low <= first and last <= high:
            whole.append(length)
        else:
            parts += _same_length(str(max(low, first)), str(min(high, last)))
    if whole:
        parts.append(f"[1-9] [0-9]{{{whole[0] - 1},{whole[-1] - 1}}}")
    return " | ".join(parts)


def _same_length(low: str, high: str) -> Iterator[str]:
    """Yield alternatives that together are the numbers between two of as many digits."""
    rest = len(low) - 1
    if rest < 0:
        yield '""'
    elif _is_full(low, high, 1) or rest == 0:
        yield f"[{low[0]}-{high[0]}]{_any(rest)}"
    elif low[0] == high[0]:
        for tail in _same_length(low[1:], high[1:]):
            yield f'"{low[0]}" {tail}'
    else:
        first, last = int(low[0]), int(high[0])
        if set(low[1:]) != {"0"}:
            for tail in _same_length(low[1:], "9" * rest):
                yield f'"{first}" {tail}'
            first += 1
        tails = [] if set(high[1:]) == {"9"} else [f'"{last}" {tail}' for tail in _same_length("0" * rest, high[1:])]
        last -= bool(tails)
        if first <= last:
            yield f"[{first}-{last}]{_any(rest)}"
        yield from tails


def _is_full(low: str, high: str, start: int) -> bool:
    return set(low[start:]) <= {"0"} and set(high[start:]) <= {"9"}


def _any(digits: int) -> str:
    return f" [0-9]{{{digits}}}" if digits else ""
