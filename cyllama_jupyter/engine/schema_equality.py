"""Equality of JSON values as JSON Schema has it: 1 is 1.0, and neither is true."""

from collections.abc import Hashable

__all__ = ["key"]


def key(value: object) -> Hashable:
    """Return what is equal for values that are equal as JSON (JSON Schema core 4.2.2), and for no others.

    Args:
        value: A JSON value. Python's own equality takes True for 1, and False for 0.
    """
    if isinstance(value, dict):
        return "object", frozenset((name, key(part)) for name, part in value.items())
    if isinstance(value, list):
        return "array", tuple(map(key, value))
    return isinstance(value, bool), value
