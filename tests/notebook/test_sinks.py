"""What a cell's output shows, and where."""

import json
import math
import sys
from typing import cast

import pytest
from IPython.core.displaypub import DisplayPublisher

from cyllama_jupyter.notebook.printable import printable
from cyllama_jupyter.notebook.sinks import Ending, HeadlessSink, HtmlSink, Outcome, Sink, Status, TerminalSink
from cyllama_jupyter.notebook.sinks.look import final, live
from tests.notebook.fakes import RecordingPublisher

ENDING = Ending("# Hi\n\n**there**", ("3 tokens",), ("41 tokens/s", "0.9 s"))
FAILED = Ending("", ("failed: LoadError",), outcome=Outcome.FAILED, raised=True)
TOLD = Ending("", ("failed: LoadError: no memory",), outcome=Outcome.FAILED)
STARTING = Status("starting", "starting")
WRITING = Status("decode", "writing")
ESCAPES = "\x1b]0;title\x07 \x1b[2J \x9b31m \x00 \r \x7f"


def publisher() -> tuple[DisplayPublisher, RecordingPublisher]:
    recording = RecordingPublisher()
    return cast("DisplayPublisher", recording), recording


@pytest.mark.parametrize("sink", [HtmlSink(publisher()[0]), HeadlessSink(publisher()[0]), TerminalSink()], ids=repr)
def test_nobody_can_ask_to_stop_where_there_is_no_button(sink: Sink) -> None:
    assert not sink.poll()


class TestHtml:
    def test_one_display_repainted_and_static_in_the_end(self) -> None:
        pub, seen = publisher()
        sink = HtmlSink(pub)
        sink.update(STARTING)
        sink.update(WRITING, "# Hi")
        sink.finish(ENDING)
        assert [item.update for item in seen.published] == [False, True, True]
        assert len({item.transient["display_id"] for item in seen.published}) == 1
        assert seen.published[-1].data == final(ENDING)

    def test_every_sink_has_its_own_display(self) -> None:
        pub, seen = publisher()
        for _ in range(2):
            HtmlSink(pub).update(STARTING)
        assert len({item.transient["display_id"] for item in seen.published}) == 2

    def test_without_updates_it_is_a_plain_display(self) -> None:
        pub, seen = publisher()
        HtmlSink(pub).finish(ENDING)
        assert [(item.update, item.transient) for item in seen.published] == [(False, None)]

    def test_a_failure_takes_the_status_away_but_adds_nothing(self) -> None:
        pub, seen = publisher()
        HtmlSink(pub).finish(FAILED)
        assert seen.published == []
        sink = HtmlSink(pub)
        sink.update(STARTING)
        sink.finish(FAILED)
        assert "starting" not in json.dumps(seen.published[-1].data)

    def test_a_failure_that_no_error_follows_is_told(self) -> None:
        pub, seen = publisher()
        HtmlSink(pub).finish(TOLD)
        assert seen.published[0].data["text/plain"] == "failed: LoadError: no memory"


class TestHeadless:
    def test_one_plain_display_without_timings(self) -> None:
        pub, seen = publisher()
        sink = HeadlessSink(pub)
        sink.update(STARTING)
        sink.update(WRITING, "# Hi")
        sink.finish(ENDING)
        assert [(item.update, item.transient) for item in seen.published] == [(False, None)]
        assert "tokens/s" not in json.dumps(seen.published[0].data)
        assert "3 tokens" in seen.published[0].data["text/html"]

    def test_never_paints(self) -> None:
        assert HeadlessSink.interval == math.inf

    def test_a_failure_is_left_to_its_error(self) -> None:
        pub, seen = publisher()
        HeadlessSink(pub).finish(FAILED)
        assert seen.published == []

    def test_a_failure_keeps_what_there_is(self) -> None:
        pub, seen = publisher()
        HeadlessSink(pub).finish(Ending("half an ans", ("failed: DecodeError",), outcome=Outcome.FAILED))
        assert "half an ans" in seen.published[0].data["text/html"]


