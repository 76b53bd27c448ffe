"""The public fake engine: what it promises to the tests that are built on it."""

import signal
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell

from cyllama_jupyter import (
    LLM,
    ClosedError,
    ContextOverflow,
    DecodeError,
    Generation,
    GenerationConfig,
    LoadCancelled,
    Phase,
    Response,
)
from cyllama_jupyter.notebook.sinks import TerminalSink
from cyllama_jupyter.testing import FakeLLM, play

SLOW = 0.5  # tokens a second: no test waits for the next one
PROMPT = [{"role": "user", "content": "Hi"}]
AGES = 60.0  # seconds


def first_piece(generation: Generation) -> str:
    return next(iter(generation))


class TestAnswers:
    @given(text=st.text(max_size=40), chunk=st.integers(1, 50))
    def test_any_text_in_any_chunks(self, text: str, chunk: int) -> None:
        with FakeLLM(text, chunk=chunk) as llm:
            pieces = list(llm.submit("Hi"))
        assert "".join(pieces) == text
        assert all(len(piece) == chunk for piece in pieces[:-1])

    def test_all_ways_to_ask(self) -> None:
        with FakeLLM("Hello") as llm:
            answers = [llm("Hi"), llm.chat(PROMPT), llm.submit("Hi").result(), llm.submit_chat(PROMPT).result()]
            streamed = ["".join(llm("Hi", stream=True)), "".join(llm.chat(PROMPT, stream=True))]
        assert answers + streamed == ["Hello"] * 6
        assert llm.asked == ["Hi", PROMPT] * 3
        assert {answer.model for answer in answers} == {"fake.gguf"}

    def test_the_figures_of_an_answer(self) -> None:
        with FakeLLM("Hello", chunk=2, prompt_tokens=7) as llm:
            generation = llm.submit("Hi")
            response = generation.result()
        assert isinstance(response, Response)
        assert response.finish_reason == "stop"
        assert response.stats is not None
        assert (response.stats.prompt_tokens, response.stats.generated_tokens) == (7, 3)
        assert generation.progress.phase is Phase.DONE

    def test_on_token(self) -> None:
        pieces: list[str] = []
        with FakeLLM("Hello", chunk=2) as llm:
            llm("Hi", on_token=pieces.append)
        assert pieces == ["He", "ll", "o"]

    @pytest.mark.parametrize(
        ("settings", "text", "reason"),
        [
            (GenerationConfig(max_tokens=2), "one tw", "length"),
            (GenerationConfig(max_tokens=0), "", "length"),
            (GenerationConfig(stop_sequences=["o th"]), "one tw", "stop"),
            (GenerationConfig(stop_sequences=["nowhere", "e\n"]), "one two three", "stop"),
        ],
    )
    def test_the_settings_that_a_text_can_honour(self, settings: GenerationConfig, text: str, reason: str) -> None:
        with FakeLLM("one two three") as llm:
            response = llm("Hi", settings)
        assert (response, response.finish_reason) == (text, reason)

    def test_one_after_the_other(self) -> None:
        with FakeLLM("Hello", rate=SLOW) as llm:
            first, second = llm.submit("1"), llm.submit("2")
            assert second.progress.phase is Phase.QUEUED
            second.cancel()
            assert second.result(timeout=AGES) == ""
            assert not first.done()

    def test_it_fails_after_its_text(self) -> None:
        with FakeLLM("Hello", fail_with=DecodeError("llama_decode returned -3")) as llm:
            generation = llm.submit("Hi")
            with pytest.raises(DecodeError, match="-3"):
                generation.result()
            assert generation.text == "Hello"
            assert isinstance(llm.submit("Hi").exception(), DecodeError)


class TestPace:
    def test_rate(self) -> None:
        with FakeLLM("x" * 40, chunk=1, rate=400) as llm:
            begin = time.perf_counter()
            llm("Hi")
            assert 0.1 <= time.perf_counter() - begin < 2.0

    def test_the_prefill_goes_on_evenly(self) -> None:
        with FakeLLM("Hello", prompt_tokens=1000, prefill_seconds=0.5) as llm:
            generation = llm.submit("Hi")
            seen = [generation.progress]
            while not generation.wait(0.002):  # which leaves the interpreter to the engine's thread
                seen.append(generation.progress)
        read = [progress.prompt_tokens_read for progress in seen if progress.phase is Phase.PREFILL]
        assert read == sorted(read)
        assert len(set(read)) > 3
        assert generation.progress.prompt_tokens_read == 1000

    @pytest.mark.parametrize("options", [{"rate": 0.0}, {"rate": -1.0}, {"chunk": 0}])
    def test_a_pace_that_is_none(self, options: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=next(iter(options))):
            FakeLLM("Hello", **options)


