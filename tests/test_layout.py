"""The rooms of the house: who may import whom, what is public, and what an import costs (docs/architecture.md)."""

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import cyllama_jupyter

PACKAGE = Path(cyllama_jupyter.__file__).parent
NATIVE = Path(__file__).parents[1] / "native"
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py*") if path.suffix in (".py", ".pyi"))

ARROWS = {
    "errors": set[str](),
    "lora": set[str](),
    "config": {"lora"},
    "_native": {"errors"},
    "metadata": {"_native"},
    "models": {"errors", "metadata", "_native"},
    "adapters": {"errors", "lora", "models", "_native"},
    "choosing": {"errors", "models"},
    "hub": {"errors"},
    "downloading": {"errors", "choosing", "hub"},
    "aliases": {"errors", "hub"},
    "references": {"errors", "models", "hub", "aliases"},
    "engine": {"errors", "config", "adapters", "models", "references", "_native"},
    "notebook": {"errors", "config", "lora", "models", "references", "hub", "aliases", "engine"},
    "testing": {"errors", "config", "models", "engine", "_native", "notebook"},
    "__init__": {"errors", "config", "engine", "_native", "notebook"},  # all but the first two when they are used
}

GUESTS = {
    "IPython": ("notebook/", "testing/playing.py", "__init__.py"),  # the last for the type checker alone
    "anywidget": ("notebook/widget.py",),
    "ipywidgets": ("notebook/widget.py",),
    "filelock": ("downloading.py",),
    "huggingface_hub": ("hub.py", "downloading.py"),
    "jinja2": ("engine/chat.py", "notebook/prompt.py"),
    "jsonschema": ("engine/schema.py",),
    "markdown_it": tuple(
        f"notebook/{name}.py" for name in ("static_html", "formulas", "bare_links", "task_lists", "code_answer")
    ),
    "nh3": ("notebook/static_html.py",),
    "pandas": ("engine/probabilities.py", "engine/response.py", "notebook/forms.py"),  # engine/response.py: types alone
    "psutil": ("engine/",),
    "pydantic": ("notebook/conversation_file.py", "notebook/schema_forms.py"),
    "referencing": ("engine/schema.py",),
    "platformdirs": ("aliases.py",),
    "traitlets": ("notebook/widget.py", "notebook/settings.py"),
    "typing_extensions": ("notebook/typed_dicts.py",),
    "zmq": ("notebook/pump.py",),
}
"""Where each package that is not ours may be imported; no other may be at all."""

HEAVY = (
    "IPython",
    "ipywidgets",
    "anywidget",
    "jinja2",
    "jsonschema",
    "llama_cpp",
    "pandas",
    "pydantic",
    "huggingface_hub",
    "cyllama_jupyter._native",
    "cyllama_jupyter.engine",
)


def room(module: str) -> str:
    """Return the room of one of our modules by its dotted name."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def imported(path: Path) -> Iterator[str]:
    """Yield the dotted names that a file imports, wherever in it; of ``from package import x`` also ``package.x``."""
    for node in ast.walk(ast.parse((PACKAGE / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            assert node.module is not None
            if node.module == "cyllama_jupyter":
                yield from (f"cyllama_jupyter.{alias.name}" for alias in node.names)
            else:
                yield node.module


def modules_after(code: str) -> set[str]:
    """Return what a fresh interpreter has imported after some code."""
    script = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def loaded(code: str) -> set[str]:
    """Return what is heavy of that, without what an empty interpreter has loaded already."""
    return modules_after(code) & set(HEAVY)


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_arrows(path: Path) -> None:
    own = path.with_suffix("").parts[0]
    for name in imported(path):
        if name.split(".")[0] == "cyllama_jupyter":
            assert room(name) in ARROWS[own] | {own}, f"{own} may not import {name}"


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_guests_stay_in_their_rooms(path: Path) -> None:
    for name in imported(path):
        top = name.split(".")[0]
        if top != "cyllama_jupyter" and top not in sys.stdlib_module_names:
            assert path.as_posix().startswith(GUESTS.get(top, ())), f"{path} may not import {top}"


def test_native_modules_know_errors_alone() -> None:
    sources = sorted(NATIVE.glob("*.p[yx][xd]"))
    assert sources
    for source in sources:
        names = re.findall(r"^\s*(?:from|c?import)\s+(cyllama_jupyter[\w.]*)", source.read_text(), re.MULTILINE)
        assert {room(name) for name in names} <= {"errors", "_native"}, source.name


def test_every_room_has_its_arrows() -> None:
    assert {path.with_suffix("").parts[0] for path in MODULES} == set(ARROWS)


def test_every_public_name_is_there() -> None:
    for name in cyllama_jupyter.__all__:
        assert getattr(cyllama_jupyter, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'LLMInput'"):
        _ = cyllama_jupyter.LLMInput


@pytest.mark.parametrize("path", [path for path in MODULES if path.suffix == ".py"], ids=str)
def test_what_a_module_exports_is_there_and_in_order(path: Path) -> None:
    name = ".".join(["cyllama_jupyter", *path.with_suffix("").parts]).removesuffix(".__init__")
    module = importlib.import_module(name)
    exported = getattr(module, "__all__", [])
    assert len(set(exported)) == len(exported)
    assert exported == sorted(exported, key=_as_ruff_sorts)
    for public in exported:
        assert hasattr(module, public), public


def _as_ruff_sorts(name: str) -> tuple[int, str]:
    """Put constants first, then classes, then the rest, each as a person counts letters."""
    kind = 0 if name.isupper() else 1 if name[0].isupper() else 2
    return kind, name


class TestWhatAnImportCosts:
    def test_the_package_is_light(self) -> None:
        assert loaded("import cyllama_jupyter") == set()

    def test_the_engine_needs_no_notebook(self) -> None:
        assert loaded("from cyllama_jupyter import LLM") & {"IPython", "ipywidgets", "anywidget"} == set()

    def test_the_fake_engine_needs_no_notebook(self) -> None:
        assert loaded("from cyllama_jupyter.testing import FakeLLM") & {"IPython", "ipywidgets", "anywidget"} == set()

    def test_the_magics_need_no_widgets(self) -> None:
        assert loaded("import cyllama_jupyter.notebook.magics") & {"ipywidgets", "anywidget", "pydantic"} == set()
        assert "anywidget" in loaded("from cyllama_jupyter import LLMOutput")
