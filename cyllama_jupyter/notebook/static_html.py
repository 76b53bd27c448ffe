"""Model-written Markdown to inert HTML: nothing in it runs, is fetched, or reaches outside its box.

What a model writes is hostile, and Jupyter runs what is in a fresh output. Three gates:

1. markdown-it-py reads CommonMark, tables, strikethrough, tasks, formulas and bare links. To it raw HTML is text and an
   image is a link. It knows no link definitions: the widget, whose place this takes, cannot know them while it streams.
2. A link needs one of three schemes. Relative ones would point into the notebook server, so they stay text.
3. nh3 keeps a short list of tags and attributes, whatever came before.

Formulas are handed on between their delimiters, for MathJax to typeset; every other dollar and backslash stands in a
``span`` of its own, so that "$5 and $10" is not taken for a formula.

What cannot be rendered in reasonable time or depth is shown as it was written, in a ``pre``: see ``to_html``.
"""

import html
import logging
import re
from collections.abc import MutableMapping, Sequence
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererProtocol
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from cyllama_jupyter.notebook.bare_links import bare_links_plugin
from cyllama_jupyter.notebook.formulas import CLOSERS, formulas_plugin
from cyllama_jupyter.notebook.task_lists import task_lists_plugin

__all__ = ["plain", "to_html", "verbatim"]

_SCHEMES = {"http", "https", "mailto"}
_LINKS = ("http://", "https://", "mailto:")  # with slashes: `http:x` is relative to a page that came over http
_TAGS = {
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "br", "hr", "blockquote", "pre", "ul", "ol", "li"),
    *("a", "code", "em", "strong", "s", "span", "table", "thead", "tbody", "tr", "th", "td"),
}
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
_ALIGN = {"align": {"left", "center", "right"}}

_MAX_CHARACTERS = 100_000  # the parser reads some 50 kB of its worst input a second
_MAX_NESTING = 40  # what is deeper is dropped by markdown-it, without a word
_MAX_BRACKETS = 10_000  # from each the parser looks for its end
_MAX_CELLS = 50_000  # a short row is filled up to the widest, by the parser

_DELIMITER = re.compile(r"[$\\]")  # what MathJax looks for

_logger = logging.getLogger(__name__)


class _CannotRender(Exception):
    """This text is better shown as it was written."""


class _Markdown(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: N802 - the name that markdown-it calls
        return url.lower().startswith(_LINKS)


def plain(text: str) -> str:
    """Return the text as HTML that no front end takes for a formula.

    Args:
        text: Any text.
    """
    return _DELIMITER.sub(r"<span>\g<0></span>", html.escape(text))


_Env = MutableMapping[str, Any]


def _render_text(_: RendererProtocol, tokens: Sequence[Token], index: int, __: OptionsDict, ___: _Env) -> str:
    return plain(tokens[index].content)


def _render_image(_: RendererProtocol, tokens: Sequence[Token], index: int, __: OptionsDict, ___: _Env) -> str:
    source = html.escape(str(tokens[index].attrGet("src") or ""))
    if not source:
        return f"![{plain(tokens[index].content)}]()"
    return f'<a href="{source}">{plain(tokens[index].content or "image")}</a>'


def _render_link_open(_: RendererProtocol, tokens: Sequence[Token], index: int, __: OptionsDict, ___: _Env) -> str:
    """Return the tag of a link, or its bracket where it leads nowhere: to a browser that is the page itself."""
    attributes = "".join(f' {name}="{html.escape(str(value))}"' for name, value in tokens[index].attrs.items())
    return f"<a{attributes}>" if tokens[index].attrs.get("href") else "["


def _render_link_close(_: RendererProtocol, tokens: Sequence[Token], index: int, __: OptionsDict, ___: _Env) -> str:
    opening = next(at for at in range(index, -1, -1) if tokens[at].type == "link_open")  # links do not nest
    return "</a>" if tokens[opening].attrs.get("href") else "]()"


def _render_cell(_: RendererProtocol, tokens: Sequence[Token], index: int, __: OptionsDict, ___: _Env) -> str:
    align = str(tokens[index].attrGet("style") or "").removeprefix("text-align:")
    return f'<{tokens[index].tag} align="{html.escape(align)}">' if align else f"<{tokens[index].tag}>"


def _render_formula(_: RendererProtocol, tokens: Sequence[Token], index: int, __: OptionsDict, ___: _Env) -> str:
    token = tokens[index]
    return f"<{token.tag}>{token.markup}{html.escape(token.content)}{CLOSERS[token.markup]}</{token.tag}>"


def _parser() -> MarkdownIt:
    options = {"html": False, "linkify": False, "breaks": True, "maxNesting": _MAX_NESTING}
    parser = _Markdown("commonmark", options).enable(["table", "strikethrough"]).disable("reference")
    formulas_plugin(parser)
    bare_links_plugin(parser)
    task_lists_plugin(parser)
    parser.add_render_rule("text", _render_text)
    parser.add_render_rule("image", _render_image)
    parser.add_render_rule("link_open", _render_link_open)
    parser.add_render_rule("link_close", _render_link_close)
    for name in ("th_open", "td_open"):
        parser.add_render_rule(name, _render_cell)
    for name in ("formula", "formula_block"):
        parser.add_render_rule(name, _render_formula)
    return parser


_PARSER = _parser()


def _render(markdown: str) -> str:
    if len(markdown) > _MAX_CHARACTERS:
        raise _CannotRender("too long")
    if markdown.count("[") > _MAX_BRACKETS:
        raise _CannotRender("too many brackets")
    lines = markdown.splitlines()
    if max((line.count("|") for line in lines), default=0) * len(lines) > _MAX_CELLS:
        raise _CannotRender("a table too large")
    tokens = _PARSER.parse(markdown)
    if any(token.level >= _MAX_NESTING - 1 for token in tokens):
        raise _CannotRender("nested too deeply")
    return str(_PARSER.renderer.render(tokens, _PARSER.options, {}))


def verbatim(text: str) -> str:
    """Return the text as HTML that shows it as it was written.

    Args:
        text: Any text.
    """
    return f"<pre>{html.escape(text)}</pre>"


def to_html(markdown: str) -> str:
    """Return Markdown as HTML that is safe to show in a trusted notebook.

    An answer is worth more than its formatting, so these are shown as they were written, in a ``pre``: more than
    100,000 characters; nesting deeper than 38 levels (markdown-it would drop what is inside); what could be a table of
    more than 50,000 cells; and whatever the parser fails on (RecursionError and the like). The reason goes to the log
    at DEBUG.

    Args:
        markdown: Text that a model wrote.
    """
    try:
        rendered = _render(markdown)
    except _CannotRender as reason:
        _logger.debug("shown as it was written: %s", reason)
        return verbatim(markdown)
    except Exception:  # a bug in the parser must not cost the user the answer
        _logger.debug("shown as it was written: the parser failed", exc_info=True)
        return verbatim(markdown)
    return nh3.clean(
        rendered,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        tag_attribute_values={"td": _ALIGN, "th": _ALIGN},
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer",
    )
