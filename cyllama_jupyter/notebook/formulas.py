r"""TeX in Markdown, for markdown-it-py: ``$x$``, ``$$x$$``, ``\(x\)`` and ``\[x\]``, told from prices and prose.

The same rules as in ``js/src/markdown`` (formulas.ts, starts.ts), so that what was a formula while it streamed is one
in the end.
"""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

__all__ = ["CLOSERS", "formulas_plugin"]

CLOSERS = {"$": "$", "$$": "$$", r"\(": r"\)", r"\[": r"\]"}
_PROSE = re.compile(r"\s*[a-z]{2,}(?:[\s,.'-]+[a-z]{2,})+[\s.!?]*", re.IGNORECASE)
_PRICE = re.compile(r"\d[\d.,]*\s+[a-z]{2,}\b", re.IGNORECASE)
_BEFORE = ("paragraph", "blockquote", "list")  # what a block of TeX ends


def formulas_plugin(parser: MarkdownIt) -> None:
    """Give a parser the tokens ``formula`` and ``formula_block``, with the opening delimiter as their markup.

    Args:
        parser: What reads them.
    """
    parser.inline.ruler.before("escape", "formula", _inline)
    parser.block.ruler.before("fence", "formula_block", _block, {"alt": list(_BEFORE)})


def _inline(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - as markdown-it calls it
    opener = _opener(state.src, state.pos)
    start = state.pos + len(opener)
    end = _find(state, CLOSERS[opener], start) if opener else -1
    if end < 0 or not _fits(state.src, opener, state.pos, end):
        return False
    tex = state.src[start:end]
    if not tex.strip():
        return False
    if not silent:
        token = state.push("formula", "span", 0)
        token.content, token.markup = tex, opener
    state.pos = end + len(opener)
    return True


def _opener(text: str, at: int) -> str:
    opener = text[at] if text[at] == "$" and text[at + 1 : at + 2] != "$" else text[at : at + 2]
    return opener if opener in CLOSERS else ""


def _find(state: StateInline, closer: str, start: int) -> int:
    """Return where the closer is, or -1; what there is no more of is not looked for again."""
    text, absent = state.env.get("absent", ("", set()))
    if text is not state.src:
        absent = set()
        state.env["absent"] = (state.src, absent)
    if closer in absent:
        return -1
    end = state.src.find(closer, start)
    while end > 0 and closer.startswith("$") and state.src[end - 1] == "\\":
        end = state.src.find(closer, end + 1)
    if end < 0:
        absent.add(closer)
    return end


def _fits(text: str, opener: str, at: int, end: int) -> bool:
    """Return whether this is no price: within dollars there is no space at the edges, outside there is no digit."""
    if opener.startswith("\\"):
        return not _PROSE.fullmatch(text, at + 2, end)
    if opener == "$$":
        return True
    inside, outside = text[at + 1] + text[end - 1], text[max(0, at - 1) : at] + text[end + 1 : end + 2]
    return not (
        any(character.isspace() for character in inside)
        or any(character in "0123456789" for character in outside)
        or _PRICE.match(text, at + 1, min(end, at + 40))
    )


def _block(state: StateBlock, first: int, last: int, silent: bool) -> bool:  # noqa: FBT001 - as markdown-it calls it
    """Read a formula on lines of its own; one that a blank line, or the end, breaks off is a paragraph."""
    head = _line(state, first)
    opener = next((mark for mark in ("$$", r"\[") if head.startswith(mark)), "")
    if not opener or state.sCount[first] - state.blkIndent > 3:  # noqa: PLR2004 - indented code
        return False
    text, closer = head[2:].rstrip(" \t"), CLOSERS[opener]
    end = text.find(closer)
    if end >= 0 and not _is_whole(text, end):
        return False
    if end < 0 and closer == r"\]" and text and not text[0].isspace():
        return False  # an escaped bracket, perhaps
    if silent:
        return True
    if end >= 0:
        _push(state, opener, text[:end], first, first + 1)
    else:
        _read_lines(state, opener, text, first, last)
    return True


def _is_whole(text: str, end: int) -> bool:
    return 0 < end == len(text) - 2 and not _PROSE.fullmatch(text, 0, end)


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]]


def _read_lines(state: StateBlock, opener: str, text: str, first: int, last: int) -> None:
    lines = [text]
    for number in range(first + 1, last):
        line = _line(state, number)
        if not line.strip() or state.sCount[number] < state.blkIndent:
            break
        end = _last_line(line, CLOSERS[opener])
        lines.append(line if end is None else end)
        if end is not None:
            _push(state, opener, "\n".join(lines), first, number + 1)
            return
    _push_paragraph(state, "\n".join([opener + lines[0], *lines[1:]]), first, first + len(lines))


def _last_line(line: str, closer: str) -> str | None:
    """Return what a line adds to a formula that it closes, punctuation behind it included, or None."""
    text = line.rstrip(" \t")
    mark = text[-1] if text.endswith((".", ",", ";", ":")) else ""
    before = text.removesuffix(mark)
    return before[:-2] + mark if before.endswith(closer) else None


def _push(state: StateBlock, opener: str, tex: str, first: int, after: int) -> None:
    token = state.push("formula_block", "p", 0)
    token.block, token.content, token.markup, token.map = True, tex, opener, [first, after]
    state.line = after


def _push_paragraph(state: StateBlock, text: str, first: int, after: int) -> None:
    state.push("paragraph_open", "p", 1).map = [first, after]
    token = state.push("inline", "", 0)
    token.content, token.map, token.children = text.rstrip(), [first, after], []
    state.push("paragraph_close", "p", -1)
    state.line = after