class TestCancel:
    @pytest.mark.parametrize("options", [{"rate": SLOW}, {"prefill_seconds": AGES}], ids=["decode", "prefill"])
    def test_within_ten_milliseconds(self, options: dict[str, Any]) -> None:
        """The best of a few: a busy machine may take its time, a fake engine may not."""
        took = []
        with FakeLLM("Hello", **options) as llm:
            for _ in range(5):
                generation = llm.submit("Hi")
                while generation.progress.phase is Phase.QUEUED:
                    generation.wait(0.001)
                begin = time.perf_counter()
                assert generation.cancel()
                assert generation.result(timeout=AGES).finish_reason == "cancelled"
                took.append(time.perf_counter() - begin)
        assert min(took) < 0.010

    def test_the_text_so_far_stays(self) -> None:
        with FakeLLM("Hello", rate=20) as llm:
            generation = llm.submit("Hi")
            assert first_piece(generation) == "Hel"
            llm.cancel()
            assert llm.cancel_requested
            assert generation.result(timeout=AGES).startswith("Hel")
            assert generation.cancelled() or generation.text == "Hello"

    @pytest.mark.parametrize("options", [{"prefill_seconds": AGES}, {"rate": 0.001}, {"rate": 1000}], ids=str)
    def test_a_timeout_ends_it_wherever_it_is(self, options: dict[str, Any]) -> None:
        with FakeLLM("Hello " * 10_000, **options) as llm:
            assert llm("Hi", timeout=0.05).finish_reason == "timeout"

    def test_a_cancel_hits_what_was_asked_before(self) -> None:
        with FakeLLM("Hello", rate=1000) as llm:
            before = llm.submit("1")
            llm.cancel()
            after = llm.submit("2")
            assert before.result(timeout=AGES).finish_reason == "cancelled"
            assert after.result(timeout=AGES) == "Hello"

    def test_closing_ends_everything(self) -> None:
        llm = FakeLLM("Hello", rate=SLOW)
        generations = [llm.submit("1"), llm.submit("2")]
        llm.close()
        assert llm.closed
        assert [generation.result(timeout=AGES).finish_reason for generation in generations] == ["cancelled"] * 2
        with pytest.raises(ClosedError):
            llm.submit("3")

    def test_who_drops_it_ends_its_thread(self) -> None:
        llm = FakeLLM("Hello")
        llm("Hi")
        dropped, engine = weakref.ref(llm), llm._engine
        del llm
        assert dropped() is None
        engine.join(AGES)
        assert not engine.alive


class TestLikeAnLLM:
    def test_it_is_one(self) -> None:
        with FakeLLM("Hello", n_ctx=100, temperature=0.0) as llm:
            assert isinstance(llm, LLM)
            assert (llm.n_ctx, llm.config.n_ctx, llm.config.temperature) == (100, 100, 0.0)
            assert llm.has_chat_template
            assert "fake.gguf" in repr(llm)

    def test_without_a_chat_template(self) -> None:
        with FakeLLM("Hello", has_chat_template=False) as llm:
            assert not llm.has_chat_template
            assert llm.chat(PROMPT) == "Hello"

    def test_what_an_llm_refuses(self) -> None:
        with FakeLLM(prompt_tokens=11, n_ctx=10) as llm:
            with pytest.raises(ContextOverflow):
                llm.submit("Hi")
            with pytest.raises(TypeError, match="prompt"):
                llm.submit(3)  # type: ignore[arg-type]
        with FakeLLM() as llm, pytest.raises(ValueError, match="n_ctx=7"):
            llm.submit("Hi", GenerationConfig(n_ctx=7))
        with pytest.raises(ValueError, match="top_p"):
            FakeLLM(top_p=3)

    def test_load(self) -> None:
        seen: list[float] = []
        FakeLLM(load_seconds=0.1, on_progress=seen.append).close()
        assert seen == sorted(seen)
        assert seen[0] < 0.5
        assert seen[-1] == 1.0

    def test_a_cancelled_load(self) -> None:
        before = threading.active_count()
        with pytest.raises(LoadCancelled):
            FakeLLM(load_seconds=AGES, on_progress=lambda _: False)
        assert threading.active_count() == before


class TestPlay:
    @pytest.fixture
    def _sigint(self) -> Iterator[None]:
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
        signal.signal(signal.SIGINT, before)

    def test_as_a_cell_shows_it(self, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
        response = play("Hello, **world**", chunk=4)
        assert isinstance(response, Response)
        assert (response, response.finish_reason) == ("Hello, **world**", "stop")
        out, err = capsys.readouterr()
        assert out == "Hello, **world**\n"
        assert err.startswith("4 tokens · ")
        assert "_llm" not in shell.user_ns

    def test_without_a_shell(self) -> None:
        InteractiveShell.clear_instance()
        with pytest.raises(RuntimeError, match="no IPython shell"):
            play("Hello")

    @pytest.mark.usefixtures("_sigint", "shell")
    def test_an_interrupt(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        monkeypatch.setattr(TerminalSink, "poll", lambda _: signal.raise_signal(signal.SIGINT))
        with pytest.raises(KeyboardInterrupt, match="interrupted"):
            play("Hello", rate=SLOW)
        assert "stopped after 0 tokens" in capsys.readouterr().err
