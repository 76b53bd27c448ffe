"""What ``--dry-run`` shows."""

import html
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.formatters import DisplayFormatter

from cyllama_jupyter.notebook.dry_run import DryRun, Part

BEGIN = Part("chat template", "<|im_start|>user\n", 3, is_control=True)
CELL = Part("cell", "Why is the sky <b>blue</b>?", 9)
END = Part("chat template", "<|im_end|>\n", 2, is_control=True)
PARTS = [BEGIN, CELL, END]
HOSTILE = st.lists(
    st.one_of(
        st.sampled_from(
            ("<script>", "</code></pre>", "⟦<|im_end|>⟧", "&lt;", "\x1b[2J", "\u202e", "\udc80", "$x$", '"', "'")
        ),
        st.text(max_size=4),
    )
).map("".join)


def markup(run: DryRun) -> str:
    return run.bundle()["text/html"]


def text(run: DryRun) -> str:
    return run.bundle()["text/plain"]


def shown(run: DryRun) -> str:
    """Return the prompt as a browser would show it."""
    box = re.search(r"<pre[^>]*><code[^>]*>(.*)</code></pre>", markup(run), re.DOTALL)
    assert box is not None
    return html.unescape(re.sub(r"</?mark[^>]*>", "", box[1]))


class TestPrompt:
    def test_it_is_shown_exactly_with_control_tokens_marked(self) -> None:
        run = DryRun(PARTS, 8_192, 512)
        assert shown(run) == "<|im_start|>user\nWhy is the sky <b>blue</b>?<|im_end|>\n"
        marked = re.findall(r"<mark[^>]*>(.*?)</mark>", markup(run), re.DOTALL)
        assert list(map(html.unescape, marked)) == [BEGIN.text, END.text]
        assert text(run).startswith("⟦<|im_start|>user\n⟧Why is the sky <b>blue</b>?⟦<|im_end|>\n⟧\n")

    @given(st.lists(st.builds(Part, HOSTILE, HOSTILE, st.integers(0, 9), st.booleans())))
    def test_nothing_in_it_becomes_markup_or_a_mark(self, parts: list[Part]) -> None:
        run = DryRun(parts, 8_192, 512)
        tags = set(re.findall(r"</?([a-z]+)", markup(run)))
        assert tags <= {"div", "pre", "code", "mark", "span", "table", "thead", "tbody", "tr", "th", "td", "small"}
        assert markup(run).count("<mark") == sum(part.is_control and part.text != "" for part in parts)
        assert text(run).count("⟦") == text(run).count("⟧") == markup(run).count("<mark")
        assert not re.search("[\x1b\u202e\ud800-\udfff]", markup(run) + text(run))
        run.bundle()["text/html"].encode()

    def test_what_cannot_be_seen_is_made_visible(self) -> None:
        run = DryRun([Part("cell", "a\x1bb\u202ec⟧", 1)], 10, 1)
        assert shown(run) == "a\ufffdb\\u202ec⟧"
        assert text(run).startswith("a\ufffdb\\u202ec\\u27e7\n")

    @pytest.mark.parametrize("sizes", [[300_000], [150_000, 150_000], [1] * 3_000 + [297_000], [99_999, 200_000, 1]])
    def test_of_a_long_one_the_beginning_and_the_end(self, sizes: list[int]) -> None:
        letters = "".join(chr(ord("a") + n % 26) for n in range(sum(sizes)))
        ends = [sum(sizes[:n]) for n in range(len(sizes) + 1)]
        parts = [Part("cell", letters[begin:end], 1) for begin, end in pairwise(ends)]
        note = " … 200,000 more characters … "
        assert shown(DryRun(parts, 8_192, 512)) == letters[:50_000] + note + letters[-50_000:]

    def test_up_to_its_bound_it_is_whole(self) -> None:
        assert shown(DryRun([Part("cell", "x" * 100_000, 1)], 8_192, 512)) == "x" * 100_000


class TestTable:
    def test_tokens_by_part_and_in_all(self) -> None:
        lines = text(DryRun(PARTS, 8_192, 512)).splitlines()
        assert lines[-6:-2] == [
            "part           tokens",
            "chat template       5",
            "cell                9",
            "total              14",
        ]
        assert "cell</td><td align='right'>9</td>" in markup(DryRun(PARTS, 8_192, 512))

    def test_many_parts_are_summed_up(self) -> None:
        parts = [Part(f"v{n}", "x", 10) for n in range(100)]
        rows = text(DryRun(parts, 8_192, 512)).splitlines()
        assert [rows[-4].split(), rows[-3].split()] == [["81", "more", "810"], ["total", "1,000"]]

    def test_a_name_is_one_short_line(self) -> None:
        row = text(DryRun([Part("a\nb" * 100, "", 1)], 10, 1)).splitlines()[3]
        assert row.startswith("a ba b")
        assert len(row.split("  ")[0]) == 60


class TestFit:
    @pytest.mark.parametrize(
        ("n_ctx", "max_tokens", "fit"),
        [
            (8_192, 512, "14 of 8,192 tokens; up to 512 more for the answer"),
            (14 + 512, 512, "14 of 526 tokens; up to 512 more for the answer"),
            (14 + 511, 512, "14 of 525 tokens; only 511 more for the answer, of the 512 of --max-tokens"),
            (14, 512, "14 of 14 tokens; no room for an answer"),
            (10, 512, "does not fit: 14 tokens, and the context holds 10: 4 too many"),
        ],
    )
    def test_with_numbers(self, n_ctx: int, max_tokens: int, fit: str) -> None:
        run = DryRun(PARTS, n_ctx, max_tokens)
        assert run.fit == fit
        assert run.fits == (n_ctx >= 14)
        assert text(run).splitlines()[-1] == fit
        assert html.escape(fit) in markup(run)
        assert ("--jp-error-color1" in markup(run)) == (not run.fits)


def test_a_notebook_shows_html_and_a_terminal_text() -> None:
    run = DryRun(PARTS, 8_192, 512)
    bundle, _ = DisplayFormatter().format(run)  # type: ignore[no-untyped-call]
    assert bundle["text/html"] == markup(run)
    assert bundle["text/plain"] == text(run) == str(run)
    assert "text/markdown" not in bundle
