"""``%llm load`` and what else looks after models, through a real shell, with real files and a Hub of our own."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import platformdirs
import pytest
from IPython.core.error import UsageError

from cyllama_jupyter import LLM
from cyllama_jupyter.engine import memory
from cyllama_jupyter.notebook import shelf
from cyllama_jupyter.notebook.shelf import OnProgress
from cyllama_jupyter.notebook.sinks import TerminalSink
from tests.models.conftest import Serve, cache, serving  # noqa: F401 - fixtures
from tests.models.server import Repository
from tests.notebook.fakes import RunCell
from tests.tiny_models import write_lora

REPO = "somebody/small-GGUF"


class Say:
    """Runs a line and returns what it printed."""

    def __init__(self, cell: RunCell, capsys: pytest.CaptureFixture[str]) -> None:
        self._cell = cell
        self._capsys = capsys

    def __call__(self, line: str) -> str:
        self._capsys.readouterr()
        result = self._cell(line)
        assert result.success, line
        return "".join(self._capsys.readouterr())

    def error(self, line: str) -> str:
        self._capsys.readouterr()
        result = self._cell(line)
        assert not result.success
        complaint = "".join(self._capsys.readouterr()).strip()
        assert len(complaint.splitlines()) == 1 or not isinstance(result.error_in_exec, UsageError)
        return complaint


@pytest.fixture
def say(cell: RunCell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Say:
    monkeypatch.setattr(platformdirs, "user_config_path", lambda *_, **__: tmp_path / "config")
    monkeypatch.chdir(tmp_path)
    return Say(cell, capsys)


class TestLoad:
    def test_it_says_what_memory_it_takes(self, say: Say, tiny_model: Path) -> None:
        out = say(f"%llm load {tiny_model}")
        assert out.startswith("loaded tiny.gguf · context of 2,048 tokens · takes about 6 MB (weights 0 MB, cache")

    def test_options_are_settings_of_the_load(
        self, say: Say, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given: list[dict[str, Any]] = []

        def noted(path: str, on_progress: OnProgress, **settings: Any) -> LLM:  # noqa: ANN401 - those of an LLM
            given.append(settings)
            return LLM(path, on_progress=on_progress, **settings)

        monkeypatch.setattr(shelf, "LLM", noted)
        say(f"%llm load {tiny_model} --n-ctx 512 --n-threads 1 --flash-attn on --type-k bf16 --n-gpu-layers -1 --force")
        assert given == [
            {"n_ctx": 512, "n_threads": 1, "n_gpu_layers": -1, "flash_attn": "on", "type_k": "bf16", "force": True}
        ]
        say(f"%llm load {tiny_model} --n-ctx 512 --n-threads 1 --flash-attn on --type-k bf16 --n-gpu-layers -1")
        assert len(given) == 1, "it is loaded so already"
        say(f"%llm load {tiny_model} --n-ctx 1024")
        assert given[1:] == [{"n_ctx": 1024}]
        assert "context of 1,024 tokens" in say("%llm status")

    def test_adapters(self, say: Say, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write_lora(tmp_path / "a.gguf", tiny_model)
        write_lora(tmp_path / "b=c.gguf", tiny_model, seed=1)
        assert "adapters 0 MB" in say(f"%llm load {tiny_model} --lora a.gguf --lora b=c.gguf --out llm")
        assert "context of 2,048 tokens, with a.gguf at 1, b=c.gguf at 1" in say("%llm status")
        say(f"%llm load {tiny_model} --lora a.gguf=-0.5 --lora=b=c.gguf=2")
        assert "adapters       a.gguf at -0.5, b=c.gguf at 2" in say(f"%llm info {tiny_model}")
        folder = tmp_path / "elsewhere"
        folder.mkdir()
        monkeypatch.chdir(folder)
        assert "there is no adapter file" in say.error(f"%llm load {tiny_model} --lora a.gguf")
        assert "a.gguf at -0.5" in say("%llm status"), "a load that fails costs nobody the model that was there"
        say(f"%llm load {tiny_model}")
        assert "at -0.5" not in say("%llm status")

    def test_a_damaged_adapter_is_one_error_and_nothing_of_it_is_on_stderr(
        self, tiny_model: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "a.gguf").write_bytes(b"GGUF\3" + bytes(3) + b"\xff" * 60)
        script = (
            "import sys; from pathlib import Path; from cyllama_jupyter.notebook.report import needs\n"
            "print(repr(needs(Path(sys.argv[1]), {'lora': sys.argv[2]})))"
        )
        command = [sys.executable, "-c", script, str(tiny_model), str(tmp_path / "a.gguf")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert (done.stdout, done.stderr) == ("''\n", "")

    def test_a_model_with_other_adapters_is_loaded_again(
        self, say: Say, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lora = write_lora(tmp_path / "a.gguf", tiny_model)
        given: list[dict[str, Any]] = []

        def noted(path: str, on_progress: OnProgress, **settings: Any) -> LLM:  # noqa: ANN401 - those of an LLM
            given.append(settings)
            return LLM(path, on_progress=on_progress, **settings)

        monkeypatch.setattr(shelf, "LLM", noted)
        for options in ("--lora a.gguf", f"--lora {lora}", "--lora a.gguf=1", "--lora a.gguf=0.5", ""):
            say(f"%llm load {tiny_model} {options}")
        assert given == [{"lora": ((str(lora), 1.0),)}, {"lora": ((str(lora), 0.5),)}, {}]

    @pytest.mark.parametrize(
        ("options", "complaint"),
        [
            ("--n-ctx x", "--n-ctx needs a whole number, not 'x'"),
            ("--n-ctx -1", "UsageError: --n-ctx must be an integer from 1 up, got -1"),
            ("--type-k q8", "--type-k needs one of f32, f16"),
            ("--flash-attn auto", "--flash-attn needs one of on, off"),
            ("--n-threads all", "--n-threads needs"),
            ("--lora =1", "--lora needs a value, not an empty one"),
            ("--lora a.gguf=inf", "UsageError: --lora needs a finite number as the scale of a.gguf, not 'inf'"),
            (f"--lora {__file__}=0,5", f"UsageError: --lora needs a number as the scale of {__file__}, not '0,5'"),
            ("--lora adapter_model.safetensors", "there is no adapter file"),
            (f"--lora {__file__}", "; llama.cpp's convert_lora_to_gguf.py makes one of what PEFT wrote"),
        ],
    )
    def test_a_wrong_option_is_one_line(self, say: Say, tiny_model: Path, options: str, complaint: str) -> None:
        assert complaint in say.error(f"%llm load {tiny_model} {options}")

    def test_what_does_not_fit_is_refused_with_numbers_unless_forced(
        self, say: Say, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(memory, "free_memory", lambda: 1000)
        complaint = say.error(f"%llm load {tiny_model}")
        assert "LoadError: loading tiny.gguf takes about" in complaint
        assert "0 MB are free in memory" in complaint
        assert "loaded tiny.gguf" in say(f"%llm load {tiny_model} --force")

    def test_a_model_of_the_hub_is_fetched_loaded_and_used(
        self,
        say: Say,
        serving: Serve,  # noqa: F811 - a fixture
        tiny_model: Path,
    ) -> None:
        repository = Repository(REPO, {"tiny-Q8_0.gguf": tiny_model.read_bytes()})
        serving(repository)
        assert "loaded tiny-Q8_0.gguf" in say(f"%llm load hf:{REPO}")
        say(f"%%llm --model hf:{REPO} --max-tokens 1\nHi")
        assert len(repository.ranges) == 1
        listed = say("%llm models")
        assert f"in the Hub's cache:\n  hf:{REPO}:tiny-Q8_0.gguf  0 MB" in listed
        assert "tiny-Q8_0.gguf (current): context of 2,048 tokens" in listed

    def test_stop_ends_the_download_and_the_next_load_goes_on(
        self,
        say: Say,
        serving: Serve,  # noqa: F811 - a fixture
        tiny_model: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        model = tiny_model.read_bytes() + bytes(1_000_000)  # longer than what is written at once
        repository = Repository(REPO, {"tiny.gguf": model}, stalls_at=len(model) - 1000)
        serving(repository)
        with monkeypatch.context() as stopped:
            stopped.setattr(TerminalSink, "poll", lambda _: repository.stalled.is_set())
            assert f"stopped fetching hf:{REPO} at " in say(f"%llm load hf:{REPO}")
        repository.stalls_at = None
        assert "loaded tiny.gguf" in say(f"%llm load hf:{REPO}")
        assert [begin > 0 for _, begin in repository.ranges] == [False, True]


class TestNames:
    def test_an_alias_is_made_listed_used_and_forgotten(self, say: Say, tiny_model: Path) -> None:
        assert say("%llm alias") == "there are no aliases: %llm alias NAME REF makes one\n"
        assert say(f"%llm alias tiny {tiny_model}") == f"tiny = {tiny_model}\n"
        assert say("%llm alias") == f"tiny = {tiny_model}\n"
        assert "loaded tiny.gguf" in say("%llm load tiny")
        assert f"aliases:\n  tiny = {tiny_model}" in say("%llm models")
        assert say("%llm alias --remove tiny") == "tiny is no alias any more\n"
        assert "AliasError: there is no alias 'tiny'" in say.error("%llm alias --remove tiny")

    def test_wrong_uses_are_one_line(self, say: Say) -> None:
        assert "%llm alias small needs a model" in say.error("%llm alias small")
        assert "--remove NAME takes no other name" in say.error("%llm alias small --remove big")
        assert "AliasError: 'a/b' can be no alias" in say.error("%llm alias a/b hf:a/b")

    def test_nothing_is_fetched_to_find_out_that_it_is_not_loaded(
        self,
        say: Say,
        serving: Serve,  # noqa: F811 - a fixture
        tiny_model: Path,
    ) -> None:
        repository = Repository(REPO, {"tiny-Q8_0.gguf": tiny_model.read_bytes()})
        serving(repository)
        say(f"%llm load {tiny_model}")
        assert f"'hf:{REPO}' is not loaded; tiny.gguf is" in say.error(f"%llm unload hf:{REPO}")
        assert repository.ranges == []
        say(f"%llm load hf:{REPO}")
        assert say(f"%llm unload hf:{REPO}") == "unloaded tiny-Q8_0.gguf\n"

    def test_one_model_is_unloaded_by_its_name(self, say: Say, tiny_model: Path, tmp_path: Path) -> None:
        (tmp_path / "other.gguf").write_bytes(tiny_model.read_bytes())
        say(f"%llm load {tiny_model}")
        say("%llm load other.gguf")
        say(f"%llm alias mine {tiny_model}")
        assert "'big' is not loaded; tiny.gguf, other.gguf is" in say.error("%llm unload big")
        assert say("%llm unload mine") == "unloaded tiny.gguf\n"
        assert "other.gguf (current)" in say("%llm status")
        assert say("%llm unload other") == "unloaded other.gguf\n"
        assert "current" not in say("%llm status")


class TestFacts:
    def test_status_tells_what_a_cell_would_use(
        self, say: Say, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CYLLAMA_MAX_TOKENS", "7")
        say("%config LLMMagics.temperature = 0.25")
        say("%config LLMMagics.system = 'Be terse.'")
        say(f"%llm load {tiny_model}")
        assert (
            "max_tokens=7, temperature=0.25, top_k=40, top_p=0.95, min_p=0.05, seed=random, system='Be terse.'\n"
            in say("%llm status")
        )

    def test_devices_lists_the_cpu(self, say: Say) -> None:
        cpu = next(line for line in say("%llm devices").splitlines() if line.startswith("CPU  cpu  "))
        assert " GB free  " in cpu

    def test_info_of_a_model_that_is_loaded_and_of_one_that_is_not(self, say: Say, smollm2: Path) -> None:
        out = say(f"%llm info {smollm2}")
        for words in (
            "architecture   llama",
            "quantisation   Q4_1",
            "30 layers, 9 heads (3 for keys and values), embedding of 576",
            "vocabulary     49,152 tokens",
            "memory         not loaded",
            "{% for message in messages %}",
        ):
            assert words in out
        say(f"%llm load {smollm2} --n-ctx 512")
        assert "8,192 tokens trained, 512 tokens used" in say("%llm info")
        assert "on CPU" in say("%llm info")

    def test_info_of_what_is_no_model_says_why(self, say: Say, tmp_path: Path) -> None:
        (tmp_path / "x.gguf").write_bytes(b"nothing")
        assert "ModelFileError" in say.error("%llm info x.gguf")
        assert "ModelNotFoundError: there is no model file" in say.error("%llm info y.gguf")
