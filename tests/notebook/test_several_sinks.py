"""Several answers where there are no widgets, and what their grid looks like."""

import json
import math
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.displaypub import DisplayPublisher

from cyllama_jupyter.notebook.sinks import (
    Column,
    Columns,
    Ending,
    HeadlessColumns,
    HtmlColumns,
    Outcome,
    Running,
    Status,
    TerminalColumns,
)
from cyllama_jupyter.notebook.sinks.grid import final_grid, live_grid, tracks
from cyllama_jupyter.notebook.sinks.look import TAIL, final
from tests.notebook.fakes import RecordingPublisher

CORPUS = Path(__file__).parents[2] / "js" / "tests" / "xss-corpus.json"
WRITING = Status("decode", "writing · 1 token")
ONE = Ending("# One\n\nthe **first**", ("3 tokens",), ("41 tokens/s",))
TWO = Ending("the second", ("stopped after 2 tokens",), ("1 s",), Outcome.STOPPED)
SILENT = Ending("", ("failed: DecodeError",), outcome=Outcome.FAILED, raised=True)
ESCAPES = "\x1b]0;title\x07 \x1b[2J \x9b31m \x00 \r \x7f"
HARMLESS = {
    "b",
    "details",
    "div",
    "small",
    "summary",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "p",
    "br",
    "hr",
    "blockquote",
}
HARMLESS |= {"pre", "ul", "ol", "li", "a", "code", "em", "strong", "s", "span", "table", "thead", "tbody", "tr", "th"}
HARMLESS |= {"td"}


