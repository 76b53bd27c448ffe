"""The widget's wire messages, version 1; ``docs/widget-protocol.md`` describes them."""

from typing import Literal, TypedDict, cast, get_args

__all__ = [
    "VERSION",
    "Delta",
    "End",
    "FromPage",
    "Hello",
    "Need",
    "Part",
    "PartName",
    "Replay",
    "ReplayRequest",
    "Status",
    "Stop",
    "from_page",
    "utf16_length",
]

VERSION = 1

PartName = Literal["highlight", "math"]


class Status(TypedDict):
    """Kernel to page: what the cell is doing."""

    type: Literal["status"]
    seq: int
    phase: str
    label: str
    fraction: float | None
    language: str


class Delta(TypedDict):
    """Kernel to page: more of the answer, after ``at`` UTF-16 code units."""

    type: Literal["delta"]
    seq: int
    at: int
    text: str


class End(TypedDict):
    """Kernel to page: nothing follows."""

    type: Literal["end"]
    seq: int
    outcome: str
    footer: str


class Replay(TypedDict):
    """Kernel to page: everything so far, for one view."""

    type: Literal["replay"]
    seq: int
    to: str
    text: str
    status: Status | None
    end: End | None


class Part(TypedDict):
    """Kernel to page: the code of a lazy part, for one view."""

    type: Literal["part"]
    to: str
    name: PartName
    code: str


class Hello(TypedDict):
    """Page to kernel: here is a page that can show the widget."""

    type: Literal["hello"]
    version: int


class ReplayRequest(TypedDict):
    """Page to kernel: send everything so far."""

    type: Literal["replay"]
    view: str


class Stop(TypedDict):
    """Page to kernel: the Stop button."""

    type: Literal["stop"]


class Need(TypedDict):
    """Page to kernel: send a lazy part."""

    type: Literal["need"]
    view: str
    name: PartName


FromPage = Hello | ReplayRequest | Stop | Need


def from_page(content: object) -> FromPage | None:
    """Return what a page said, or None where that is not in this protocol: anybody can write to a comm.

    Args:
        content: The content of a custom message.
    """
    known = isinstance(content, dict) and _is_known(content)
    return cast("FromPage", content) if known else None


def _is_known(content: dict[str, object]) -> bool:
    kind = content.get("type")
    if kind == "hello":
        return type(content.get("version")) is int
    if kind == "need" and content.get("name") not in get_args(PartName):
        return False
    return kind == "stop" or (kind in ("replay", "need") and isinstance(content.get("view"), str))


def utf16_length(text: str) -> int:
    """Return a text's length as JavaScript counts it, in UTF-16 code units."""
    return len(text) + sum(character > "\uffff" for character in text)
