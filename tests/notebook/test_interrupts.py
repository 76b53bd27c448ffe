"""SIGINT as a number."""

import signal
import threading
from types import FrameType

import pytest

from cyllama_jupyter.notebook.interrupts import InterruptFlag


def test_false_until_there_was_one() -> None:
    with InterruptFlag() as flag:
        assert not flag
        signal.raise_signal(signal.SIGINT)
        assert flag
        signal.raise_signal(signal.SIGINT)
        assert flag.count == 2
    assert flag


@pytest.fixture
def now() -> list[float]:
    return [100.0]


def test_many_in_a_moment_are_one(now: list[float]) -> None:
    with InterruptFlag(lambda: now[0]) as flag:
        for _ in range(9):
            signal.raise_signal(signal.SIGINT)
        now[0] += 0.9
        signal.raise_signal(signal.SIGINT)
        assert flag.count == 10
        now[0] += 0.2
        with pytest.raises(KeyboardInterrupt, match="11 interrupts"):
            signal.raise_signal(signal.SIGINT)


def test_the_third_is_raised_at_once_with_the_handler_back(now: list[float]) -> None:
    with InterruptFlag(lambda: now[0]) as flag:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        now[0] += 1.0
        with pytest.raises(KeyboardInterrupt, match="3 interrupts"):
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert flag.count == 3


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt, SystemExit])
def test_puts_the_handler_back(error: type[BaseException] | None) -> None:
    def handler(signum: int, frame: FrameType | None) -> None:
        pass

    signal.signal(signal.SIGINT, handler)
    try:
        with InterruptFlag():
            assert signal.getsignal(signal.SIGINT) is not handler
            if error is not None:
                raise error
    except BaseException as caught:  # noqa: BLE001 - SystemExit too
        assert type(caught) is error  # noqa: PT017 - the handler is what is tested
    assert signal.getsignal(signal.SIGINT) is handler


def test_nests() -> None:
    with InterruptFlag() as outer:
        with InterruptFlag() as inner:
            signal.raise_signal(signal.SIGINT)
        assert (outer.count, inner.count) == (0, 1)
        signal.raise_signal(signal.SIGINT)
    assert outer.count == 1


def test_inert_off_the_main_thread() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[object] = []

    def use() -> None:
        with InterruptFlag() as flag:
            seen.append((bool(flag), signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert seen == [(False, before)]


def test_inert_where_sigint_is_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with InterruptFlag() as flag:
        signal.raise_signal(signal.SIGINT)
    assert not flag
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_its_handler_takes_no_lock() -> None:
    """Whatever the handler calls could be what it interrupts."""
    names = {"count", "_first", "_clock", "_PATIENCE", "_SECONDS", "_restore", "KeyboardInterrupt"}
    assert set(InterruptFlag._count.__code__.co_names) <= names
