"""Texts into values, strictly: a text is what was asked for, or an AnswerError says in a sentence what is wrong."""

import json
import math
import re
from typing import Any, NoReturn

from cyllama_jupyter.errors import AnswerError

__all__ = ["read_bool", "read_float", "read_int", "read_json", "shortened"]

MOST_DIGITS = 1_000
"""The longest number that is read, in digits; Python itself refuses beyond 4,300, and earlier in some settings."""

_SHOWN = 60
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")


def shortened(text: str) -> str:
    """Return a text in quotes, its beginning when it is long."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def read_json(text: str) -> Any:  # noqa: ANN401 - any JSON
    """Return the value of a JSON text.

    Args:
        text: One value, with blanks around it or not.

    Raises:
        AnswerError: It is not JSON, or JSON on which readers differ: a name twice in one object, NaN, a number that no
            float holds or of more than 1,000 digits, half of a surrogate pair, nesting too deep.
    """
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_int
        )
        json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        where = f"{error.msg} at character {error.pos:,} of {shortened(text)}"
        raise AnswerError(f"the answer is not JSON: {where}") from None
    except UnicodeEncodeError:
        raise AnswerError("the answer holds half of a surrogate pair, which is no character") from None
    except RecursionError:
        raise AnswerError("the answer's lists and objects are nested too deep to read") from None
    return value


def read_int(text: str) -> int:
    """Return the whole number that a text is.

    Raises:
        AnswerError: It is none, or has more than 1,000 digits.
    """
    text = text.strip()
    if not _INTEGER.fullmatch(text):
        raise AnswerError(f"the answer is not a whole number: {shortened(text)}")
    return _int(text)


def read_float(text: str) -> float:
    """Return the number that a text is, spelled as in JSON.

    Raises:
        AnswerError: It is none, or no float holds it.
    """
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        raise AnswerError(f"the answer is not a number: {shortened(text)}")
    return _float(text)


def read_bool(text: str) -> bool:
    """Return the truth value that a text is: ``true`` or ``false``.

    Raises:
        AnswerError: It is neither.
    """
    value = {"true": True, "false": False}.get(text.strip())
    if value is None:
        raise AnswerError(f"the answer is neither true nor false: {shortened(text)}")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise AnswerError(f"the answer's JSON names {twice!r} twice in one object")
    return found


def _constant(name: str) -> NoReturn:
    raise AnswerError(f"the answer holds {name}, which is no JSON")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise AnswerError(f"the answer's number {shortened(text)} is too large for a float")
    return value


def _int(text: str) -> int:
    if len(text.lstrip("-")) > MOST_DIGITS:
        raise AnswerError(f"the answer holds a number of {len(text):,} digits; {MOST_DIGITS:,} are the most")
    return int(text)
