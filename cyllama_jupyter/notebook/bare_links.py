"""Addresses without any brackets around them, for markdown-it-py, by the rule of ``js/src/markdown/scanner.ts``."""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline

__all__ = ["bare_links_plugin"]

_SCHEME = re.compile(r"(?<!\w)https?\Z", re.IGNORECASE | re.ASCII)
_ADDRESS = re.compile(r'https?://[^\s<>"`\[\]{}|\\^]{1,2000}', re.IGNORECASE)
_PUNCTUATION = "?!.,:;*_~'$"


def bare_links_plugin(parser: MarkdownIt) -> None:
    """Make ``https://example.org`` a link.

    Args:
        parser: What reads it; its ``validateLink`` decides where it may lead.
    """
    parser.inline.ruler.before("escape", "bare_link", _bare_link)
    parser.inline.ruler.before("bare_link", "backslash", _backslash)


def _backslash(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - as markdown-it calls it
    r"""Read a backslash that escapes nothing by itself: markdown-it would take the h of ``\https://`` with it."""
    if state.src[state.pos] != "\\" or not state.src[state.pos + 1 : state.pos + 2].isalpha():
        return False
    if not silent:
        state.pending += "\\"
    state.pos += 1
    return True


def _bare_link(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - as markdown-it calls it
    """Read a link at its colon: up to there it was taken for text."""
    if silent or state.linkLevel > 0 or not state.src.startswith("://", state.pos):
        return False
    scheme = _SCHEME.search(state.pending[-6:])
    start = state.pos - len(scheme[0]) if scheme else 0
    if scheme is None or re.match(r"\w", state.src[max(0, start - 1) : start], re.ASCII):
        return False
    found = _ADDRESS.match(state.src, start)
    address = _trim(found[0]) if found else ""
    target = state.md.normalizeLink(address)
    if len(address) <= len(scheme[0]) + len("://") or not state.md.validateLink(target):
        return False
    state.pending = state.pending[: -len(scheme[0])]
    state.push("link_open", "a", 1).attrs = {"href": target}
    state.push("text", "", 0).content = address
    state.push("link_close", "a", -1)
    state.pos = start + len(address)
    return True


def _trim(address: str) -> str:
    """Return the address without the sentence's punctuation, and without a bracket that was opened before it."""
    unpaired = address.count(")") - address.count("(")
    end = len(address)
    while end:
        if address[end - 1] == ")" and unpaired > 0:
            unpaired -= 1
        elif address[end - 1] not in _PUNCTUATION:
            break
        end -= 1
    return address[:end]
