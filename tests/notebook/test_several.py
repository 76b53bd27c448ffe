"""What the thread of a cell does while several answers are written."""

import itertools
import math
import signal
from collections.abc import Sequence

import pytest

from cyllama_jupyter import Generation
from cyllama_jupyter.engine.response import Response
from cyllama_jupyter.errors import DecodeError
from cyllama_jupyter.notebook.interrupts import Flag, InterruptFlag, StopFlag
from cyllama_jupyter.notebook.several import FinishOne, answer_several, stopped
from cyllama_jupyter.notebook.sinks import Column, Ending, Outcome, Running
from cyllama_jupyter.testing import FakeLLM
from tests.notebook.columns import ENDLESS, RecordingColumns, answers
from tests.notebook.fakes import response

SHORT = {"text": "short"}
SLOW = {"text": "a slower one", "rate": 20.0}


def ending(_: int, answer: Response) -> Ending:
    return Ending(answer.text, (answer.finish_reason,))


def ask(
    generations: Sequence[Generation], sink: RecordingColumns, flag: Flag | None = None, finish: FinishOne = ending
) -> list[Response]:
    sink.count = len(generations)
    return answer_several(generations, sink, StopFlag() if flag is None else flag, finish)


def writes(column: Column) -> bool:
    return isinstance(column, Running) and column.text != ""


def test_all_are_painted_and_returned_in_their_order() -> None:
    kept: dict[int, Response] = {}

    def keep(place: int, answer: Response) -> Ending:
        kept[place] = answer
        return ending(place, answer)

    sink = RecordingColumns()
    with answers(SLOW, SHORT) as generations:
        assert ask(generations, sink, finish=keep) == ["a slower one", "short"]
    assert list(kept) == [1, 0], "who ends first is kept first"
    assert sink.finished == [[Ending("a slower one", ("stop",)), Ending("short", ("stop",))]]
    assert any(writes(slow) and short == Ending("short", ("stop",)) for slow, short in sink.shown)


def test_text_only_grows_and_an_ending_stays() -> None:
    sink = RecordingColumns()
    with answers(SLOW, SHORT, SLOW) as generations:
        ask(generations, sink)
    for before, after in zip(sink.shown, sink.shown[1:], strict=False):
        for was, now in zip(before, after, strict=True):
            assert now.text.startswith(was.text)
            assert isinstance(was, Running) or now == was


def test_what_is_shown_is_not_painted_again() -> None:
    sink = RecordingColumns()
    with answers(SLOW, SLOW) as generations:
        ask(generations, sink)
    assert all(before != after for before, after in zip(sink.shown, sink.shown[1:], strict=False))


def test_a_sink_without_use_for_updates_gets_few() -> None:
    sink = RecordingColumns(interval=math.inf)
    with answers(SLOW, SLOW) as generations:
        ask(generations, sink)
    assert len(sink.shown) <= 1
    assert len(sink.finished) == 1


def test_one_model_answers_them_one_after_the_other() -> None:
    sink = RecordingColumns()
    with FakeLLM("a slower one", rate=20.0) as llm:
        assert ask(llm.submit_samples("Hi", 3), sink) == ["a slower one"] * 3
    last = [columns[2] for columns in sink.shown]
    assert any(isinstance(column, Running) and column.status.phase == "queued" for column in last)


class TestStop:
    def test_of_the_second_leaves_the_others_whole(self) -> None:
        sink = RecordingColumns(stops=lambda _, shown: [1] if shown and writes(shown[1]) else [])
        with answers(SLOW, ENDLESS, SLOW, SHORT) as generations:
            responses = ask(generations, sink)
        assert [answer.finish_reason for answer in responses] == ["stop", "cancelled", "stop", "stop"]
        assert responses[1] != ""
        assert [responses[place] for place in (0, 2, 3)] == ["a slower one", "a slower one", "short"]
        assert [end.facts for end in sink.finished[0]] == [("stop",), ("cancelled",), ("stop",), ("stop",)]

    def test_of_one_that_has_ended_changes_nothing(self) -> None:
        sink = RecordingColumns(stops=lambda _, shown: [0] if shown and isinstance(shown[0], Ending) else [])
        with answers(SHORT, SLOW) as generations:
            assert [answer.finish_reason for answer in ask(generations, sink)] == ["stop", "stop"]

    def test_of_each(self) -> None:
        sink = RecordingColumns(stops=lambda poll, _: range(min(poll, 3)))
        with answers(ENDLESS, ENDLESS, ENDLESS) as generations:
            assert [answer.finish_reason for answer in ask(generations, sink)] == ["cancelled"] * 3


