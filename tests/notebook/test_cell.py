"""One ``%%llm`` cell, from its text to its answer."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from cyllama_jupyter.engine.llm import LLM
from cyllama_jupyter.errors import ContextOverflow, LoadCancelled, LoadError
from cyllama_jupyter.notebook.answer import Answer
from cyllama_jupyter.notebook.cell import Cell
from cyllama_jupyter.notebook.interrupts import StopFlag
from cyllama_jupyter.notebook.opening import load_model
from cyllama_jupyter.notebook.shelf import ModelShelf, OnProgress
from cyllama_jupyter.notebook.sinks import Ending, Outcome
from cyllama_jupyter.notebook.wording import failed
from tests.notebook.fakes import RecordingSink, ScriptedGeneration, ScriptedLLM, interrupt_at, task

LOADING = 3  # polls while the scripted model loads


def load_for_ever(_: Path, on_progress: OnProgress) -> LLM:
    """Load until somebody stops it."""
    while on_progress(0.5):
        pass
    raise LoadCancelled("on_progress returned False")


class Run:
    """Runs one cell against a fake model and holds what came of it."""

    def __init__(
        self,
        llm: ScriptedLLM,
        line: str = "--model /models/fake.gguf",
        prompt: str = "Hi",
        shelf: ModelShelf | None = None,
        stop: Callable[[int], bool] = lambda _: False,
    ) -> None:
        self.sink = RecordingSink(stop=stop)
        self.kept: list[Answer] = []
        if "--model" not in line:
            line += " --model /models/fake.gguf"
        shelf = shelf or ModelShelf(llm.opener())
        cell = Cell(task(line, shelf, prompt), self.sink, self.kept.append)
        self.error: BaseException | None = None
        try:
            cell.run()
        except BaseException as error:  # noqa: BLE001 - KeyboardInterrupt is what many tests are about
            self.error = error

    @property
    def line(self) -> list[str]:
        """What IPython would show of the error."""
        lines: list[str] = vars(self.error)["_render_traceback_"]()
        return lines


def test_chat() -> None:
    llm = ScriptedLLM(ScriptedGeneration(["Hello ", "there"]))
    ran = Run(llm)
    assert ran.error is None
    assert llm.asked == [[{"role": "user", "content": "Hi"}]]
    assert [(kept.response, kept.value, kept.ending.facts) for kept in ran.kept] == [
        ("Hello there", "Hello there", ("2 tokens",))
    ]
    assert ran.sink.endings == [ran.kept[0].ending]


def test_the_status_is_shown_before_anything_else() -> None:
    ran = Run(ScriptedLLM())
    assert ran.sink.labels[:2] == ["starting", "loading fake.gguf · 0%"]


def test_system() -> None:
    llm = ScriptedLLM()
    Run(llm, "--system 'Be terse.'")
    assert llm.asked == [[{"role": "system", "content": "Be terse."}, {"role": "user", "content": "Hi"}]]


def test_raw_is_the_text_as_it_is() -> None:
    llm = ScriptedLLM(has_chat_template=False)
    ran = Run(llm, "--raw", "  Once upon\n")
    assert llm.asked == ["  Once upon\n"]
    assert ran.kept[0].ending.facts == ("1 token",)


@pytest.mark.parametrize(("line", "prompt"), [("", "Hi"), ("--system 'Be terse.'", "Be terse.\n\nHi")])
def test_without_a_chat_template_it_is_plain_text_with_a_notice(line: str, prompt: str) -> None:
    llm = ScriptedLLM(has_chat_template=False)
    ran = Run(llm, line)
    assert llm.asked == [prompt]
    assert ran.sink.endings[0].facts[0].startswith("this model has no chat template")


def test_only_what_was_given_differs_from_the_models_settings() -> None:
    llm = ScriptedLLM()
    Run(llm, "--max-tokens 5 --stop X")
    assert llm.configs[0].max_tokens == 5
    assert tuple(llm.configs[0].stop_sequences) == ("X",)
    assert llm.configs[0].n_ctx == llm.config.n_ctx


def test_an_interrupt_is_raised_after_all_is_shown_and_kept() -> None:
    generation = ScriptedGeneration(["a "] * 9, on_wait=interrupt_at(3))
    ran = Run(ScriptedLLM(generation), "--out story")
    assert type(ran.error) is KeyboardInterrupt
    assert ran.line == ["KeyboardInterrupt: stopped after 4 tokens; the partial answer is in `_llm` and `story`"]
    assert [kept.response for kept in ran.kept] == ["a a a a "]
    assert ran.sink.endings[0].facts == ("stopped after 4 tokens",)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_stop_keeps_what_there_is_and_ends_the_cell_as_any_other() -> None:
    ran = Run(ScriptedLLM(ScriptedGeneration(["a "] * 9)), stop=lambda poll: poll == LOADING + 3)
    assert ran.error is None
    assert [(kept.response, kept.response.finish_reason) for kept in ran.kept] == [("a a a ", "cancelled")]
    assert ran.sink.endings[0].outcome is Outcome.STOPPED


def test_stop_in_the_load() -> None:
    ran = Run(ScriptedLLM(), shelf=ModelShelf(load_for_ever), stop=lambda poll: poll == 2)
    assert type(ran.error) is LoadCancelled
    assert [ending.footer() for ending in ran.sink.endings] == ["stopped while loading fake.gguf; it is not in memory"]
    assert ran.sink.endings[0].outcome is Outcome.STOPPED
    assert ran.kept == []


def test_any_flag_stops_an_answer() -> None:
    flag = StopFlag()
    generation = ScriptedGeneration(["a "] * 9, on_wait=lambda wait: flag.set() if wait == 2 else None)
    kept: list[Answer] = []
    cell = Cell(task("--model a", ModelShelf(ScriptedLLM(generation).opener())), RecordingSink(), kept.append)
    assert cell.answer(flag).response.finish_reason == "cancelled"
    assert [answer.response for answer in kept] == ["a a a "]


def test_a_flag_that_is_no_interrupt_ends_a_load_without_one() -> None:
    flag = StopFlag()
    flag.set()
    cell = Cell(task("--model a", ModelShelf(load_for_ever)), RecordingSink(), lambda _: None)
    with pytest.raises(LoadCancelled, match="while loading a; it is not in memory"):
        cell.answer(flag)


def test_an_interrupt_that_came_too_late_still_stops_run_all() -> None:
    class Late(RecordingSink):
        def finish(self, ending: Ending) -> None:
            super().finish(ending)
            signal.raise_signal(signal.SIGINT)

    llm, sink = ScriptedLLM(), Late()
    cell = Cell(task("--model a", ModelShelf(llm.opener())), sink, lambda _: None)
    with pytest.raises(KeyboardInterrupt, match="already complete"):
        cell.run()
    assert sink.endings[0].outcome is Outcome.DONE


def test_an_interrupted_load() -> None:
    def open_model(_: Path, on_progress: OnProgress) -> LLM:
        signal.raise_signal(signal.SIGINT)
        assert not on_progress(0.3)
        raise LoadCancelled("on_progress returned False")

    ran = Run(ScriptedLLM(), shelf=ModelShelf(open_model))
    assert type(ran.error) is KeyboardInterrupt
    assert ran.line == ["KeyboardInterrupt: stopped while loading fake.gguf; it is not in memory"]
    assert [ending.outcome for ending in ran.sink.endings] == [Outcome.STOPPED]
    assert ran.kept == []


def test_a_load_that_fails() -> None:
    def open_model(_: Path, __: OnProgress) -> LLM:
        raise LoadError("out of memory")

    ran = Run(ScriptedLLM(), shelf=ModelShelf(open_model))
    assert isinstance(ran.error, LoadError)
    assert ran.sink.endings == [Ending("", ("failed: LoadError",), outcome=Outcome.FAILED, raised=True)]


def test_a_prompt_that_does_not_fit() -> None:
    class Small(ScriptedLLM):
        def submit_samples(self, *_: object, **__: object) -> NoReturn:
            raise ContextOverflow(9000, 2048)

    ran = Run(Small())
    assert isinstance(ran.error, ContextOverflow)
    assert ran.sink.endings[0].outcome is Outcome.FAILED


def test_load_model_says_what_it_loaded() -> None:
    llm, sink = ScriptedLLM(), RecordingSink()
    shelf = ModelShelf(llm.opener())
    load_model(shelf, "/models/fake.gguf", sink)
    assert shelf.current is llm.as_llm
    assert sink.endings[0].footer() == "loaded fake.gguf · context of 2,048 tokens"


def test_load_model_interrupted_keeps_the_current_model() -> None:
    llm = ScriptedLLM()

    def open_model(path: Path, on_progress: OnProgress) -> LLM:
        if path.name == "b":
            signal.raise_signal(signal.SIGINT)
            assert not on_progress(0.5)
            raise LoadCancelled("on_progress returned False")
        return llm.as_llm

    shelf = ModelShelf(open_model)
    load_model(shelf, "a", RecordingSink())
    with pytest.raises(KeyboardInterrupt, match="while loading b"):
        load_model(shelf, "b", RecordingSink())
    assert shelf.current is llm.as_llm


def test_a_reload_that_is_stopped_leaves_the_model_as_it_was(tiny_model: Path) -> None:
    loads: list[int] = []

    def stopped_the_second_time(path: Path, on_progress: OnProgress, n_ctx: int = 0) -> LLM:
        loads.append(n_ctx)
        if n_ctx:
            raise LoadCancelled("stopped")
        return LLM(path, on_progress=on_progress)

    shelf, sink = ModelShelf(stopped_the_second_time), RecordingSink()
    with load_model(shelf, str(tiny_model), RecordingSink()) as llm:
        with pytest.raises(LoadCancelled):
            load_model(shelf, str(tiny_model), sink, {"n_ctx": 512})
        assert sink.endings[0].footer() == f"stopped while loading {tiny_model.name}; it stays as it was loaded before"
        assert shelf.current is llm
    assert loads == [0, 512]


def test_load_model_stopped_is_no_interrupt() -> None:
    sink = RecordingSink(stop=lambda _: True)
    with pytest.raises(LoadCancelled):
        load_model(ModelShelf(load_for_ever), "/models/b", sink)
    assert sink.endings[0].footer() == "stopped while loading b; it is not in memory"


def test_an_error_that_nobody_raises_is_told_once_with_what_there_is_of_the_answer() -> None:
    sink = RecordingSink()
    llm = ScriptedLLM(ScriptedGeneration(["half ", "an ans"], error=LoadError("no memory")))
    shelf = ModelShelf(llm.opener())
    cell = Cell(task("--model /models/fake.gguf", shelf), sink, lambda _: None, failed)
    with pytest.raises(LoadError):
        cell.answer(StopFlag())
    assert sink.endings == [Ending("half an ans", ("failed: LoadError: no memory",), outcome=Outcome.FAILED)]
    assert not sink.endings[0].silent
