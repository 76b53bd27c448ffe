"""How Sphinx makes the site out of these pages: `make docs`. Nothing is fetched, neither by the build nor by a page."""

from importlib.metadata import version as version_of

from IPython.lib.lexers import IPython3Lexer
from sphinx.application import Sphinx
from sphinx.highlighting import lexers

project = "cyllama_jupyter"
author = "the authors of cyllama_jupyter"
copyright = f"2026, {author}"  # noqa: A001 - Sphinx's name for it
version = release = version_of("cyllama-jupyter")

extensions = ["myst_parser"]
myst_heading_anchors = 3  # as GitHub makes them, so that `page.md#heading` works in both places

html_theme = "furo"
html_title = "cyllama_jupyter"
html_show_sourcelink = False
html_static_path = ["static"]
html_css_files = ["site.css"]

lexers["python"] = IPython3Lexer()  # which knows `%%llm` cells and everything of Python's own

_ELSEWHERE = {
    "](../README.md": "](index.md",
    "](../CONTRIBUTING.md": "](contributing.md",
    "](../CHANGELOG.md": "](changelog.md",
}
"""What lies outside docs/ on GitHub, and which page it is here."""


def _lead_to_pages(_: Sphinx, __: str, source: list[str]) -> None:
    for there, here in _ELSEWHERE.items():
        source[0] = source[0].replace(there, here)


def setup(app: Sphinx) -> None:
    """Register what is done to a page before it is read.

    Args:
        app: Sphinx.
    """
    app.connect("source-read", _lead_to_pages)
