"""Run every notebook and save it with its outputs, but with nothing of this machine: `make notebooks`."""

import sysconfig
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def execute(path: Path) -> None:
    """Run a notebook from its top and save it.

    Args:
        path: Where it is read from and written to.
    """
    notebook = nbformat.read(path, as_version=4)
    metadata = notebook.metadata.copy()  # to which the kernel adds its version
    NotebookClient(notebook, record_timing=False, resources={"metadata": {"path": path.parent}}).execute()
    notebook.metadata = metadata
    text = nbformat.writes(notebook).replace(sysconfig.get_path("purelib"), "site-packages")
    path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    for path in sorted(Path(__file__).parent.glob("*.ipynb")):
        print(path.name)
        execute(path)
