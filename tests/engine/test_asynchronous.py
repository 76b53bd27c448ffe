"""A model for asyncio: awaited, streamed, cancelled with its task."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from cyllama_jupyter import LLM, AsyncGeneration, AsyncLLM, DecodeError, Generation, GenerationConfig
from cyllama_jupyter.testing import FakeLLM
from tests.engine.loops import in_phase, no_thread_left, run, until

GREEDY = GenerationConfig(max_tokens=24, temperature=0.0)
ENDLESS = GenerationConfig(max_tokens=1_000_000, temperature=0.0)
HELLO = [{"role": "user", "content": "Hello"}]
LONG = "word " * 1500


@pytest.fixture(autouse=True)
def _no_thread_left() -> Iterator[None]:
    with no_thread_left():
        yield


class TestAnswers:
    def test_a_call_gives_the_response(self, tiny_llm: LLM) -> None:
        response = run(lambda: AsyncLLM(tiny_llm)("Once upon a time", GREEDY))
        assert response == tiny_llm("Once upon a time", GREEDY)
        assert response.finish_reason == "length"

    def test_chat(self, tiny_llm: LLM) -> None:
        assert run(lambda: AsyncLLM(tiny_llm).chat(HELLO, GREEDY)) == tiny_llm.chat(HELLO, GREEDY)

    def test_samples(self, tiny_llm: LLM) -> None:
        config = GenerationConfig(max_tokens=8, seed=3)
        assert run(lambda: AsyncLLM(tiny_llm).samples("a", 3, config)) == tiny_llm.samples("a", 3, config)

    def test_a_stream_gives_the_same_text_in_pieces(self, tiny_llm: LLM) -> None:
        async def scenario() -> tuple[list[str], str]:
            stream = AsyncLLM(tiny_llm).stream("Once upon a time", GREEDY)
            pieces = [piece async for piece in stream]
            with pytest.raises(StopAsyncIteration):
                await anext(stream)
            return pieces, await stream.result()

        pieces, answer = run(scenario)
        assert len(pieces) > 1
        assert "".join(pieces) == answer == tiny_llm("Once upon a time", GREEDY)

    def test_a_streamed_chat(self, tiny_llm: LLM) -> None:
        async def scenario() -> str:
            return "".join([piece async for piece in AsyncLLM(tiny_llm).stream_chat(HELLO, GREEDY)])

        assert run(scenario) == tiny_llm.chat(HELLO, GREEDY)

    def test_it_serves_one_event_loop_after_another(self, tiny_llm: LLM) -> None:
        llm = AsyncLLM(tiny_llm)

        async def scenario() -> str:
            return "".join([piece async for piece in llm.stream("a", GREEDY)])

        assert run(scenario) == run(scenario) == tiny_llm("a", GREEDY)

    def test_the_loop_runs_while_a_prompt_is_read(self, slow_llm: LLM) -> None:
        async def scenario() -> None:
            stream = AsyncLLM(slow_llm).stream(LONG, ENDLESS)
            await in_phase(stream, "prefill")
            read = stream.progress.prompt_tokens_read
            await until(lambda: stream.progress.prompt_tokens_read > read)
            assert stream.cancel()
            assert (await stream.result()).finish_reason == "cancelled"
            assert stream.cancelled()

        run(scenario)

    def test_two_streams_at_once(self, tiny_llm: LLM) -> None:
        async def read(stream: AsyncGeneration) -> str:
            return "".join([piece async for piece in stream])

        async def scenario() -> list[str]:
            llm = AsyncLLM(tiny_llm)
            return await asyncio.gather(*(read(llm.stream(prompt, GREEDY)) for prompt in "abcdef"))

        texts = run(scenario)
        assert [len(text) > 0 for text in texts] == [True] * 6

    def test_one_thread_serves_all_streams(self, tiny_llm: LLM) -> None:
        async def scenario() -> None:
            before = threading.active_count()
            llm = AsyncLLM(tiny_llm)
            streams = [llm.stream("a", ENDLESS) for _ in range(20)]
            await anext(streams[0])
            assert threading.active_count() == before + 1
            llm.cancel()
            assert [(await stream.result()).finish_reason for stream in streams] == ["cancelled"] * 20

        run(scenario)


class TestErrors:
    def test_what_made_it_fail_is_raised(self) -> None:
        async def scenario() -> None:
            llm = AsyncLLM(fake)
            with pytest.raises(DecodeError, match="mine"):
                await llm("a")
            stream = llm.stream("a")
            with pytest.raises(DecodeError, match="mine"):
                _ = [piece async for piece in stream]

        with FakeLLM("half an ans", fail_with=DecodeError("mine")) as fake:
            run(scenario)

    def test_a_bad_call_is_refused_at_the_call(self, tiny_llm: LLM) -> None:
        async def scenario() -> None:
            with pytest.raises(ValueError, match="timeout must be"):
                AsyncLLM(tiny_llm).stream("a", timeout=-1)

        run(scenario)

    def test_a_stream_needs_a_loop(self, tiny_llm: LLM, begun: list[Generation]) -> None:
        with pytest.raises(RuntimeError, match="no running event loop"):
            AsyncLLM(tiny_llm).stream("a")
        assert begun == []

    def test_a_stream_is_read_by_one_task(self, slow_llm: LLM) -> None:
        async def scenario() -> None:
            async with AsyncLLM(slow_llm).stream(LONG) as stream:
                reader = asyncio.ensure_future(anext(stream))
                await asyncio.sleep(0)
                with pytest.raises(RuntimeError, match="another task reads"):
                    await anext(stream)
            with pytest.raises(StopAsyncIteration):
                await reader

        run(scenario)


class TestCancel:
    def test_a_cancelled_task_cancels_its_answer(self, slow_llm: LLM, begun: list[Generation]) -> None:
        async def scenario() -> None:
            task = asyncio.ensure_future(AsyncLLM(slow_llm)(LONG))
            await asyncio.sleep(0)
            await in_phase(begun[0], "prefill")
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        run(scenario)
        assert begun[0].result(60).finish_reason == "cancelled"

    def test_a_cancelled_task_cancels_its_stream(self, slow_llm: LLM, begun: list[Generation]) -> None:
        async def read(llm: AsyncLLM) -> list[str]:
            return [piece async for piece in llm.stream(LONG)]

        async def scenario() -> None:
            task = asyncio.ensure_future(read(AsyncLLM(slow_llm)))
            await asyncio.sleep(0)
            await in_phase(begun[0], "prefill")
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        run(scenario)
        assert begun[0].result(60).finish_reason == "cancelled"

    def test_a_timeout_of_asyncio_cancels(self, slow_llm: LLM, begun: list[Generation]) -> None:
        async def scenario() -> None:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(AsyncLLM(slow_llm)(LONG), 0.05)

        run(scenario)
        assert begun[0].result(60).finish_reason == "cancelled"

    def test_one_cancelled_task_leaves_the_others(self, tiny_llm: LLM) -> None:
        async def scenario() -> str:
            llm = AsyncLLM(tiny_llm)
            left, ended = asyncio.ensure_future(llm("a", GREEDY)), asyncio.ensure_future(llm("b", ENDLESS))
            await asyncio.sleep(0)
            ended.cancel()
            return await left

        assert run(scenario) == tiny_llm("a", GREEDY)

    def test_leaving_the_loop_over_a_stream_cancels(self, tiny_llm: LLM) -> None:
        async def scenario() -> str:
            stream = AsyncLLM(tiny_llm).stream("a", ENDLESS)
            left = stream._generation._run
            async for _ in stream:
                del stream
                break
            await until(lambda: left.done)
            return left.outcome

        assert run(scenario) == "cancelled"

    @pytest.mark.parametrize("how", ["aclose", "async with"])
    def test_closing_a_stream_cancels(self, how: str, tiny_llm: LLM) -> None:
        async def scenario() -> None:
            stream = AsyncLLM(tiny_llm).stream("a", ENDLESS)
            if how == "aclose":
                await anext(stream)
                await stream.aclose()
            else:
                async with stream:
                    await anext(stream)
            assert (await stream.result()).finish_reason == "cancelled"

        run(scenario)

    def test_a_thrown_away_coroutine_cancels(self, slow_llm: LLM, begun: list[Generation]) -> None:
        async def scenario() -> None:
            coroutine = AsyncLLM(slow_llm)(LONG)
            coroutine.send(None)
            coroutine.close()

        run(scenario)
        assert begun[0].result(60).finish_reason == "cancelled"

    def test_a_deadline_ends_a_stream(self, slow_llm: LLM) -> None:
        async def scenario() -> str:
            stream = AsyncLLM(slow_llm).stream(LONG, timeout=0.05)
            assert [piece async for piece in stream] == []
            return (await stream.result()).finish_reason

        assert run(scenario) == "timeout"

    def test_what_ends_after_its_loop_tells_nobody(self, tiny_llm: LLM, caplog: pytest.LogCaptureFixture) -> None:
        loop = asyncio.new_event_loop()
        task = loop.create_task(AsyncLLM(tiny_llm)("a", GREEDY))
        loop.run_until_complete(asyncio.sleep(0))
        task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        tiny_llm("b", GREEDY)
        assert caplog.text == ""
