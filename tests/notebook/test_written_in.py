"""Everything that reaches a sink says what its text is written in."""

from collections.abc import Sequence
from typing import cast

import pytest
from IPython.core.interactiveshell import InteractiveShell

from cyllama_jupyter import AnswerError
from cyllama_jupyter.notebook import magics
from cyllama_jupyter.notebook.form import Form
from cyllama_jupyter.notebook.forms import FORMS
from cyllama_jupyter.notebook.sinks import (
    Column,
    Columns,
    ColumnsWrittenIn,
    Ending,
    Running,
    SinkWrittenIn,
    Status,
)
from cyllama_jupyter.testing import FakeLLM
from tests.notebook.fakes import RecordingSink, RunCell, Use

ROWS = '[{"name": "*Mars*"}]'


class RecordingColumns(RecordingSink):
    """Notes what it was told of each answer."""

    def __init__(self) -> None:
        super().__init__()
        self.columns: list[Column] = []

    def update_each(self, columns: Sequence[Column]) -> None:
        self.columns += columns

    def poll_each(self) -> Sequence[bool]:
        return [True, False]

    def finish_each(self, endings: Sequence[Ending]) -> None:
        self.endings += endings


def test_of_one_answer() -> None:
    inner = RecordingSink(interval=0.25, stop=lambda polls: polls == 2)
    sink = SinkWrittenIn(inner, "json")
    sink.update(Status("decode", "writing", 0.5), "{")
    sink.finish(Ending("{}", ("2 tokens",)))
    assert inner.updates == [(Status("decode", "writing", 0.5, "json"), "{")]
    assert inner.endings == [Ending("{}", ("2 tokens",), language="json")]
    assert (sink.interval, sink.poll(), sink.poll()) == (0.25, False, True)


def test_of_several() -> None:
    inner = RecordingColumns()
    sink = ColumnsWrittenIn(cast("Columns", inner), "text")
    sink.update_each([Running(Status("decode", "writing"), "1"), Ending("12")])
    sink.finish_each([Ending("1"), Ending("12")])
    assert inner.columns == [Running(Status("decode", "writing", language="text"), "1"), Ending("12", language="text")]
    assert inner.endings == [Ending("1", language="text"), Ending("12", language="text")]
    assert sink.poll_each() == [True, False]


def test_every_form_that_has_a_grammar_is_no_markdown() -> None:
    forms: list[Form] = [make() for make in FORMS.values()]
    assert all((form.language == "markdown") is (form.grammar is None) for form in forms)


@pytest.mark.parametrize("line", ["%%llm --as json", "%%llm --as json --n 2"])
def test_what_a_cell_showed_is_shown_again_alike(cell: RunCell, shell: InteractiveShell, use: Use, line: str) -> None:
    with FakeLLM(ROWS) as llm:
        use(llm)
        assert cell(f"{line}\nDescribe Mars.").success
    answers = magics._registered[shell]._session.last
    assert {(answer.ending.text, answer.ending.language) for answer in answers} == {(ROWS, "json")}


@pytest.mark.parametrize(
    ("line", "fact"),
    [("--as json", "the answer is not JSON: "), ("--as json --max-tokens 1", "1 token")],
    ids=["no object", "cut off"],
)
def test_why_there_is_no_object_is_said_once(
    cell: RunCell, shell: InteractiveShell, use: Use, line: str, fact: str
) -> None:
    with FakeLLM("*No*, sir.") as llm:
        use(llm)
        error = cell(f"%%llm {line}\nDescribe Mars.").error_in_exec
    assert isinstance(error, AnswerError)
    assert str(error).count("the answer is no") == 1
    [answer] = magics._registered[shell]._session.last
    assert answer.ending.facts[0].startswith(fact)