class TestInterrupt:
    def test_stops_all_and_is_not_raised(self) -> None:
        def interrupt(_: int, shown: Sequence[Column]) -> Sequence[int]:
            if shown and all(map(writes, shown)) and not flag:
                signal.raise_signal(signal.SIGINT)
            return ()

        sink = RecordingColumns(stops=interrupt)
        with answers(*[ENDLESS] * 4) as generations, InterruptFlag() as flag:
            responses = ask(generations, sink, flag)
        assert flag
        assert [answer.finish_reason for answer in responses] == ["cancelled"] * 4
        assert all(responses)
        assert len(sink.finished) == 1

    def test_keeps_who_was_complete(self) -> None:
        def interrupt(_: int, shown: Sequence[Column]) -> Sequence[int]:
            if shown and isinstance(shown[0], Ending):
                flag.set()
            return ()

        flag, sink = StopFlag(), RecordingColumns(stops=interrupt)
        with answers(SHORT, ENDLESS) as generations:
            responses = ask(generations, sink, flag)
        assert [answer.finish_reason for answer in responses] == ["stop", "cancelled"]

    def test_the_third_ends_it_at_once_with_final_outputs(self) -> None:
        def interrupt(poll: int, _: Sequence[Column]) -> Sequence[int]:
            if poll > 1:
                for _again in range(3):
                    signal.raise_signal(signal.SIGINT)
            return ()

        sink, seconds = RecordingColumns(stops=interrupt), itertools.count()
        with answers(ENDLESS, ENDLESS) as generations:
            with pytest.raises(KeyboardInterrupt), InterruptFlag(lambda: next(seconds)) as flag:
                ask(generations, sink, flag)
            assert all(generation.result().finish_reason == "cancelled" for generation in generations)
        assert [end.outcome for end in sink.finished[-1]] == [Outcome.STOPPED] * 2


class TestFailures:
    def test_one_that_fails_ends_in_its_place_and_the_others_go_on(self) -> None:
        kept: list[int] = []

        def keep(place: int, answer: Response) -> Ending:
            kept.append(place)
            return ending(place, answer)

        sink = RecordingColumns()
        fails = {"text": "half an ans", "fail_with": DecodeError("llama_decode returned -3")}
        with answers(SLOW, fails, SLOW) as generations, pytest.raises(DecodeError, match="-3"):
            ask(generations, sink, finish=keep)
        assert sorted(kept) == [0, 2]
        (endings,) = sink.finished
        assert [end.text for end in endings] == ["a slower one", "half an ans", "a slower one"]
        assert endings[1].facts == ("failed: DecodeError: llama_decode returned -3",)

    def test_of_two_that_fail_the_first_is_raised(self) -> None:
        first, second = ({"text": "x", "fail_with": DecodeError(text)} for text in ("the first", "the second"))
        with answers(first, second) as generations, pytest.raises(DecodeError, match="the first"):
            ask(generations, RecordingColumns())

    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, MemoryError, GeneratorExit, OSError])
    def test_whatever_hits_it_cancels_all_and_finishes(self, error: type[BaseException]) -> None:
        def hit(_: int, shown: Sequence[Column]) -> Sequence[int]:
            if shown and isinstance(shown[1], Ending) and writes(shown[0]):
                raise error
            return ()

        sink = RecordingColumns(stops=hit)
        with answers(ENDLESS, SHORT) as generations:
            with pytest.raises(error):
                ask(generations, sink)
            assert generations[0].result().finish_reason == "cancelled"
        (endings,) = sink.finished
        assert endings[0].text.startswith("word ")
        assert endings[0].outcome is not Outcome.DONE
        assert endings[1] == Ending("short", ("stop",)), "what had ended stays as it was"

    def test_an_ending_that_is_interrupted_is_shown_again(self) -> None:
        class Interrupted(RecordingColumns):
            def finish_each(self, endings: Sequence[Ending]) -> None:
                super().finish_each(endings)
                if len(self.finished) == 1:
                    raise KeyboardInterrupt

        sink = Interrupted()
        with answers(SHORT, SHORT) as generations, pytest.raises(KeyboardInterrupt):
            ask(generations, sink)
        assert sink.finished[0] == sink.finished[1] == [Ending("short", ("stop",))] * 2

    def test_who_cannot_keep_an_answer_ends_it_all(self) -> None:
        def full(place: int, answer: Response) -> Ending:
            raise OSError(f"no space for answer {place}: {answer}")

        sink = RecordingColumns()
        with answers(ENDLESS, SHORT) as generations:
            with pytest.raises(OSError, match="no space for answer 1"):
                ask(generations, sink, finish=full)
            assert generations[0].result().finish_reason == "cancelled"
        assert [end.outcome for end in sink.finished[-1]] == [Outcome.FAILED] * 2
        assert sink.finished[-1][1].text == "short"


@pytest.mark.parametrize(
    ("reasons", "line"),
    [
        (("stop", "cancelled", "length", "cancelled"), "stopped 2 of 4 answers; what there is of them is in `_llm`"),
        (("stop", "length"), "the answers were already complete; they are in `_llm`"),
    ],
)
def test_what_an_interrupted_cell_says(reasons: Sequence[str], line: str) -> None:
    assert stopped([response("x", reason) for reason in reasons], ["_llm"]) == line  # type: ignore[arg-type]
