"""What a cell says about itself."""

import pytest

from cyllama_jupyter.config import GenerationConfig
from cyllama_jupyter.engine.response import FinishReason, Phase, Progress, Response
from cyllama_jupyter.errors import LoadCancelled, LoadError
from cyllama_jupyter.notebook.sinks import Ending, Outcome, Status
from cyllama_jupyter.notebook.wording import Meter, Narrator, answered, broken, count, failed, loading, stop_line
from tests.notebook.fakes import Clock, progress, response

CONFIG = GenerationConfig(max_tokens=100, n_ctx=2048)


@pytest.mark.parametrize(("number", "words"), [(0, "0 tokens"), (1, "1 token"), (1536, "1,536 tokens")])
def test_count(number: int, words: str) -> None:
    assert count(number, "token") == words


def test_loading() -> None:
    assert loading("a.gguf", 0.42) == Status("loading", "loading a.gguf · 42%", 0.42)


class TestNarrator:
    @pytest.mark.parametrize(
        ("state", "status"),
        [
            (Progress(Phase.QUEUED, 0, 4000, 0), Status("queued", "waiting for the model")),
            (
                Progress(Phase.PREFILL, 1536, 4000, 0),
                Status("prefill", "reading the prompt · 1,536 of 4,000 tokens", 0.384),
            ),
            (Progress(Phase.PREFILL, 0, 0, 0), Status("prefill", "reading the prompt · 0 of 0 tokens", 0.0)),
            (Progress(Phase.DECODE, 9, 9, 1), Status("decode", "writing · 1 token")),
        ],
    )
    def test_what_it_says_first(self, state: Progress, status: Status) -> None:
        assert Narrator().status(state) == status

    @pytest.mark.parametrize(
        ("read", "seconds", "left"),
        [(1024, 1.0, ", about 6 s left"), (3584, 6.0, ", about 1 s left"), (3999, 9.0, ", about 1 s left")],
    )
    def test_how_long_the_prompt_will_take(self, read: int, seconds: float, left: str) -> None:
        clock = Clock()
        narrator = Narrator(clock)
        for tokens in (0, 512):
            assert "left" not in narrator.status(Progress(Phase.PREFILL, tokens, 4000, 0)).label
        clock.now = seconds
        status = narrator.status(Progress(Phase.PREFILL, read, 4000, 0))
        assert status == Status("prefill", f"reading the prompt · {read:,} of 4,000 tokens{left}", read / 4000)

    def test_how_fast_it_writes_is_counted_from_the_first_token(self) -> None:
        clock = Clock()
        narrator = Narrator(clock)
        labels = []
        for clock.now, tokens in ((0.0, 0), (100.0, 1), (100.0, 1), (101.0, 42)):
            labels.append(narrator.status(Progress(Phase.DECODE, 9, 9, tokens)).label)
        assert labels == [
            "writing · 0 tokens",
            "writing · 1 token",
            "writing · 1 token",
            "writing · 42 tokens · 41 tokens/s",
        ]

    def test_reading_does_not_count_as_writing(self) -> None:
        clock = Clock()
        narrator = Narrator(clock)
        for clock.now in (0.0, 1.0, 2.0):
            narrator.status(Progress(Phase.PREFILL, int(500 * clock.now), 1000, 0))
        assert narrator.status(Progress(Phase.DECODE, 1000, 1000, 1)).label == "writing · 1 token"


@pytest.mark.parametrize(
    ("reason", "tokens", "read", "facts", "outcome"),
    [
        ("stop", 37, 40, ("37 tokens",), Outcome.DONE),
        ("length", 100, 40, ("100 tokens", "cut off at --max-tokens"), Outcome.DONE),
        ("timeout", 37, 40, ("37 tokens", "cut off at --timeout"), Outcome.DONE),
        ("length", 37, 40, ("37 tokens", "cut off: the context of 2,048 tokens is full"), Outcome.DONE),
        ("cancelled", 37, 40, ("stopped after 37 tokens",), Outcome.STOPPED),
        ("cancelled", 1, 40, ("stopped after 1 token",), Outcome.STOPPED),
        ("cancelled", 0, 40, ("stopped after 0 tokens",), Outcome.STOPPED),
        ("cancelled", 0, 16, ("stopped after 0 tokens, with 16 of 40 prompt tokens read",), Outcome.STOPPED),
    ],
)
def test_answered(reason: FinishReason, tokens: int, read: int, facts: tuple[str, ...], outcome: Outcome) -> None:
    ending = answered(response("text", reason, tokens), CONFIG, progress(Phase.DONE, read=read, written=tokens))
    assert (ending.text, ending.facts, ending.outcome) == ("text", facts, outcome)
    assert ending.timings == (("41 tokens/s", "0.5 s") if tokens else ("0.5 s",))


def test_answered_without_stats_counts_by_the_progress() -> None:
    ending = answered(Response("text"), CONFIG, progress(Phase.DONE, written=5))
    assert (ending.facts, ending.timings) == (("5 tokens",), ())


def test_a_notice_comes_first() -> None:
    ending = answered(response("text", "stop", 2), CONFIG, progress(Phase.DONE), "no chat template")
    assert ending.footer(timings=False) == "no chat template · 2 tokens"


def test_broken() -> None:
    assert broken(LoadError("x"), "").facts == ("failed: LoadError",)
    assert broken(KeyboardInterrupt(), "half").facts == ("stopped at once",)
    assert broken(KeyboardInterrupt("stopped while loading"), "").outcome is Outcome.STOPPED
    assert broken(LoadCancelled("stopped while loading"), "").footer() == "stopped while loading"


def test_only_a_failure_leaves_the_rest_to_its_error() -> None:
    assert broken(LoadError("x"), "").silent
    assert not broken(LoadError("x"), "half").silent
    assert not broken(LoadCancelled("x"), "").silent
    assert not failed(LoadError("x"), "").silent


@pytest.mark.parametrize(
    ("error", "footer"),
    [(LoadError("no\n  memory"), "failed: LoadError: no memory"), (ZeroDivisionError(), "failed: ZeroDivisionError")],
)
def test_failed_says_why_in_one_line(error: Exception, footer: str) -> None:
    assert failed(error, "half") == Ending("half", (footer,), outcome=Outcome.FAILED)


def test_a_stopped_load_is_no_failure() -> None:
    assert failed(LoadCancelled("stopped while loading"), "").outcome is Outcome.STOPPED


def test_stop_line() -> None:
    assert stop_line(response("a", "cancelled", 37), ("_llm", "x")) == (
        "stopped after 37 tokens; the partial answer is in `_llm` and `x`"
    )
    assert stop_line(response("", "cancelled", 0), ("_llm",)) == "stopped after 0 tokens; an empty answer is in `_llm`"
    assert stop_line(response("a", "stop", 3), ("_llm",)) == "the answer was already complete; it is in `_llm`"


def test_meter_counts_from_the_first_token_it_sees() -> None:
    times = iter([0.0, 10.0, 11.0, 12.0])
    meter = Meter(lambda: next(times))
    assert [meter.rate(tokens) for tokens in (0, 4, 14, 24)] == [None, None, 10.0, 10.0]


def test_meter_knows_nothing_in_no_time() -> None:
    meter = Meter(lambda: 0.0)
    assert [meter.rate(tokens) for tokens in (1, 2)] == [None, None]
