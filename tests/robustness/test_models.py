"""Model files damaged at random: an error or an answer, and no dead process but for what is listed."""

from pathlib import Path

import pytest

from tests.robustness.deaths import Case, probe
from tests.tiny_models import write_gemma3, write_jamba, write_llama, write_mamba

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return one small model of each kind of memory."""
    folder = tmp_path_factory.mktemp("models")
    written = [
        write_llama(folder / "llama.gguf"),
        write_mamba(folder / "mamba.gguf"),
        write_jamba(folder / "jamba.gguf"),
        write_gemma3(folder / "gemma3.gguf"),
    ]
    return [str(path) for path in written]


def known(case: Case) -> bool:
    """Whether it died of something that is listed."""
    lines = (HERE / "known_aborts.txt").read_text(encoding="utf-8").splitlines()
    listed = [line.split(" ", 1) for line in lines if line and not line.startswith("#")]
    return any(case.cause.startswith(file) and message in case.cause for file, message in listed)


def load_damaged(models: list[str], seeds: range) -> None:
    """Load and generate from that many damaged models."""
    cases = probe(HERE / "model_probe.py", models, seeds)
    assert [case.seed for case in cases] == list(seeds)
    assert [case for case in cases if case.cause and not known(case)] == []
    assert {"ModelFileError", "LoadError", "an answer"} <= {case.outcome for case in cases}


def test_60_damaged_models(models: list[str]) -> None:
    load_damaged(models, range(60))


@pytest.mark.accept
def test_1000_damaged_models(models: list[str]) -> None:
    load_damaged(models, range(1000, 2000))
