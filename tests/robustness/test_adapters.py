"""Adapters damaged at random: an error or an answer, and no dead process."""

from pathlib import Path

import pytest
from gguf import GGMLQuantizationType

from tests.robustness.deaths import probe
from tests.tiny_models import write_gemma3, write_llama, write_lora, write_mamba, write_mixtral
from tests.tiny_models.adapters import ATTENTION, EMBEDDING

HERE = Path(__file__).parent
OUTPUT = "output.weight"
EXPERTS = ("blk.0.ffn_gate_inp.weight", "blk.0.ffn_up_exps.weight", "blk.1.ffn_down_exps.weight")
MAMBA = ("blk.0.ssm_in.weight", "blk.1.ssm_x.weight", "blk.2.ssm_out.weight")


def pairs_in(folder: Path) -> list[str]:
    """Write models of several kinds, each with an adapter, and return their paths in turn."""
    llama = write_llama(folder / "llama.gguf")
    tied = write_llama(folder / "tied.gguf", tied=True)
    mixtral = write_mixtral(folder / "mixtral.gguf")
    gemma3 = write_gemma3(folder / "gemma3.gguf")
    mamba = write_mamba(folder / "mamba.gguf")
    q8_0 = GGMLQuantizationType.Q8_0
    written = [
        (llama, write_lora(folder / "llama-lora.gguf", llama, names=(*ATTENTION, EMBEDDING, OUTPUT))),
        (tied, write_lora(folder / "tied-lora.gguf", tied, rank=32, kind=q8_0)),
        (mixtral, write_lora(folder / "mixtral-lora.gguf", mixtral, names=EXPERTS, rank=2)),
        (gemma3, write_lora(folder / "gemma3-lora.gguf", gemma3, alpha=None)),
        (mamba, write_lora(folder / "mamba-lora.gguf", mamba, names=MAMBA)),
    ]
    return [str(path) for pair in written for path in pair]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return models and adapters."""
    return pairs_in(tmp_path_factory.mktemp("adapters"))


def load_damaged(pairs: list[str], seeds: range) -> None:
    """Load that many damaged adapters and generate."""
    cases = probe(HERE / "adapter_probe.py", pairs, seeds)
    assert [case.seed for case in cases] == list(seeds)
    assert [case for case in cases if case.cause] == []
    assert {"AdapterError", "an answer"} <= {case.outcome for case in cases}


def test_60_damaged_adapters(pairs: list[str]) -> None:
    load_damaged(pairs, range(60))


@pytest.mark.accept
def test_1000_damaged_adapters(pairs: list[str]) -> None:
    load_damaged(pairs, range(1000, 2000))
