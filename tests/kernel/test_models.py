"""Models by name, what they are, and how they are set, in a real kernel."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernel.client import Kernel, running_kernel


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """Return a kernel with a configuration folder and a Hub cache of its own."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(home / "config"))
        patch.setenv("HF_HUB_CACHE", str(home / "hub"))
        patch.setenv("CYLLAMA_MAX_TOKENS", "7")
        with running_kernel() as kernel:
            yield kernel


def said(kernel: Kernel, line: str) -> str:
    cell = kernel.run(line)
    assert cell.reply["status"] == "ok", cell.reply
    return cell.stdout


def test_an_alias_is_loaded_listed_used_and_forgotten(kernel: Kernel, tiny_model: Path) -> None:
    said(kernel, f"%llm alias tiny {tiny_model}")
    assert str(tiny_model) in said(kernel, "%llm alias")
    cell = kernel.run("%llm load tiny --n-ctx 256 --out llm")
    assert "loaded tiny.gguf" in cell.displays[-1]["text/html"]
    assert kernel.value("llm.n_ctx, llm.model_path.endswith('tiny.gguf')") == "(256, True)"
    listed = said(kernel, "%llm models")
    assert "tiny" in listed
    assert "256" in listed
    kernel.run("%%llm --model tiny\nword")
    assert kernel.value("_llm.model.endswith('tiny.gguf')") == "True"
    assert "unloaded tiny.gguf" in said(kernel, "%llm unload tiny.gguf")
    said(kernel, "%llm alias --remove tiny")
    assert kernel.run("%%llm --model tiny\nword").reply["ename"] == "ModelNotFoundError"


def test_what_a_model_is(kernel: Kernel, smollm2: Path) -> None:
    info = said(kernel, f"%llm info {smollm2}")
    for part in ("llama", "Q4_1", "8,192", "im_start"):
        assert part in info


def test_what_there_is_to_compute_on(kernel: Kernel) -> None:
    assert "CPU" in said(kernel, "%llm devices")


def test_what_cannot_fit_is_refused_with_numbers(kernel: Kernel, smollm2: Path) -> None:
    cell = kernel.run(f"%llm load {smollm2} --n-ctx 100000000")
    assert cell.reply["ename"] == "LoadError"
    assert "GB" in "\n".join(cell.error[1])


def test_a_quantised_cache_wants_flash_attention(kernel: Kernel, smollm2: Path) -> None:
    cell = kernel.run(f"%llm load {smollm2} --type-v q8_0")
    assert cell.reply["ename"] == "UsageError"
    assert "flash_attn" in cell.stderr
    assert len(cell.stderr.strip().splitlines()) == 1
    said(kernel, f"%llm load {smollm2} --n-ctx 512 --type-k q8_0 --type-v q8_0 --flash-attn on")
    said(kernel, "%%llm --temperature 0 --max-tokens 12\nWhat is the capital of France?")
    assert kernel.value("_llm.text").startswith("\"L'Étoile")  # as with the full cache


def test_settings_and_where_they_come_from(kernel: Kernel, tiny_model: Path) -> None:
    said(kernel, f"%llm load {tiny_model}")
    kernel.run("%config LLMMagics.temperature = 0")
    kernel.run("%config LLMMagics.max_tokens = 3")
    said(kernel, "%%llm\nword")
    assert kernel.value("_llm.stats.generated_tokens") == "7"  # the environment is stronger than the configuration
    said(kernel, "%%llm --max-tokens 2\nword")
    assert kernel.value("_llm.stats.generated_tokens") == "2"  # and the cell stronger than both
    kernel.run("first = _llm.text")
    said(kernel, "%%llm --max-tokens 2\nword")
    assert kernel.value("_llm.text == first") == "True"
    shown = said(kernel, "%llm config")
    assert "CYLLAMA_MAX_TOKENS" in shown
    assert "temperature" in shown
    assert "temperature" in kernel.run("%config LLMMagics.temperature = 'hot'").stderr
    kernel.run("(ours,) = [each for each in get_ipython().configurables if type(each).__name__ == 'LLMMagics']")
    assert kernel.value("ours.temperature") == "0.0"


def test_completion(kernel: Kernel) -> None:
    kernel.run("some_measurements = [1, 2]")
    assert "--max-tokens" in kernel.completions("%%llm --max")
    assert "some_measurements" in kernel.completions("%%llm --attach some_m")
    assert "some_measurements" in kernel.completions("%%llm\nAdd {{ some_m")
    assert "chats" in kernel.completions("%llm ch")
