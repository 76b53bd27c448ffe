"""The ring that llama.cpp's log lines go through."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from cyllama_jupyter import LLM, LoadError
from cyllama_jupyter._native import log
from cyllama_jupyter.engine import logs


def test_llama_cpp_logs_through_logging(tiny_model: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "cyllama_jupyter.llama"):
        LLM(tiny_model).close()
    lines = [record.getMessage() for record in caplog.records if record.name == "cyllama_jupyter.llama"]
    assert any("llama_model_loader" in line for line in lines)
    assert all(line == line.strip() and line for line in lines)


def test_a_cancel_is_not_logged_as_an_error(slow_llm: LLM, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "cyllama_jupyter.llama"):
        generation = slow_llm.submit("word " * 1500)
        while generation.progress.phase == "queued":
            generation.wait(0.01)
        generation.cancel()
        assert generation.result().finish_reason == "cancelled"
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_nothing_is_printed_unless_asked_for(tiny_model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    LLM(tiny_model).close()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("length", [0, 511, 512, 513, 1536, 60_000])
def test_a_long_line_comes_whole(length: int) -> None:
    log.drain()
    log.say(4, "ä" * (length // 2) + "a" * (length % 2) + "\n")
    log.say(5, "and its end\n")
    [(level, line)] = log.drain()
    assert level == 4
    assert line == "ä" * (length // 2) + "a" * (length % 2) + "\nand its end\n"


class Kept(logging.Handler):
    """Keeps the records of llama.cpp."""

    def __init__(self) -> None:
        super().__init__()
        self.levels: list[int] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == logs.LOGGER.name:
            self.levels.append(record.levelno)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    """Return a handler of a program that looks at all of its own log."""
    root, handler = logging.getLogger(), Kept()
    monkeypatch.setattr(root, "level", logging.DEBUG)
    logging.getLogger().addHandler(handler)
    logs.LOGGER.manager._clear_cache()  # type: ignore[attr-defined]
    yield handler
    root.removeHandler(handler)


LINES = [(2, "chatter\n"), (1, "detail\n"), (0, "7 lines of llama.cpp's log were dropped\n"), (3, "a warning\n")]


class TestAProgramThatLogsAtInfo:
    @pytest.fixture(autouse=True)
    def _lines(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(log, "drain", lambda: LINES)

    def test_it_gets_warnings_alone(self, kept: Kept) -> None:
        assert logs.forward() == ["a warning"]
        assert kept.levels == [logging.WARNING]

    def test_a_level_asks_for_the_rest(self, kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
        for name in ("cyllama_jupyter", "cyllama_jupyter.llama"):
            kept.levels.clear()
            with caplog.at_level(logging.DEBUG, name):
                logs.forward()
            assert kept.levels == [logging.INFO, logging.DEBUG, logging.DEBUG, logging.WARNING]

    def test_a_handler_asks_for_the_rest(self, kept: Kept) -> None:
        own = Kept()
        logs.LOGGER.addHandler(own)
        try:
            logs.forward()
        finally:
            logs.LOGGER.removeHandler(own)
        assert own.levels == kept.levels == [logging.INFO, logging.DEBUG, logging.DEBUG, logging.WARNING]


def test_verbose_prints_llama_cpp_s_log(tiny_model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    level, handlers = logs.LOGGER.level, logs.LOGGER.handlers[:]
    try:
        LLM(tiny_model, verbose=True).close()
        assert "llama_model_loader" in capfd.readouterr().err
    finally:
        logs.LOGGER.setLevel(level)
        logs.LOGGER.handlers[:] = handlers


def test_a_failed_load_says_why(tmp_path: Path, tiny_model: Path) -> None:
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(tiny_model.read_bytes().replace(b"llama.block_count", b"llama.block_kount"))
    with pytest.raises(LoadError, match="block_count"):
        LLM(damaged)
