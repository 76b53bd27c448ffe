"""Errors in one line."""

import pytest
from IPython.core.interactiveshell import InteractiveShell

from cyllama_jupyter.errors import ContextOverflow, CyllamaError, ModelNotFoundError
from cyllama_jupyter.notebook.tidy import tidy, tidy_errors
from tests.notebook.fakes import RunCell


def rendered(error: BaseException) -> list[str]:
    lines: list[str] = vars(error)["_render_traceback_"]()
    return lines


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ModelNotFoundError("there is no\n  model"), "ModelNotFoundError: there is no model"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (KeyboardInterrupt("stopped"), "KeyboardInterrupt: stopped"),
    ],
)
def test_one_line(error: BaseException, line: str) -> None:
    assert rendered(tidy(error)) == [line]


def test_the_first_line_stands() -> None:
    error = tidy(KeyboardInterrupt("stopped after 3 tokens"))
    error.args = ("something else",)
    assert rendered(tidy(error)) == ["KeyboardInterrupt: stopped after 3 tokens"]


@pytest.mark.parametrize("error", [ContextOverflow(9, 8), KeyboardInterrupt()])
def test_ours_go_on_in_one_line(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, tidy_errors():
        raise error
    assert caught.value is error
    assert len(rendered(error)) == 1


def test_others_keep_their_traceback() -> None:
    with pytest.raises(ZeroDivisionError) as caught, tidy_errors():
        _ = 1 / 0
    assert "_render_traceback_" not in vars(caught.value)


def test_ipython_shows_it(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.user_ns["error"] = tidy(CyllamaError("what to do"))
    run_cell: RunCell = shell.run_cell
    run_cell("raise error")
    assert capsys.readouterr().out.strip() == "CyllamaError: what to do"
