"""The code blocks of README and docs: where each stands, what it is, and what it says that it prints.

A python block of a page that has a ``%load_ext`` is a cell: a page's cells run from top to bottom in one kernel. Any
other is a script, which runs alone. Behind ``python`` a block may say ``script`` or ``cell`` where that is not what it
is. A text block that follows a python block at once is its output.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

__all__ = ["PAGES", "ROOT", "Block", "blocks_of", "cells_of", "code_under", "name_of", "scripts_of"]

ROOT = Path(__file__).parents[2]
PAGES = (*(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "CHANGELOG")), *sorted(ROOT.glob("docs/*.md")))

_END = Token("end", "", 0)


@dataclass(frozen=True)
class Block:
    """One code block.

    Args:
        page: Where it stands.
        line: The line of its fence, from 1.
        heading: The heading above it.
        language: The first word behind the fence; nothing where there is none.
        kind: The second.
        code: What stands in it.
        output: The text block right below it.
    """

    page: Path
    line: int
    heading: str
    language: str
    kind: str
    code: str
    output: str | None = None

    def __str__(self) -> str:
        """Return where it stands, as editors read it."""
        return f"{name_of(self.page)}:{self.line}"

    @property
    def loads_the_extension(self) -> bool:
        """Whether the page is a notebook from here on."""
        return self.language == "python" and self.code.startswith("%load_ext cyllama_jupyter")


def name_of(page: Path) -> str:
    """Return a page's path in the repository."""
    return page.relative_to(ROOT).as_posix()


@cache
def blocks_of(page: Path) -> tuple[Block, ...]:
    """Return a page's code blocks in their order."""
    return tuple(_read(page, MarkdownIt().parse(page.read_text(encoding="utf-8"))))


def _read(page: Path, tokens: list[Token]) -> Iterator[Block]:
    heading = ""
    for token, below in pairwise([*tokens, _END]):
        if token.type == "heading_open":
            heading = below.content
        if token.type in ("fence", "code_block"):
            assert token.map is not None
            language, kind = (*token.info.split(maxsplit=1), "", "")[:2]
            is_output = language == "python" and (below.type, below.info.strip()) == ("fence", "text")
            output = below.content if is_output else None
            yield Block(page, token.map[0] + 1, heading, language, kind, token.content, output)


def cells_of(page: Path) -> tuple[Block, ...]:
    """Return the cells of a page's notebook; none where it is no notebook."""
    return tuple(block for block in blocks_of(page) if block.language == "python" and _is_cell(block))


def scripts_of(page: Path) -> tuple[Block, ...]:
    """Return the python blocks of a page that run alone."""
    return tuple(block for block in blocks_of(page) if block.language == "python" and not _is_cell(block))


def _is_cell(block: Block) -> bool:
    in_a_notebook = any(other.loads_the_extension for other in blocks_of(block.page))
    return block.kind == "cell" or (in_a_notebook and not block.kind)


def code_under(page: Path, heading: str) -> str:
    """Return the first python block under a heading; nothing where there is none."""
    found = (block.code for block in blocks_of(page) if (block.heading, block.language) == (heading, "python"))
    return next(found, "")
