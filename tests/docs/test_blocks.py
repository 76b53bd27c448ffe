"""Every block that is not Python: commands that exist, JSON and TypeScript that parse. No block is without a check."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.docs.blocks import PAGES, ROOT, Block, blocks_of, name_of

BLOCKS = [block for page in PAGES for block in blocks_of(page)]
DIRECTIVES = ("{include}", "{toctree}")
"""Sphinx reads them, and test_site.py what it says."""


def of_language(language: str) -> list[Block]:
    return [block for block in BLOCKS if block.language == language]


COMMANDS = [(block, line) for block in of_language("console") for line in re.findall(r"(?m)^\$ (.*)", block.code)]


def test_no_block_is_without_a_check() -> None:
    known = ("python", "console", "json", "typescript", "text", *DIRECTIVES)
    assert [f"{block}: {block.language or 'no language'}" for block in BLOCKS if block.language not in known] == []
    assert {block.kind for block in BLOCKS if block.language == "python"} <= {"", "cell", "script"}


@pytest.mark.parametrize("block", of_language("console"), ids=str)
def test_a_console_begins_with_a_command(block: Block) -> None:
    assert block.code.startswith("$ ")


@pytest.mark.parametrize("block", of_language("json"), ids=str)
def test_json(block: Block) -> None:
    assert json.loads(block.code)


@pytest.mark.parametrize("block", of_language("typescript"), ids=str)
def test_typescript(block: Block) -> None:
    esbuild = ROOT / "js" / "node_modules" / ".bin" / "esbuild"
    assert esbuild.exists(), "js/ is not set up: run `make lint` once"
    command = [str(esbuild), "--loader=ts", "--log-level=warning"]
    done = subprocess.run(command, input=block.code, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, ""), str(block)


@pytest.mark.parametrize(("block", "command"), COMMANDS, ids=[f"{block} {command}" for block, command in COMMANDS])
def test_a_command_exists(block: Block, command: str) -> None:
    first, *words = (word for word in shlex.split(command, comments=True) if "=" not in word)
    assert first in CHECKS, f"{block}: say in CHECKS how to tell whether {first!r} is right"
    CHECKS[first](words)


def check_make(words: list[str]) -> None:
    targets = re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert words
    assert set(words) <= set(targets)


def check_pip(words: list[str]) -> None:
    command, *requirements = words
    assert command == "install"
    for requirement in requirements:
        ours = re.fullmatch(r"(?:\.|cyllama-jupyter)(?:\[(.*)\])?", requirement)
        extras = ours.group(1).split(",") if ours and ours.group(1) else []
        assert ours or not re.match(r"cyllama.jupyter|\.", requirement), requirement
        assert set(extras) <= set(metadata("cyllama-jupyter").get_all("Provides-Extra") or [])


def check_python(words: list[str]) -> None:
    option, module, *rest = words
    assert option == "-m"
    assert find_spec(module) is not None
    if module == "pip":
        check_pip(rest)


def check_jupyter(words: list[str]) -> None:
    folders = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    assert shutil.which(f"jupyter-{words[0]}", path=folders)


def check_nothing(_: list[str]) -> None:
    """What every system has."""


CHECKS: dict[str, Callable[[list[str]], None]] = {
    "jupyter": check_jupyter,
    "make": check_make,
    "pip": check_pip,
    "python": check_python,
    "ssh": check_nothing,
}


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("make", ["demos"]),
        ("pip", ["install", ".[demos]"]),
        ("pip", ["install", "cyllama_jupyter"]),
        ("python", ["-m", "no_such_module"]),
        ("jupyter", ["labs"]),
    ],
)
def test_a_wrong_command_is_found(command: str, words: list[str]) -> None:
    with pytest.raises(AssertionError):
        CHECKS[command](words)


def test_every_page_is_looked_at() -> None:
    assert {name_of(block.page) for block in BLOCKS} >= {"README.md", "CONTRIBUTING.md", "docs/index.md"}
