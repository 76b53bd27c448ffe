"""Answers that are objects read as what they are, whatever is in them."""

import html
import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyllama_jupyter.notebook.conversation import Conversation, Turn
from cyllama_jupyter.notebook.sinks import Ending, Language, Outcome, Status
from cyllama_jupyter.notebook.sinks.chat import shown as shown_chat
from cyllama_jupyter.notebook.sinks.look import final, live
from cyllama_jupyter.notebook.sinks.objects import indented, table

MARKS = '{"snake_case_name": "*not* `Markdown` $x$ <script>1</script>"}'
HALF = '{"snake_case_name": "*not*'
TAGS = {"div", "pre", "code", "span", "small", "table", "thead", "tbody", "tr", "th", "td"}
CELL = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
JSON = st.recursive(CELL, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
LANGUAGES: list[Language] = ["json", "table", "text"]


class Table(HTMLParser):
    """The texts of an HTML table's cells, in rows."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self.feed(source)

    def handle_starttag(self, tag: str, _: object) -> None:
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


def code(markup: str) -> str:
    """Return the text of the one code box."""
    [inner] = re.findall(r"<pre[^>]*><code[^>]*>(.*?)</code></pre>", markup, re.DOTALL)
    return html.unescape(inner)


class TestJson:
    def test_whole_it_stands_on_lines_of_its_own_and_half_of_it_as_it_is(self) -> None:
        bundle = final(Ending(MARKS, language="json"))
        assert code(bundle["text/html"]) == json.dumps(json.loads(MARKS), indent=2)
        assert bundle["text/plain"] == MARKS
        assert code(final(Ending(HALF, language="json", outcome=Outcome.STOPPED))["text/html"]) == HALF

    def test_while_it_is_written_it_is_code_too(self) -> None:
        assert code(live(Status("decode", "writing", language="json"), HALF)["text/html"]) == HALF

    @given(JSON)
    def test_the_lines_say_the_same(self, value: object) -> None:
        text = json.dumps(value)
        assert json.loads(indented(text)) == value

    def test_letters_stay_and_what_turns_text_around_is_spelled(self) -> None:
        assert (
            indented(r'["\u00fc\u65e5", "\u202eabc", "\u0007\u009b"]')
            == '[\n  "ü日",\n  "\\u202eabc",\n  "\\u0007\\u009b"\n]'
        )

    @pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', "[1e999]", "[NaN]", "[" * 100_000, "[1,", ""])
    def test_what_readers_differ_on_is_as_it_was_written(self, text: str) -> None:
        assert indented(text) == text

    def test_depth_does_not_multiply_its_length(self) -> None:
        text = "[" * 400 + ",".join(["1"] * 20_000) + "]" * 400
        assert indented(text) == text


class TestTable:
    ROWS = ({"city": "*Pune*", "$ $": "<b>$x$</b>", "n": 1.5}, {"city": "a_b_c", "n": None, "ok": True})

    def test_rows_under_the_names_of_all_columns(self) -> None:
        markup = final(Ending(json.dumps(self.ROWS), language="table"))["text/html"]
        expected = [["city", "$ $", "n", "ok"], ["*Pune*", "<b>$x$</b>", "1.5", ""], ["a_b_c", "", "", "true"]]
        assert Table(table(json.dumps(self.ROWS))).rows == expected
        assert "<pre" not in markup
        assert "$x$" not in markup, "a front end would make a formula of it"

    def test_numbers_stand_to_the_right(self) -> None:
        assert re.findall(r'<th style="text-align: (\w+)">', table(json.dumps(self.ROWS))) == [
            "left",
            "left",
            "right",
            "left",
        ]

    @given(st.lists(st.dictionaries(st.text(), CELL, max_size=4), max_size=4))
    def test_whatever_is_in_its_cells_is_text(self, rows: list[dict[str, object]]) -> None:
        markup = final(Ending(json.dumps(rows), language="table"))["text/html"]
        assert Table(markup).tags <= TAGS
        assert len({len(row) for row in Table(table(json.dumps(rows))).rows}) <= 1

    @pytest.mark.parametrize("text", ["[]", "[{}]", "[1]", '{"a": 1}', '[{"a": 1}, {"a"', "none"])
    def test_where_there_is_none_it_is_code(self, text: str) -> None:
        assert code(final(Ending(text, language="table"))["text/html"]) == indented(text)

    def test_one_that_grows_with_the_square_of_the_answer_is_code(self) -> None:
        assert table(json.dumps([{str(n): n} for n in range(1_000)])) == ""


class TestText:
    def test_it_is_as_it_was_written(self) -> None:
        for markup in (final(Ending(MARKS, language="text")), live(Status("decode", "", language="text"), MARKS)):
            assert code(markup["text/html"]) == MARKS

    @pytest.mark.parametrize("language", LANGUAGES)
    @given(st.text(min_size=1))
    def test_no_language_lets_markup_or_controls_through(self, language: Language, text: str) -> None:
        for bundle in (final(Ending(text, language=language)), live(Status("decode", "", language=language), text)):
            assert Table(bundle["text/html"]).tags <= TAGS
            assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", bundle["text/html"] + bundle["text/plain"])


def test_in_a_conversation_an_object_is_code_too() -> None:
    conversation = Conversation("tour", [Turn("user", "Describe it."), Turn("assistant", MARKS)])
    assert code(shown_chat(conversation)["text/html"].partition("Describe")[2]) == indented(MARKS)
