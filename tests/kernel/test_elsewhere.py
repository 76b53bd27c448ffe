"""``%%llm`` outside a live notebook: a plain IPython terminal, and executors that nobody watches."""

import sys
from pathlib import Path

import nbformat
import pexpect
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter
from nbformat import NotebookNode

SETTINGS = ["--simple-prompt", "--no-banner", "--no-confirm-exit", "--colors=nocolor"]


@pytest.fixture
def ipython(tmp_path: Path) -> "pexpect.spawn[str]":
    child = pexpect.spawn(
        sys.executable,
        ["-m", "IPython", f"--ipython-dir={tmp_path}", *SETTINGS],
        timeout=60,
        encoding="utf-8",
        echo=False,
    )
    child.expect_exact("In [1]:")
    child.sendline("%load_ext cyllama_jupyter")
    child.expect_exact("In [2]:")
    return child


def test_in_a_terminal_text_streams_and_ctrl_c_stops_it(ipython: "pexpect.spawn[str]", slow_model: Path) -> None:
    ipython.sendline(f"%llm load {slow_model}")
    ipython.expect_exact("In [3]:")
    ipython.sendline("get_ipython().run_cell_magic('llm', '--temperature 0 --max-tokens 5', 'word')")
    ipython.expect_exact("5 tokens")
    ipython.expect_exact("In [4]:")
    ipython.sendline("get_ipython().run_cell_magic('llm', '--max-tokens 100000', 'word ' * 2000)")
    ipython.expect_exact("reading the prompt")
    ipython.sendintr()
    ipython.expect_exact("KeyboardInterrupt: stopped after 0 tokens")
    ipython.expect_exact("In [5]:")
    ipython.sendline("_llm.finish_reason, len(_llm)")
    ipython.expect_exact("('cancelled', 0)")
    ipython.sendline("exit")
    ipython.expect(pexpect.EOF)
    ipython.close()
    assert (ipython.exitstatus, ipython.signalstatus) == (0, None)


def execute(*cells: str) -> NotebookNode:
    notebook: NotebookNode = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    return notebook


def test_an_executor_gets_one_plain_output_and_no_metadata(tiny_model: Path) -> None:
    load = f"%load_ext cyllama_jupyter\nimport os; os.environ['CYLLAMA_MODEL'] = {str(tiny_model)!r}"
    notebook = execute(load, "%%llm --max-tokens 10 --temperature 0\nword")
    (output,) = notebook.cells[1].outputs
    assert output.output_type == "display_data"
    assert set(output.data) == {"text/html", "text/plain"}
    assert "widgets" not in notebook.metadata
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert "10 tokens" in page


def test_a_cell_that_fails_fails_the_notebook() -> None:
    with pytest.raises(CellExecutionError, match="nothing"):
        execute("%load_ext cyllama_jupyter", "%%llm --model nothing.gguf\nword")
    with pytest.raises(CellExecutionError, match="UsageError"):
        execute("%load_ext cyllama_jupyter", "%%llm --max-token 3\nword")
