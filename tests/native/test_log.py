"""The ring that llama.cpp's log lines go through."""

import logging
from pathlib import Path

import pytest

from cyllama_jupyter import LLM, LoadError
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