class TestLook:
    def test_final_is_html_and_plain_text_and_never_markdown(self) -> None:
        bundle = final(ENDING)
        assert set(bundle) == {"text/html", "text/plain"}
        assert bundle["text/plain"] == ENDING.text
        assert "<h1>Hi</h1>" in bundle["text/html"]
        assert "3 tokens · 41 tokens/s · 0.9 s" in bundle["text/html"]

    def test_no_scripts_no_classes_no_ids(self) -> None:
        for bundle in (final(ENDING), live(Status("prefill", "reading", 0.5), "<script>x</script> <b>y</b>")):
            for forbidden in ("<script", "<style", "class=", " id=", "<b>", "url("):
                assert forbidden not in bundle["text/html"]

    def test_without_an_answer_the_plain_text_says_why(self) -> None:
        assert (
            final(Ending("", ("stopped after 0 tokens",), outcome=Outcome.STOPPED))["text/plain"]
            == "stopped after 0 tokens"
        )

    def test_each_outcome_has_its_colour(self) -> None:
        assert len({final(Ending("x", outcome=outcome))["text/html"] for outcome in Outcome}) == len(Outcome)

    def test_live_shows_status_bar_and_text_as_text(self) -> None:
        bundle = live(Status("loading", "loading <model> · 42%", 0.42), "*not yet* Markdown")
        assert "loading &lt;model&gt; · 42%" in bundle["text/html"]
        assert "width: 42%" in bundle["text/html"]
        assert "*not yet* Markdown" in bundle["text/html"]
        assert bundle["text/plain"] == "loading <model> · 42%"

    @pytest.mark.parametrize(("fraction", "width"), [(-1.0, "0%"), (0.0, "0%"), (1.0, "100%"), (7.0, "100%")])
    def test_the_bar_stays_in_its_rail(self, fraction: float, width: str) -> None:
        assert f"width: {width};" in live(Status("prefill", "x", fraction), "")["text/html"]

    def test_a_long_text_is_painted_by_its_end(self) -> None:
        html = live(WRITING, "a" * 100_000 + "the end")["text/html"]
        assert html.count("a") < 10_000
        assert "…a" in html
        assert "the end" in html

    def test_no_escape_sequence_reaches_a_front_end(self) -> None:
        for bundle in (final(Ending(ESCAPES, (ESCAPES,))), live(Status("decode", ESCAPES), ESCAPES)):
            for form in bundle.values():
                assert not set(form) & set("\x1b\x07\x9b\x00\r\x7f")


class TestTerminal:
    def test_text_as_it_comes_and_the_facts_beside_it(self, capsys: pytest.CaptureFixture[str]) -> None:
        sink = TerminalSink()
        sink.update(Status("prefill", "reading"))
        sink.update(WRITING, "Hel")
        assert capsys.readouterr().out == "Hel"
        sink.update(WRITING, "Hello, wor")
        sink.finish(Ending("Hello, world", ("3 tokens",), ("1 s",)))
        out, err = capsys.readouterr()
        assert out == "lo, world\n"
        assert err == "3 tokens · 1 s\n"

    def test_status_on_a_line_of_its_own_where_stderr_is_a_terminal(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        sink = TerminalSink()
        sink.update(Status("prefill", "reading \x1b"))
        assert capsys.readouterr().err == "\r\x1b[K\x1b[2mreading \ufffd\x1b[0m"
        sink.update(WRITING, "a")
        sink.update(WRITING, "ab")
        assert capsys.readouterr().err == "\r\x1b[K"
        sink.finish(Ending("ab", ("2 tokens",)))
        assert capsys.readouterr().err == "\x1b[2m2 tokens\x1b[0m\n"

    def test_no_escape_sequence_reaches_the_terminal(self, capsys: pytest.CaptureFixture[str]) -> None:
        sink = TerminalSink()
        sink.update(WRITING, ESCAPES)
        sink.finish(Ending(ESCAPES, (ESCAPES,)))
        assert not set("".join(capsys.readouterr())) & set("\x1b\x07\x9b\x00\r\x7f")

    def test_finished_twice_the_text_stands_once(self, capsys: pytest.CaptureFixture[str]) -> None:
        sink = TerminalSink()
        sink.update(WRITING, "one two")
        sink.finish(Ending("one two three"))
        sink.finish(Ending("one two three"))
        assert capsys.readouterr().out.split() == ["one", "two", "three"]

    def test_a_failure_is_left_to_its_error(self, capsys: pytest.CaptureFixture[str]) -> None:
        TerminalSink().finish(FAILED)
        assert capsys.readouterr() == ("", "")

    def test_a_failure_that_no_error_follows_is_told(self, capsys: pytest.CaptureFixture[str]) -> None:
        TerminalSink().finish(TOLD)
        assert capsys.readouterr() == ("", "failed: LoadError: no memory\n")


def test_printable_keeps_what_people_write() -> None:
    text = "a\tb\nc ä 世界 👋🏽 \u200d é"
    assert printable(text) == text
    assert printable("\x1b[31m") == "\ufffd[31m"
