"""A model for asyncio is loaded beside the event loop, and closed."""

import asyncio
import gc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cyllama_jupyter import LLM, AsyncGeneration, AsyncLLM, ClosedError, GenerationConfig, LoadCancelled
from cyllama_jupyter.engine.worker import _ENGINES
from tests.engine.loops import no_thread_left, run

GREEDY = GenerationConfig(max_tokens=24, temperature=0.0)
ENDLESS = GenerationConfig(max_tokens=1_000_000, temperature=0.0)
LONG = "word " * 1500


@pytest.fixture(autouse=True)
def _no_thread_left() -> Iterator[None]:
    with no_thread_left():
        yield


class TestLoad:
    def test_it_loads_and_closes(self, tiny_model: Path) -> None:
        fractions: list[float] = []

        async def scenario() -> tuple[LLM, str]:
            async with await AsyncLLM.load(tiny_model, on_progress=fractions.append, n_ctx=256) as llm:
                assert llm.llm.n_ctx == 256
                return llm.llm, await llm("a", GREEDY)

        llm, answer = run(scenario)
        assert llm.closed
        assert len(answer) > 0
        assert fractions[-1] == 1.0

    def test_a_cancelled_task_stops_the_load(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told: list[str] = []

        class Endless:
            def __init__(self, *_: object, on_progress: Callable[[float], object]) -> None:
                while on_progress(0.5) is not False:
                    pass
                told.append("stopped")
                raise LoadCancelled("on_progress returned False")

        async def scenario() -> None:
            begun = asyncio.Event()
            loading = asyncio.ensure_future(AsyncLLM.load(on_progress=lambda _: begun.set()))
            await begun.wait()
            loading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await loading

        monkeypatch.setattr("cyllama_jupyter.engine.asynchronous.LLM", Endless)
        run(scenario)  # which waits for the thread that loads
        assert told == ["stopped"]

    def test_a_model_that_nobody_waits_for_any_more_is_freed(self, slow_model: Path) -> None:
        async def scenario() -> None:
            begun = asyncio.Event()
            loading = asyncio.ensure_future(AsyncLLM.load(slow_model, on_progress=lambda _: begun.set()))
            await begun.wait()
            loading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await loading

        before = set(_ENGINES)
        run(scenario)
        gc.collect()
        for engine in set(_ENGINES) - before:
            engine.join(60)
            assert not engine.alive

    def test_what_a_load_raises_is_raised(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            run(lambda: AsyncLLM.load(tmp_path / "none.gguf"))


class TestClose:
    def test_close_ends_what_was_begun_here_and_leaves_a_given_model(self, tiny_llm: LLM) -> None:
        other = tiny_llm.submit("b", GREEDY)

        async def scenario() -> None:
            async with AsyncLLM(tiny_llm) as llm:
                stream = llm.stream("a", ENDLESS)
                reader = asyncio.ensure_future(stream.result())
                await anext(stream)
            assert (await reader).finish_reason == "cancelled"

        run(scenario)
        assert other.result(60).finish_reason == "length"
        assert not tiny_llm.closed

    def test_close_wakes_who_reads(self, slow_model: Path) -> None:
        async def read(stream: AsyncGeneration) -> list[str]:
            return [piece async for piece in stream]

        async def scenario() -> list[str]:
            llm = await AsyncLLM.load(slow_model)
            reader = asyncio.ensure_future(read(llm.stream(LONG)))
            await asyncio.sleep(0)
            await llm.close()
            with pytest.raises(ClosedError):
                await llm("a")
            return await reader

        assert run(scenario) == []