class Shape(HTMLParser):
    """Counts the cells of a grid, and fails on what is not harmless or leaves its cell."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.cells = 0
        self.captions: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in HARMLESS
        for name, value in attrs:
            assert name in {"style", "dir", "href", "title", "rel", "start", "align"}
            assert name != "href" or (value or "").lower().startswith(("http://", "https://", "mailto:"))
        self.cells += self._open == ["div"]
        if tag not in ("br", "hr"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        assert self._open, "it stands beside the grid"
        if self._open[-1] == "b":
            self.captions.append(data)


def publisher() -> tuple[DisplayPublisher, RecordingPublisher]:
    recording = RecordingPublisher()
    return cast("DisplayPublisher", recording), recording


class TestGrid:
    @pytest.mark.parametrize("count", range(1, 9))
    def test_a_cell_and_a_caption_for_each(self, count: int) -> None:
        for bundle in (final_grid([ONE] * count), live_grid([Running(WRITING, "x")] * count)):
            shape = Shape(bundle["text/html"])
            assert shape.cells == count
            assert shape.captions == [f"{place} of {count}" for place in range(1, count + 1)]

    def test_the_final_one_is_html_and_plain_text_and_never_markdown(self) -> None:
        bundle = final_grid([ONE, TWO])
        assert set(bundle) == {"text/html", "text/plain"}
        assert "<h1>One</h1>" in bundle["text/html"]
        assert "3 tokens · 41 tokens/s" in bundle["text/html"]
        assert "stopped after 2 tokens · 1 s" in bundle["text/html"]
        assert bundle["text/plain"] == f"── 1 of 2 ──\n{ONE.text}\n\n── 2 of 2 ──\nthe second"

    def test_each_answer_has_the_colour_of_its_outcome(self) -> None:
        html = final_grid([ONE, TWO])["text/html"]
        for each in (ONE, TWO):
            assert final(each)["text/html"].split("padding")[0] in html

    def test_who_has_ended_keeps_its_colour_and_facts_beside_those_who_write(self) -> None:
        bundle = live_grid([TWO, Running(WRITING, "*so far*")])
        assert "stopped after 2 tokens · 1 s" in bundle["text/html"]
        assert "--jp-warn-color1" in bundle["text/html"]
        assert "*so far*" in bundle["text/html"]
        assert bundle["text/plain"] == "1 of 2: stopped after 2 tokens · 1 s\n2 of 2: writing · 1 token"

    @given(st.lists(st.text() | st.sampled_from(["</div>", "</div></div>", "<b>", "</b>", "```\n</div>"]), min_size=1))
    def test_no_text_leaves_its_cell(self, texts: list[str]) -> None:
        assert Shape(final_grid([Ending(text, (text,)) for text in texts])["text/html"]).cells == len(texts)
        running: list[Column] = [Running(Status("decode", text), text) for text in texts]
        assert Shape(live_grid(running)["text/html"]).cells == len(texts)
        assert Shape(live_grid([Ending(text, (text,)) for text in texts])["text/html"]).cells == len(texts)

    def test_what_is_hostile_is_harmless_in_every_cell(self) -> None:
        for entry in json.loads(CORPUS.read_text()):
            hostile = entry["markdown"].encode(errors="replace").decode()  # as every text of an engine is
            assert Shape(final_grid([ONE, Ending(hostile), TWO])["text/html"]).cells == 3
            assert Shape(live_grid([ONE, Running(WRITING, hostile), Ending(hostile)])["text/html"]).cells == 3

    def test_no_escape_sequence_reaches_a_front_end(self) -> None:
        bundles = [final_grid([Ending(ESCAPES, (ESCAPES,))]), live_grid([Running(Status("decode", ESCAPES), ESCAPES)])]
        for bundle in [*bundles, live_grid([Ending(ESCAPES, (ESCAPES,))])]:
            for form in bundle.values():
                assert not set(form) & set("\x1b\x07\x9b\x00\r\x7f")

    @pytest.mark.parametrize("count", [1, 4, 8])
    def test_a_repaint_is_as_small_as_that_of_one(self, count: int) -> None:
        long = "a" * 100_000
        columns: list[Column] = [Running(WRITING, long), *[Ending(long)] * (count - 1)]
        assert live_grid(columns)["text/html"].count("aaa") <= TAIL / 3

    def test_the_caption_does_not_decide_how_an_answer_is_aligned(self) -> None:
        html = final_grid([Ending("مرحبا"), ONE])["text/html"]
        assert '<div dir="auto"' in html.partition("1 of 2")[0]
        assert '<div dir="ltr"' in html.partition("1 of 2")[0].rpartition('<div dir="auto"')[2]


@pytest.mark.parametrize(("count", "steps"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 3), (7, 3), (8, 3), (20, 3)])
def test_there_is_a_step_for_each_number_of_columns(count: int, steps: int) -> None:
    css = tracks(count)
    assert css.startswith("repeat(auto-fit, minmax(")
    assert css.count("clamp(") == steps - 1
    assert css.count("(") == css.count(")")


class TestHtml:
    def test_one_display_repainted_and_static_in_the_end(self) -> None:
        pub, seen = publisher()
        sink = HtmlColumns(pub, 2, "stop it with ■")
        sink.update(Status("loading", "loading", 0.5))
        sink.update_each([Running(WRITING, "the"), Running(WRITING)])
        sink.update_each([ONE, Running(WRITING, "the")])
        sink.finish_each([ONE, TWO])
        assert [item.update for item in seen.published] == [False, True, True, True]
        assert len({item.transient["display_id"] for item in seen.published}) == 1
        assert all("stop it with ■" in item.data["text/html"] for item in seen.published[:3])
        assert seen.published[-1].data == final_grid([ONE, TWO])

    def test_where_there_are_no_answers_one_ending_stands_for_all(self) -> None:
        pub, seen = publisher()
        sink = HtmlColumns(pub, 2)
        sink.update(Status("loading", "loading", 0.5))
        sink.finish(TWO)
        assert seen.published[-1].data == final(TWO)


class TestHeadless:
    def test_one_plain_display_without_timings(self) -> None:
        pub, seen = publisher()
        sink = HeadlessColumns(pub, 2)
        sink.update(WRITING)
        sink.update_each([ONE, Running(WRITING)])
        sink.finish_each([ONE, TWO])
        assert [(item.update, item.transient) for item in seen.published] == [(False, None)]
        assert seen.published[0].data == final_grid([ONE, TWO], timings=False)
        assert "tokens/s" not in json.dumps(seen.published[0].data)

    def test_never_paints(self) -> None:
        assert HeadlessColumns.interval == math.inf

    def test_where_all_fail_without_a_text_it_is_left_to_the_error(self) -> None:
        pub, seen = publisher()
        HeadlessColumns(pub, 2).finish_each([SILENT, SILENT])
        assert seen.published == []
        HeadlessColumns(pub, 2).finish_each([SILENT, ONE])
        assert "failed: DecodeError" in seen.published[0].data["text/html"]


class TestTerminal:
    def test_one_after_the_other_the_first_as_it_comes(self, capsys: pytest.CaptureFixture[str]) -> None:
        sink = TerminalColumns(3)
        sink.update(Status("loading", "loading"))
        sink.update_each([Running(WRITING, "the fi"), Running(WRITING, "the se"), Running(WRITING)])
        assert capsys.readouterr() == ("── 1 of 3 ──\nthe fi", "")
        sink.update_each([Ending("the first", ("3 tokens",)), Running(WRITING, "the sec"), Ending("the third", ("x",))])
        assert capsys.readouterr() == ("rst\n\n── 2 of 3 ──\nthe sec", "3 tokens\n")
        sink.finish_each([Ending("the first", ("3 tokens",)), TWO, Ending("the third", ("x",))])
        assert capsys.readouterr() == ("ond\n\n── 3 of 3 ──\nthe third\n", "stopped after 2 tokens · 1 s\nx\n")

    def test_finished_twice_each_text_stands_once(self, capsys: pytest.CaptureFixture[str]) -> None:
        sink = TerminalColumns(2)
        for _ in range(2):
            sink.finish_each([ONE, TWO])
        out = capsys.readouterr().out
        assert (out.count("the **first**"), out.count("the second")) == (1, 1)

    def test_a_status_is_written_over(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        sink = TerminalColumns(2)
        sink.update(Status("loading", "loading"))
        capsys.readouterr()
        sink.update_each([Running(WRITING, "a"), Running(WRITING, "b")])
        out, err = capsys.readouterr()
        assert (out, err) == ("── 1 of 2 ──\na", "\r\x1b[K")

    def test_no_escape_sequence_reaches_the_terminal(self, capsys: pytest.CaptureFixture[str]) -> None:
        sink = TerminalColumns(1)
        sink.finish_each([Ending(ESCAPES, (ESCAPES,))])
        assert not set("".join(capsys.readouterr())) & set("\x1b\x07\x9b\x00\r\x7f")


@pytest.mark.parametrize(
    "sink", [HtmlColumns(publisher()[0], 3), HeadlessColumns(publisher()[0], 3), TerminalColumns(3)], ids=repr
)
def test_nobody_can_ask_to_stop_where_there_are_no_buttons(sink: Columns) -> None:
    assert not sink.poll()
    assert list(sink.poll_each()) == [False] * 3
