"""What a model will take is told before it is loaded, and what does not fit is refused with numbers."""

import logging
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from cyllama_jupyter import LLM, GenerationConfig, LoadError
from cyllama_jupyter._native.cancel import LoadState
from cyllama_jupyter.engine import loading, logs, memory
from cyllama_jupyter.engine.devices import Device, devices
from cyllama_jupyter.engine.memory import MemoryNeed, estimate, places
from tests.tiny_models import write_gemma3, write_jamba, write_llama, write_mamba

MIB = 2**20
GIB = 2**30
SAYS = re.compile(r"(KV buffer size =|RS buffer size =|output buffer size =|compute buffer size is) +([\d.]+) MiB")
SETTINGS: list[dict[str, Any]] = [
    {"n_ctx": 2048},
    {"n_ctx": 8192},
    {"n_ctx": 8000, "n_ubatch": 512},
    {"n_ctx": 8192, "flash_attn": "on"},
    {"n_ctx": 8192, "flash_attn": "on", "type_k": "q8_0", "type_v": "q4_0"},
    {"n_ctx": 4096, "type_k": "q8_0", "type_v": "f32"},
]


def allocated(caplog: pytest.LogCaptureFixture, path: Path, config: GenerationConfig) -> dict[str, float]:
    """Return what llama.cpp says that it allocates, in bytes."""
    logs.install()
    logs.forward()
    caplog.clear()
    with caplog.at_level(logging.DEBUG, "cyllama_jupyter"):
        model = loading._load_model(str(path), config, LoadState())
        logs.forward()  # or the ring would be full
        context = loading._context(model, config)
        logs.forward()
        context.close()  # which tells of the scratch memory
        logs.forward()
    said = {"model": float(model.n_bytes), "KV": 0.0, "RS": 0.0, "output": 0.0, "compute": 0.0}
    model.close()
    for name, size in SAYS.findall(caplog.text):
        said[name.split()[0]] += float(size) * MIB
    return said


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_the_estimate_is_near_what_llama_cpp_allocates(
    smollm2: Path, caplog: pytest.LogCaptureFixture, setting: dict[str, Any]
) -> None:
    config = GenerationConfig(**setting)
    need, said = estimate(smollm2, config), allocated(caplog, smollm2, config)
    assert need.weights == pytest.approx(said["model"], rel=0.01)
    assert need.cache == pytest.approx(said["KV"], rel=0.01)
    assert need.compute == pytest.approx(said["compute"] + said["output"], rel=0.1)


