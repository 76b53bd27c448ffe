"""What is a formula and what is a link is the same in the widget: js/tests/both-sides.test.ts reads the same file."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from markdown_it.token import Token

from cyllama_jupyter.notebook import static_html

FILE = Path(__file__).parents[2] / "js" / "tests" / "both-sides.json"
EXAMPLES: list[dict[str, Any]] = json.loads(FILE.read_text())
DISPLAY = {"$$", r"\["}


def leaves(tokens: Iterable[Token]) -> Iterator[Token]:
    for token in tokens:
        yield from leaves(token.children) if token.children else [token]


def as_a_browser_has_it(address: str) -> str:
    """Return the address with its scheme and host in small letters."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.lower()).geturl()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["markdown"])
def test_formulas_and_links_are_those_of_the_widget(example: dict[str, Any]) -> None:
    tokens = list(leaves(static_html._PARSER.parse(example["markdown"])))
    formulas = [
        [token.content.strip(), token.markup in DISPLAY] for token in tokens if token.type.startswith("formula")
    ]
    links = [as_a_browser_has_it(str(token.attrGet("href"))) for token in tokens if token.type == "link_open"]
    assert (formulas, links) == (example["formulas"], example["links"])
