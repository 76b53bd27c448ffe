"""Whatever a program hooks into the engine's thread, the engine lives on."""

import logging
import threading
from pathlib import Path
from queue import SimpleQueue

import pytest

from cyllama_jupyter import LLM, Generation, GenerationConfig, Response

GREEDY = GenerationConfig(max_tokens=8, temperature=0.0)


def test_a_callback_that_exits_does_not_take_the_engine_with_it(
    tiny_llm: LLM, caplog: pytest.LogCaptureFixture
) -> None:
    def leave(_: Generation) -> None:
        raise SystemExit("mine")

    generation = tiny_llm.submit("a", GREEDY)
    left = threading.Event()
    generation.add_done_callback(leave)
    generation.add_done_callback(lambda _: left.set())
    assert generation.result(60).finish_reason == "length"
    assert left.wait(60)
    assert tiny_llm.submit("b", GREEDY).result(60).finish_reason == "length"
    assert "mine" in caplog.text


def test_a_callback_may_ask_again(tiny_llm: LLM) -> None:
    answers: list[Response] = []

    def ask_again(_: Generation) -> None:
        answers.append(tiny_llm("c", GREEDY))
        asked.set()

    asked = threading.Event()
    tiny_llm.submit("a", GREEDY).add_done_callback(ask_again)
    assert asked.wait(60)
    assert answers[0].finish_reason == "length"


def test_a_callback_may_close_the_llm(tiny_model: Path) -> None:
    llm = LLM(tiny_model)
    closed = threading.Event()

    def close(_: Generation) -> None:
        llm.close()
        closed.set()

    llm.submit("a", GREEDY).add_done_callback(close)
    assert closed.wait(60)
    llm._engine.join()
    assert not llm._engine.alive


def test_a_callback_may_submit_without_waiting(tiny_llm: LLM) -> None:
    more: SimpleQueue[Generation] = SimpleQueue()
    tiny_llm.submit("a", GREEDY).add_done_callback(lambda _: more.put(tiny_llm.submit("b", GREEDY)))
    assert more.get(timeout=60).result(60).finish_reason == "length"


def test_a_log_handler_that_raises_does_not_end_the_engine(tiny_llm: LLM, capsys: pytest.CaptureFixture[str]) -> None:
    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise ZeroDivisionError(record.getMessage())

    logger, handler = logging.getLogger("cyllama_jupyter.llama"), Broken()
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.DEBUG)
    try:
        generation = tiny_llm.submit("a " * 300, GenerationConfig(max_tokens=100_000))
        generation.wait(0.02)
        generation.cancel()
        assert generation.result(60).finish_reason == "cancelled"
        assert tiny_llm.submit("b", GREEDY).result(60).finish_reason == "length"
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    told = threading.Event()
    tiny_llm.submit("c", GREEDY).add_done_callback(lambda _: told.set())
    assert told.wait(60)  # then what the others left in the log has been sent on, to the stderr of this test
    capsys.readouterr()


class TestAnAbortCallbackOnTheContextOfAnLLM:
    """It adds to ``cancel`` there too (``LlamaContext.set_abort_callback``)."""

    def test_true_cancels_what_runs(self, tiny_model: Path) -> None:
        with LLM(tiny_model) as llm:
            llm._ctx.set_abort_callback(lambda: True)
            assert llm("a", GREEDY).finish_reason == "cancelled"
            llm._ctx.set_abort_callback(None)
            assert llm("a", GREEDY).finish_reason == "length"

    def test_an_exception_fails_what_runs_and_is_raised_by_it(self, tiny_model: Path) -> None:
        def fail() -> bool:
            raise mine

        mine = ZeroDivisionError("mine")
        with LLM(tiny_model) as llm:
            llm._ctx.set_abort_callback(fail)
            generations = llm.submit_samples("a", 2, GREEDY)
            assert [generation.exception(60) for generation in generations] == [mine, mine]
            with pytest.raises(ZeroDivisionError, match="mine"):
                llm("a", GREEDY)
            llm._ctx.set_abort_callback(None)
            assert llm("a", GREEDY).finish_reason == "length"

    def test_false_leaves_it_to_cancel(self, slow_model: Path) -> None:
        with LLM(slow_model) as llm:
            llm._ctx.set_abort_callback(lambda: False)
            generation = llm.submit("word " * 1500, GREEDY)
            while generation.progress.phase != "prefill":
                generation.wait(0.005)
            generation.cancel()
            assert generation.result(60).finish_reason == "cancelled"
