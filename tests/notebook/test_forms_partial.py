"""What stands for an answer that is not whole: nothing can be done with it by mistake."""

import copy
import math
import operator
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from cyllama_jupyter import AnswerError
from cyllama_jupyter.notebook.partial import Partial

REASON = "it was stopped"
MESSAGE = r"this answer is partial \(it was stopped\): read what there is in .text, or run the cell again"


@pytest.fixture
def partial() -> Any:  # noqa: ANN401 - a checker would stop its use before Python does
    return Partial('{"name": "Ada", "ag', "cancelled", REASON)


USES: dict[str, Callable[[Any], object]] = {
    "attribute": lambda it: it.name,
    "item": lambda it: it["name"],
    "set item": lambda it: operator.setitem(it, "name", 1),
    "set attribute": lambda it: setattr(it, "text", "x"),
    "delete attribute": lambda it: delattr(it, "text"),
    "length": len,
    "iteration": list,
    "unpacking": lambda it: [*it],
    "membership": lambda it: "name" in it,
    "sum": lambda it: it + 1,
    "sum with it": lambda it: 1 + it,
    "text with it": lambda it: "a" + it,
    "product": lambda it: it * 2,
    "negation": operator.neg,
    "comparison": lambda it: it < 3,
    "comparison with it": lambda it: 3 < it,  # noqa: SIM300 - that order is the point
    "whole number": int,
    "number": float,
    "index": lambda it: [1, 2][it],
    "rounding": round,
    "floor": math.floor,
    "call": lambda it: it(),
    "or": lambda it: it | {"a": 1},
    "keyword arguments": lambda it: dict(**it),
    "dictionary": dict,
    "has it": lambda it: hasattr(it, "name"),
    "reversed": lambda it: list(reversed(it)),
}


@pytest.mark.parametrize("use", USES)
def test_using_it_as_the_object_says_what_it_is(use: str, partial: Any) -> None:  # noqa: ANN401 - see above
    with pytest.raises(AnswerError, match=MESSAGE):
        USES[use](partial)


def test_it_is_false_and_no_text(partial: Partial) -> None:
    assert not partial
    assert not isinstance(partial, str)
    assert (partial.text, partial.finish_reason, partial.reason) == ('{"name": "Ada", "ag', "cancelled", REASON)


def test_it_shows_why_and_what_there_is(partial: Partial) -> None:
    assert repr(partial) == """<partial answer: it was stopped; .text is '{"name": "Ada", "ag'>"""
    assert str(partial) == f"{partial}" == repr(partial)
    assert len(repr(Partial("x" * 10_000, "length", REASON))) < 150


def test_copies_and_pickles_are_equal(partial: Partial) -> None:
    for same in (copy.copy(partial), copy.deepcopy(partial), pickle.loads(pickle.dumps(partial))):  # noqa: S301 - our own
        assert isinstance(same, Partial)
        assert same == partial
        assert hash(same) == hash(partial)
    assert partial != Partial(partial.text, "timeout", REASON)
    assert partial != partial.text
    assert partial is not None


def test_a_notebook_shows_it(partial: Partial, shell: InteractiveShell) -> None:
    assert shell.display_formatter is not None
    data, _ = shell.display_formatter.format(partial)  # type: ignore[no-untyped-call]  # IPython's
    assert data == {"text/plain": repr(partial)}
