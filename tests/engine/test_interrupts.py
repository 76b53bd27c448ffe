"""Ctrl-C in a script, by a real signal."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cyllama_jupyter import LLM, GenerationConfig

GREEDY = GenerationConfig(max_tokens=24, temperature=0.0)
ENDLESS = GenerationConfig(max_tokens=1_000_000, temperature=0.0)


@contextmanager
def interrupt_when_decoding(llm: LLM) -> Iterator[None]:
    """Send this process a SIGINT as soon as the engine has something to do."""

    def watch() -> None:
        while not ended.is_set():
            scheduler = llm._engine.scheduler
            if armed and scheduler is not None and scheduler.n_open:
                os.kill(os.getpid(), signal.SIGINT)
                return

    armed: list[bool] = []
    ended = threading.Event()
    thread = threading.Thread(target=watch)
    thread.start()
    try:
        armed.append(True)  # not an Event: the signal may come while its lock is held
        yield
    finally:
        ended.set()
        thread.join()


def test_ctrl_c_in_a_prefill_cancels_the_call_and_raises(slow_llm: LLM) -> None:
    with pytest.raises(KeyboardInterrupt), interrupt_when_decoding(slow_llm):
        slow_llm("word " * 1500, ENDLESS)
    assert slow_llm("word", GREEDY).finish_reason == "length"


def test_ctrl_c_in_a_stream_cancels_it_and_raises(tiny_llm: LLM) -> None:
    stream = tiny_llm("a", ENDLESS, stream=True)
    with pytest.raises(KeyboardInterrupt), interrupt_when_decoding(tiny_llm):
        list(stream)
    assert stream.result().finish_reason == "cancelled"


def test_ctrl_c_while_waiting_for_a_result_cancels_it(slow_llm: LLM) -> None:
    generation = slow_llm.submit("word " * 1500, ENDLESS)
    other = slow_llm.submit("word", GREEDY)
    with pytest.raises(KeyboardInterrupt), interrupt_when_decoding(slow_llm):
        generation.result()
    assert generation.result().finish_reason == "cancelled"
    assert other.result().finish_reason == "length"


def test_with_the_handler_a_stream_ends_normally(slow_llm: LLM) -> None:
    before = signal.getsignal(signal.SIGINT)
    with slow_llm.install_sigint_handler():
        stream = slow_llm("word " * 1500, ENDLESS, stream=True)
        with interrupt_when_decoding(slow_llm):
            assert list(stream) == []
        assert stream.result().finish_reason == "cancelled"
    assert signal.getsignal(signal.SIGINT) is before


def test_handlers_stack_and_restore_is_idempotent(tiny_llm: LLM) -> None:
    before = signal.getsignal(signal.SIGINT)
    first = tiny_llm.install_sigint_handler()
    between = signal.getsignal(signal.SIGINT)
    second = tiny_llm.install_sigint_handler()
    second.restore()
    second.restore()
    assert signal.getsignal(signal.SIGINT) == between
    first.restore()
    first.restore()
    assert signal.getsignal(signal.SIGINT) is before


def test_the_handler_needs_the_main_thread(tiny_llm: LLM) -> None:
    raised: list[Exception] = []

    def install() -> None:
        try:
            tiny_llm.install_sigint_handler()
        except RuntimeError as error:
            raised.append(error)

    thread = threading.Thread(target=install)
    thread.start()
    thread.join()
    assert "main thread" in str(raised[0])
