"""What llama.cpp's memories do when a decode is aborted: facts that cancel and reuse build on."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_models import write_gemma3, write_jamba, write_llama, write_mamba

Writer = Callable[[Path], Path]
ABORTED = 2
CHUNK = 32  # the probe's; to import it would load llama_cpp into this process


def _probe(path: Path, swa: str = "full") -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.native.memory_probe", str(path), swa]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=root)
    assert done.returncode == 0, done.stderr
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


@pytest.mark.parametrize(("write", "swa"), [(write_llama, "full"), (write_gemma3, "full"), (write_gemma3, "ring")])
def test_attention_forgets_an_aborted_chunk_and_goes_on_bit_for_bit(write: Writer, swa: str, tmp_path: Path) -> None:
    facts = _probe(write(tmp_path / "model.gguf"), swa)["abort"]
    assert (facts["status"], facts["last"], facts["cut"]) == (ABORTED, CHUNK - 1, True)
    assert facts["resumed"]
    assert facts["restored"]


@pytest.mark.parametrize("write", [write_mamba, write_jamba])
def test_a_recurrent_state_claims_an_aborted_chunk_and_needs_its_snapshot(write: Writer, tmp_path: Path) -> None:
    facts = _probe(write(tmp_path / "model.gguf"))["abort"]
    assert (facts["status"], facts["last"], facts["cut"]) == (ABORTED, 2 * CHUNK - 1, False)
    assert not facts["resumed"]
    assert facts["restored_cut"]
    assert facts["restored"]


def test_a_prefix_can_be_reused_while_its_whole_window_is_remembered(tmp_path: Path) -> None:
    reuse = _probe(write_gemma3(tmp_path / "model.gguf", window=CHUNK), "ring")["reuse"]
    too_short, enough = reuse["1"], reuse[str(CHUNK - 1)]
    assert too_short["first"] == enough["first"] > 0
    assert too_short["cut"], "llama.cpp says nothing of it"
    assert too_short["error"] > 1
    assert enough["error"] < 0.1, "but for the order of addition"
