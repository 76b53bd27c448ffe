"""Where a setting comes from, and which one is the strongest."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from traitlets import TraitError
from traitlets.config import Config

from cyllama_jupyter.notebook.magics import LLMMagics
from cyllama_jupyter.notebook.options import CellOptions, parse
from cyllama_jupyter.notebook.settings import CELL, LOAD, NAMES, LLMSettings, Setting
from cyllama_jupyter.testing import FakeLLM
from tests.notebook.fakes import RunCell

WRONG = {
    "max_tokens": "many",
    "temperature": "-1",
    "top_p": "2",
    "seed": "x",
    "timeout": "0",
    "n_ctx": "0",
    "n_threads": "some",
    "n_gpu_layers": "-2",
    "flash_attn": "auto",
    "type_k": "q9",
    "type_v": "f64",
    "model": " ",
    "system": " ",
}
RIGHT = {
    "max_tokens": ("10", 10),
    "temperature": ("0", 0.0),
    "top_p": ("0.5", 0.5),
    "seed": ("-1", -1),
    "timeout": ("2.5", 2.5),
    "n_ctx": ("4096", 4096),
    "n_threads": ("auto", "auto"),
    "n_gpu_layers": ("-1", -1),
    "flash_attn": ("on", "on"),
    "type_k": ("q8_0", "q8_0"),
    "type_v": ("f16", "f16"),
    "model": ("hf:a/b", "hf:a/b"),
    "system": ("Be terse.", "Be terse."),
}


def test_every_setting_is_tried() -> None:
    assert set(WRONG) == set(RIGHT) == set(NAMES) == {"model", *CELL, *LOAD}
    assert set(NAMES) <= set(LLMSettings.class_trait_names(config=True))


class TestStrength:
    @pytest.mark.parametrize("name", NAMES)
    def test_the_line_comes_before_the_environment_and_that_before_traitlets(
        self, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        text, value = RIGHT[name]
        settings = LLMSettings()
        assert settings.setting(name).source == "the default"
        setattr(settings, name, value)
        assert settings.setting(name) == Setting(name, value, f"LLMMagics.{name}")
        variable = f"CYLLAMA_{name.upper()}"
        monkeypatch.setenv(variable, text)
        assert settings.setting(name) == Setting(name, value, f"the environment variable {variable}")
        assert settings.setting(name, "given") == Setting(name, "given", "the line")

    def test_an_empty_variable_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CYLLAMA_SEED", "")
        assert LLMSettings().setting("seed").source == "the default"

    def test_zero_is_a_value(self) -> None:
        assert LLMSettings(temperature=0).setting("temperature") == Setting("temperature", 0, "LLMMagics.temperature")
        assert LLMSettings(temperature=1).setting("temperature", 0).value == 0

    def test_a_number_of_threads_is_a_number(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CYLLAMA_N_THREADS", "2")
        assert LLMSettings().of_load() == {"n_threads": 2}

    def test_a_load_is_given_what_was_set_and_nothing_else(self) -> None:
        settings = LLMSettings(n_ctx=512, type_k="q8_0", temperature=0.5)
        assert settings.of_load({"n_ctx": 1024, "type_v": None}) == {"n_ctx": 1024, "type_k": "q8_0"}

    def test_a_cell_is_filled_in(self) -> None:
        settings = LLMSettings(max_tokens=5, temperature=0, system="Be terse.", model="m", timeout=3)
        filled = settings.of_cell(parse("--temperature 0.7"))
        assert filled == CellOptions(max_tokens=5, temperature=0.7, system="Be terse.", timeout=3)
        for line in ("--raw", "--chat a", "--continue"):
            assert settings.of_cell(parse(line)).system is None


class TestWrong:
    @pytest.mark.parametrize("name", NAMES)
    def test_a_variable_is_named_in_one_sentence(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        variable = f"CYLLAMA_{name.upper()}"
        monkeypatch.setenv(variable, WRONG[name])
        with pytest.raises(UsageError, match=f"^the environment variable {variable} is wrong: {name} must ") as error:
            LLMSettings().setting(name)
        assert "\n" not in str(error.value)
        told = {each.name: each for each in LLMSettings().describe()}
        assert told.pop(name) == Setting(name, None, str(error.value), is_wrong=True)
        assert set(told) == {*NAMES} - {name}
        assert not any(each.is_wrong for each in told.values())

    @pytest.mark.parametrize("name", [name for name in NAMES if name not in ("seed", "max_tokens")])
    def test_a_trait_is_refused_and_stays(self, name: str) -> None:
        settings = LLMSettings()
        kind: Callable[[str], object] = type(RIGHT[name][1])
        with pytest.raises(TraitError, match=f"{name} must "):
            setattr(settings, name, kind(WRONG[name]))
        assert getattr(settings, name) is None

    @given(st.sampled_from(NAMES), st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"])))
    def test_any_text_is_a_value_or_a_sentence(self, name: str, text: str) -> None:
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv(f"CYLLAMA_{name.upper()}", text)
            try:
                value = LLMSettings().setting(name).value
            except UsageError as error:
                complaint = str(error)
                assert complaint.startswith(f"the environment variable CYLLAMA_{name.upper()} is wrong: {name} must")
            else:
                setattr(LLMSettings(), name, value)  # what the environment may hold a trait may hold too


class TestInAShell:
    def test_config_of_ipython_config_py(self, shell: InteractiveShell) -> None:
        shell.config = Config({"LLMMagics": {"n_ctx": 4096, "model": "m.gguf"}})
        magics = LLMMagics(shell)
        assert (magics.n_ctx, magics.model) == (4096, "m.gguf")

    @pytest.mark.usefixtures("llm")
    def test_percent_config_changes_the_cells_that_follow(
        self, cell: RunCell, llm: FakeLLM, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert cell("%config LLMMagics.system = 'Be terse.'").success
        assert cell("%%llm\nHi").success
        assert {"role": "system", "content": "Be terse."} in llm.asked[-1]
        cell("%config LLMMagics.top_p = 3.0")
        assert "top_p must be a number from 0.0 to 1.0, got 3.0" in caplog.text  # IPython logs it
        assert cell("%%llm\nHi").success

    @pytest.mark.usefixtures("llm")
    def test_percent_llm_config_says_each_value_and_where_it_comes_from(
        self, cell: RunCell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("CYLLAMA_N_CTX", "512")
        cell("%config LLMMagics.temperature = 0.0")
        capsys.readouterr()
        assert cell("%llm config").success
        lines = {line.split()[0]: line.split(maxsplit=1)[1] for line in capsys.readouterr().out.splitlines()}
        assert set(lines) == set(NAMES)
        assert lines["n_ctx"].split(maxsplit=1) == ["512", "the environment variable CYLLAMA_N_CTX"]
        assert lines["temperature"].split(maxsplit=1) == ["0.0", "LLMMagics.temperature"]
        assert lines["seed"].split(maxsplit=1) == ["random", "the default"]

    def test_a_variable_that_is_no_setting_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CYLLAMA_MAX_TOKEN", "5")
        monkeypatch.setenv("CYLLAMA_COLOUR", "blue")
        assert LLMSettings().describe()[-2:] == [
            Setting("CYLLAMA_COLOUR", None, "there is no such setting", is_wrong=True),
            Setting("CYLLAMA_MAX_TOKEN", None, "there is no such setting; did you mean max_tokens?", is_wrong=True),
        ]

    def test_percent_llm_config_lists_the_rest_where_one_is_wrong(
        self, cell: RunCell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("CYLLAMA_TOP_P", "3")
        assert cell("%llm config").success
        lines = {line.split()[0]: line.split(maxsplit=1)[1] for line in capsys.readouterr().out.splitlines()}
        assert set(lines) == set(NAMES)
        reason = "the environment variable CYLLAMA_TOP_P is wrong: top_p must be a number from 0.0 to 1.0, got 3.0"
        assert lines["top_p"].split(maxsplit=1) == ["wrong", reason]

    def test_a_model_of_traitlets_is_what_cells_use(
        self, cell: RunCell, tiny_model: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        cell(f"%config LLMMagics.model = {str(tiny_model)!r}")
        cell("%config LLMMagics.n_ctx = 300")
        assert cell("%%llm --max-tokens 1\nHi").success
        capsys.readouterr()
        cell("%llm status")
        assert "tiny.gguf: context of 300 tokens" in capsys.readouterr().out