@pytest.mark.parametrize("write", [write_llama, write_gemma3, write_mamba, write_jamba])
def test_the_cache_of_other_architectures_is_known_too(
    write: Any,  # noqa: ANN401 - each has options of its own
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = write(tmp_path / "model.gguf")
    config = GenerationConfig(n_ctx=4096)
    need, said = estimate(path, config), allocated(caplog, path, config)
    assert need.cache == pytest.approx(said["KV"] + said["RS"], rel=0.05, abs=0.02 * MIB)


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("n_ctx", [1_000_000_000, 2**31 - 1])
def test_a_context_larger_than_the_memory_is_refused_with_numbers(tiny_model: Path, n_ctx: int, *, force: bool) -> None:
    with pytest.raises(
        LoadError,
        match=r"loading tiny.gguf takes about [\d,.]+ GB \(weights 0 MB, cache of [\d,]+ tokens [\d,.]+ GB, "
        r"compute [\d,.]+ GB\) and [\d.]+ [GM]B are free in memory, which has [\d.]+ GB in all; try a smaller n_ctx",
    ):
        LLM(tiny_model, n_ctx=n_ctx, force=force)


def test_a_context_that_does_not_fit_beside_the_rest_can_be_forced(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 4_000_000)
    with pytest.raises(LoadError, match=r'are free in memory; try a smaller n_ctx, or flash_attn="on"'):
        LLM(tiny_model, n_ctx=16_384)
    with LLM(tiny_model, n_ctx=16_384, force=True) as llm:
        assert llm.n_ctx == 16_384


def test_weights_that_do_not_fit_are_refused_and_can_be_forced(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 100_000)
    with pytest.raises(LoadError, match="try a smaller quantisation: with force=True it runs from the disk"):
        LLM(tiny_model)
    with LLM(tiny_model, force=True) as llm:
        assert llm("word", GenerationConfig(max_tokens=1)).finish_reason == "length"


def test_it_is_refused_before_anything_is_loaded(tiny_model: Path) -> None:
    told: list[float] = []
    with pytest.raises(LoadError):
        LLM(tiny_model, n_ctx=1_000_000_000, on_progress=told.append)
    assert told == []


class TestPlaces:
    """Where a model lies; the GPUs are made up, for who runs this has none."""

    NEED = MemoryNeed(weights=4 * GIB, cache=2 * GIB, compute=GIB, n_ctx=8192)

    @pytest.fixture(autouse=True)
    def _memory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(memory, "free_memory", lambda: 5 * GIB)

    @pytest.fixture
    def _gpus(self, monkeypatch: pytest.MonkeyPatch) -> None:
        two = [Device(f"CUDA{index}", "a GPU", "gpu", 8 * GIB, 10 * GIB) for index in range(2)]
        monkeypatch.setattr(memory, "gpus", lambda: two)

    def test_without_a_gpu_all_of_it_is_in_the_memory(self) -> None:
        [place] = places(self.NEED, GenerationConfig(), n_layers=31)
        assert (place.name, place.need, place.free, place.fits) == ("memory", self.NEED, 5 * GIB, False)

    @pytest.mark.usefixtures("_gpus")
    def test_with_gpus_it_is_there(self) -> None:
        on_gpu, rest = places(self.NEED, GenerationConfig(), n_layers=31)
        assert (on_gpu.name, on_gpu.need, on_gpu.free, on_gpu.fits) == ("CUDA0, CUDA1", self.NEED, 16 * GIB, True)
        assert rest.need == replace(self.NEED, weights=0, cache=0)
        assert rest.fits

    @pytest.mark.usefixtures("_gpus")
    def test_or_in_part_as_the_layers_are_put(self) -> None:
        on_gpu, rest = places(self.NEED, GenerationConfig(n_gpu_layers=8), n_layers=31)
        assert on_gpu.need == replace(self.NEED, weights=GIB, cache=GIB // 2)
        assert rest.need == replace(self.NEED, weights=3 * GIB, cache=GIB * 3 // 2)
        assert not rest.fits

    @pytest.mark.usefixtures("_gpus")
    def test_or_not_at_all(self) -> None:
        assert [place.name for place in places(self.NEED, GenerationConfig(n_gpu_layers=0), n_layers=31)] == ["memory"]


class TestFree:
    @pytest.fixture
    def cgroup(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr(loading, "CGROUP", tmp_path)
        (tmp_path / "memory.max").write_text("1000000\n")
        (tmp_path / "memory.current").write_text("900000\n")
        (tmp_path / "memory.stat").write_text("anon 100\nactive_file 50000\ninactive_file 20000\n")
        return tmp_path

    @pytest.mark.usefixtures("cgroup")
    def test_files_that_were_read_count_as_free_in_a_container(self) -> None:
        assert loading.free_memory() == 170_000

    @pytest.mark.parametrize(
        ("name", "text"), [("memory.max", "max"), ("memory.current", ""), ("memory.stat", "anon 1")]
    )
    def test_a_container_that_does_not_say_is_none(self, cgroup: Path, name: str, text: str) -> None:
        (cgroup / name).write_text(text)
        assert loading.free_memory() > 1_000_000

    def test_the_cpu_is_a_device_with_what_is_free(self) -> None:
        [cpu] = [device for device in devices() if device.kind == "cpu"]
        assert cpu.name == "CPU"
        assert cpu.description
        assert cpu.total == psutil.virtual_memory().total
        assert 0 < cpu.free <= cpu.total
