"""The links between README and docs lead somewhere on GitHub; that they do on the site too is Sphinx's to check."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.docs.blocks import PAGES, name_of


def inline_of(page: Path) -> Iterator[Token]:
    for token in MarkdownIt().enable("table").parse(page.read_text(encoding="utf-8")):
        yield from token.children or []


def links_of(page: Path) -> list[str]:
    """Return where a page's links and pictures lead, within the repository."""
    found = [str(token.attrGet("href") or token.attrGet("src") or "") for token in inline_of(page)]
    return [target for target in found if target and not re.match(r"\w+:", target)]


def anchors_of(page: Path) -> set[str]:
    """Return the anchors that GitHub gives a page's headings."""
    tokens = MarkdownIt().parse(page.read_text(encoding="utf-8"))
    headings = [after.content for token, after in pairwise(tokens) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


LINKS = [(page, target) for page in PAGES for target in links_of(page)]


@pytest.mark.parametrize(("page", "target"), LINKS, ids=[f"{name_of(page)} {target}" for page, target in LINKS])
def test_a_link_leads_somewhere(page: Path, target: str) -> None:
    path, _, anchor = target.partition("#")
    there = (page.parent / path).resolve() if path else page
    assert there.is_file()
    if anchor:
        assert anchor in anchors_of(there)
