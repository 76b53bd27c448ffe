"""State files damaged at random, with a checksum that shows it and with one that does not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cyllama_jupyter import LLM, GenerationConfig
from tests.robustness.deaths import Case, probe
from tests.robustness.state_probe import PROMPT
from tests.tiny_models import write_gemma3, write_jamba, write_llama, write_mamba

HERE = Path(__file__).parent


def load_damaged(kind: str, write: Callable[[Path], Path], folder: Path, seeds: range) -> list[Case]:
    """Load that many damaged states of a model; each is followed by a prompt."""
    model = write(folder / "model.gguf")
    with LLM(model) as llm:
        llm(PROMPT.removesuffix(" what is it"), GenerationConfig(max_tokens=0))
        llm.save_state(folder / "a.state")
    cases = probe(HERE / "state_probe.py", [kind, str(model), str(folder / "a.state")], seeds)
    assert [case.seed for case in cases] == list(seeds)
    return cases


def test_1000_damaged_states(tmp_path: Path) -> None:
    cases = load_damaged("damaged", write_llama, tmp_path, range(1000))
    assert {case.outcome for case in cases} == {"StateError, then the right answer"}


@pytest.mark.parametrize("write", [write_llama, write_mamba, write_jamba, write_gemma3])
def test_states_with_a_forged_checksum_end_no_process(write: Callable[[Path], Path], tmp_path: Path) -> None:
    cases = load_damaged("crafted", write, tmp_path, range(25))
    assert [case for case in cases if case.cause] == []


@pytest.mark.accept
@pytest.mark.parametrize("write", [write_llama, write_mamba, write_jamba, write_gemma3])
def test_1000_states_with_a_forged_checksum(write: Callable[[Path], Path], tmp_path: Path) -> None:
    cases = load_damaged("crafted", write, tmp_path, range(1000, 2000))
    assert [case for case in cases if case.cause] == []
