"""One notebook open in one front end, driven as a person does."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import BrowserContext, Locator, Page

from tests.browser.server import Server

__all__ = ["NotebookPage", "write_notebook"]

SECONDS = 1000  # Playwright counts in milliseconds
PATIENCE = 60 * SECONDS


def write_notebook(path: Path, cells: Sequence[str], kernel: str) -> None:
    """Write a notebook of code cells for a kernel."""
    metadata = {"kernelspec": {"name": kernel, "display_name": kernel, "language": "python"}}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata=metadata)
    nbformat.write(notebook, path)


class NotebookPage:
    """A page that shows one notebook.

    Args:
        context: The browser's context.
        server: The Jupyter server.
        front_end: "lab" or "notebook".
        name: File name of the notebook, in the server's folder.
    """

    def __init__(self, context: BrowserContext, server: Server, front_end: str, name: str) -> None:
        self.path = server.folder / name
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self._url = server.page(front_end, name)
        self.open()

    def open(self) -> None:
        """Load the page and wait for its kernel."""
        self.page.goto(self._url)
        self.page.wait_for_function(
            """() => {
                const panel = window.jupyterapp?.shell?.currentWidget;
                const kernel = panel?.sessionContext?.session?.kernel;
                return kernel?.connectionStatus === 'connected' && panel.content.widgets.length > 0;
            }"""
        )

    def close(self) -> None:
        """Close the page, as a person closes a tab."""
        self.page.close()

    def cell(self, index: int) -> Locator:
        """Return a code cell, its output included."""
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(index)

    def output(self, index: int) -> Locator:
        """Return a cell's output."""
        return self.cell(index).locator(".jp-OutputArea")

    def start(self, index: int) -> None:
        """Run a cell and do not wait for it."""
        self.page.evaluate(
            """index => {
                const {shell, commands} = window.jupyterapp;
                const notebook = shell.currentWidget.content;
                notebook.deselectAll();
                notebook.activeCellIndex = index;
                commands.execute('notebook:run-cell');
            }""",
            index,
        )

    def run(self, index: int) -> None:
        """Run a cell and wait for its prompt: the kernel's indicator lies while comm messages are handled."""
        before = self.count(index)
        self.start(index)
        self.wait_done(index, before)

    def run_all(self) -> None:
        """Start all cells."""
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells') }")

    def count(self, index: int) -> int | None:
        """Return a cell's execution count as the model has it."""
        count = self._cell(index, "model.executionCount")
        return None if count is None else int(count)

    def wait_done(self, index: int, before: int | None = None) -> None:
        """Wait until a cell has run, again if it had."""
        self.page.wait_for_function(
            """([index, before]) => {
                const cell = window.jupyterapp.shell.currentWidget.content.widgets[index];
                return cell.model.executionCount !== null && cell.model.executionCount !== before
                    && cell.model.executionState !== 'running';
            }""",
            arg=[index, before],
        )

    def wait_for(self, index: int, text: str) -> None:
        """Wait until a cell's output shows a text."""
        self.output(index).get_by_text(text).filter(visible=True).first.wait_for()

    def interrupt(self) -> None:
        """Press the toolbar's ■."""
        self.page.locator(
            "[data-command='notebook:interrupt-kernel'], [data-jp-item-name='interrupt'] jp-button"
        ).first.click()

    def stop(self, index: int) -> None:
        """Press Stop in a cell's output."""
        self.output(index).get_by_role("button", name="Stop", exact=True).click()

    def save(self) -> dict[str, Any]:
        """Save the notebook and return it as it stands on disk."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.save()")
        return dict(json.loads(self.path.read_text()))

    def value(self, expression: str) -> str:
        """Return the repr of an expression in the kernel, asked beside the notebook."""
        reply = self.page.evaluate(
            """async expression => {
                const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
                const future = kernel.requestExecute({code: '', silent: true, store_history: false,
                    user_expressions: {value: expression}});
                const reply = await future.done;
                return reply.content.user_expressions.value;
            }""",
            expression,
        )
        if reply["status"] != "ok":
            raise AssertionError(f"{expression}: {reply}")
        return str(reply["data"]["text/plain"])

    def _cell(self, index: int, attribute: str) -> Any:  # noqa: ANN401 - whatever stands in the page
        return self.page.evaluate(
            f"index => window.jupyterapp.shell.currentWidget.content.widgets[index].{attribute}", index
        )
