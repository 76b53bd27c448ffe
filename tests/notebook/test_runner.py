"""What the thread of a cell does while a model is loaded and generates."""

import itertools
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cyllama_jupyter.engine.llm import LLM
from cyllama_jupyter.engine.response import Response
from cyllama_jupyter.errors import DecodeError, LoadCancelled, LoadError
from cyllama_jupyter.notebook import runner
from cyllama_jupyter.notebook.interrupts import InterruptFlag, StopFlag
from cyllama_jupyter.notebook.painter import Painter
from cyllama_jupyter.notebook.shelf import ModelShelf
from cyllama_jupyter.notebook.sinks import Ending, Outcome
from tests.notebook.fakes import RecordingSink, ScriptedGeneration, ScriptedLLM

WORDS = ["The ", "quick ", "brown ", "fox"]


@pytest.fixture(autouse=True)
def _always_time_to_paint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Painter, "due", lambda _: True)


def run(generation: ScriptedGeneration, sink: RecordingSink, flag: InterruptFlag | None = None) -> Response:
    flag = InterruptFlag() if flag is None else flag  # a flag that was not raised is false
    return runner.run(generation.as_generation, sink, flag, lambda response: Ending(response.text))


def at(n: int, act: Callable[[], object]) -> Callable[[int], object]:
    return lambda wait: act() if wait == n else None


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


class TestRun:
    def test_paints_the_text_as_it_grows_and_returns_the_response(self) -> None:
        sink = RecordingSink()
        response = run(ScriptedGeneration(WORDS), sink)
        assert [text for _, text in sink.updates] == ["The ", "The quick ", "The quick brown ", "The quick brown fox"]
        assert response == "The quick brown fox"
        assert sink.endings == [Ending("The quick brown fox")]
        assert sink.labels[0] == "writing · 1 token"

    def test_an_interrupt_cancels_and_keeps_waiting(self) -> None:
        generation, sink = ScriptedGeneration(WORDS, on_wait=at(2, interrupt)), RecordingSink()
        with InterruptFlag() as flag:
            response = run(generation, sink, flag)
        assert (response, response.finish_reason) == ("The quick brown ", "cancelled")
        assert sink.endings == [Ending("The quick brown ")]
        assert sink.labels[-1] == "stopping"

    def test_stop_cancels_and_returns_the_response(self) -> None:
        sink = RecordingSink(stop=lambda poll: poll >= 3)
        response = run(ScriptedGeneration(WORDS), sink)
        assert (response, response.finish_reason) == ("The quick brown ", "cancelled")
        assert sink.endings == [Ending("The quick brown ")]
        assert sink.labels[-1] == "stopping"

    def test_it_listens_in_every_wait(self) -> None:
        sink = RecordingSink()
        generation = ScriptedGeneration(WORDS)
        run(generation, sink)
        assert sink.polls == generation.waits - 1

    def test_two_interrupts_are_one(self) -> None:
        generation = ScriptedGeneration(WORDS, on_wait=lambda wait: interrupt() if wait in (1, 2) else None)
        with InterruptFlag() as flag:
            assert run(generation, RecordingSink(), flag).finish_reason == "cancelled"
        assert flag.count == 2

    def test_the_response_is_kept_before_it_is_shown(self) -> None:
        class Broken(RecordingSink):
            def finish(self, ending: Ending) -> None:
                super().finish(ending)
                if ending.outcome is Outcome.DONE:
                    raise OSError("the connection is gone")

        kept: list[Response] = []

        def finish(response: Response) -> Ending:
            kept.append(response)
            return Ending(response.text)

        with pytest.raises(OSError, match="connection"):
            runner.run(ScriptedGeneration(WORDS).as_generation, Broken(), InterruptFlag(), finish)
        assert kept == ["The quick brown fox"]

    def test_a_failure_leaves_the_text_so_far(self) -> None:
        sink = RecordingSink()
        with pytest.raises(DecodeError):
            run(ScriptedGeneration(WORDS[:2], error=DecodeError("llama_decode returned -3")), sink)
        assert sink.endings == [Ending("The quick ", ("failed: DecodeError",), outcome=Outcome.FAILED, raised=True)]

    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, MemoryError, GeneratorExit])
    def test_whatever_hits_it_cancels_and_finishes(self, error: type[BaseException]) -> None:
        def hit() -> None:
            raise error

        generation, sink = ScriptedGeneration(WORDS, on_wait=at(2, hit)), RecordingSink()
        with pytest.raises(error):
            run(generation, sink)
        assert generation.cancelled
        assert [ending.text for ending in sink.endings] == ["The quick "]

    def test_a_third_interrupt_ends_a_generation_that_does_not_listen(self) -> None:
        class Deaf(ScriptedGeneration):
            def cancel(self) -> bool:
                return True

        sink, seconds = RecordingSink(), itertools.count()
        with pytest.raises(KeyboardInterrupt), InterruptFlag(lambda: next(seconds)) as flag:
            run(Deaf(["word "] * 1000, on_wait=lambda _: interrupt()), sink, flag)
        assert sink.endings == [Ending("word word ", ("stopped at once, after 3 interrupts",), outcome=Outcome.STOPPED)]

    def test_off_the_main_thread(self) -> None:
        responses: list[Response] = []

        def work() -> None:
            with InterruptFlag() as flag:
                responses.append(run(ScriptedGeneration(WORDS), RecordingSink(), flag))

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert responses == ["The quick brown fox"]


class TestLoad:
    def test_shows_how_it_goes_on(self) -> None:
        sink, llm = RecordingSink(), ScriptedLLM()
        shelf = ModelShelf(llm.opener())
        assert runner.load(shelf.get, Path("/models/a.gguf"), sink, InterruptFlag()) is llm.as_llm
        assert sink.labels == ["loading a.gguf · 0%", "loading a.gguf · 42%", "loading a.gguf · 100%"]
        assert sink.endings == []

    def test_an_interrupt_makes_on_progress_return_false(self) -> None:
        answers: list[bool] = []

        def open_model(_: Path, on_progress: Callable[[float], bool]) -> LLM:
            answers.append(on_progress(0.1))
            interrupt()
            answers.append(on_progress(0.2))
            raise LoadCancelled("on_progress returned False")

        with pytest.raises(LoadCancelled), InterruptFlag() as flag:
            runner.load(open_model, Path("a.gguf"), RecordingSink(), flag)
        assert answers == [True, False]

    def test_stop_makes_on_progress_return_false(self) -> None:
        answers: list[bool] = []

        def open_model(_: Path, on_progress: Callable[[float], bool]) -> LLM:
            answers.extend(on_progress(fraction) for fraction in (0.1, 0.2))
            raise LoadCancelled("on_progress returned False")

        with pytest.raises(LoadCancelled):
            runner.load(open_model, Path("a.gguf"), RecordingSink(stop=lambda poll: poll == 2), StopFlag())
        assert answers == [True, False]


def test_always_final() -> None:
    sink = RecordingSink()
    with runner.always_final(sink):
        pass
    assert sink.endings == []
    with pytest.raises(LoadError), runner.always_final(sink, lambda: "half"):
        raise LoadError("no memory")
    assert sink.endings == [Ending("half", ("failed: LoadError",), outcome=Outcome.FAILED, raised=True)]
