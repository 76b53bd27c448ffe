"""What the benchmarks stand on: their contestants do the same work, and their tables say what was not measured."""

from pathlib import Path

import pytest

from benchmarks.contestants import Contestant, running
from benchmarks.drivers.protocol import Settings
from benchmarks.figure import Figure, table
from benchmarks.rates import interleaved, median_ratio

SETTINGS = Settings(n_ctx=256, n_batch=64, n_ubatch=32, n_threads=1, n_threads_batch=1)
HERE = ("ours", "the bare loop", "llama-cpp-python")


def test_contestants_read_and_generate_the_same_number_of_tokens(tiny_model: Path) -> None:
    prompt = "a prompt longer than one batch of the bare loop, which takes sixty-four tokens at once, and no more"
    with running(tiny_model, SETTINGS, HERE) as field:
        assert field.missing == {}
        answers = {name: contestant.generate(prompt, 20) for name, contestant in field.here.items()}
    assert {answer.tokens for answer in answers.values()} == {20}
    assert len({answer.prompt_tokens for answer in answers.values()}) == 1
    assert answers["ours"].prompt_tokens > SETTINGS.n_batch


def test_the_bare_loop_generates_sequences_in_one_batch(tiny_model: Path) -> None:
    with running(tiny_model, SETTINGS._replace(n_parallel=8), ("the bare loop",)) as field:
        assert field.here["the bare loop"].generate("a few sequences", 10, "parallel").tokens == 10


def test_a_contestant_that_dies_says_why(tmp_path: Path) -> None:
    bare = running(tmp_path / "none.gguf", SETTINGS, ("the bare loop",))
    with pytest.raises(RuntimeError, match=r"(?s)the bare loop died: .*could not be loaded"), bare:
        pass


def test_a_contestant_that_says_less_than_asked_is_no_measurement(tiny_model: Path) -> None:
    with running(tiny_model, SETTINGS, ("ours",)) as field:
        ours: Contestant = field.here["ours"]
        with pytest.raises(RuntimeError, match="ended its answer after"):
            ours.generate("the context is full before", 1000)


def test_rounds_are_interleaved_and_the_first_is_not_counted() -> None:
    order: list[str] = []

    def measure(name: str, value: float) -> float:
        order.append(name)
        return value

    rates = interleaved({"a": lambda round_: measure("a", 2.0 * round_), "b": lambda _: measure("b", 1.0)}, 3)
    assert "".join(order) == "abbaabba"
    assert rates == {"a": [2.0, 4.0, 6.0], "b": [1.0, 1.0, 1.0]}
    assert median_ratio(rates, "a", "b") == 4.0


def test_a_figure_that_was_not_measured_says_why() -> None:
    missing = Figure("decode", None, "ratio", 1.0, higher_is_better=True, note="there is no compiler")
    assert table([missing]).splitlines()[-1] == "| decode | not measured: there is no compiler | ≥ 1 |  |  |"
    assert missing.verdict == ""
