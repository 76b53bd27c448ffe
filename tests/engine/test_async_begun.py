"""What an AsyncLLM takes besides a prompt: how the answer begins."""

import asyncio
from dataclasses import replace

from cyllama_jupyter import LLM, AsyncLLM, GenerationConfig

GREEDY = GenerationConfig(max_tokens=20, temperature=0.0)
LEFT = replace(GREEDY, max_tokens=12)
MESSAGES = [{"role": "user", "content": "Hello"}]


def test_every_call_goes_on_from_a_beginning(tiny_llm: LLM) -> None:
    async def check() -> None:
        async with AsyncLLM(tiny_llm) as llm:
            whole = await llm("Once", GREEDY)
            begun, prompt = whole.token_ids[:8], tiny_llm.tokenize("Once")
            assert await llm(prompt, LEFT, begun=begun) == whole
            assert await llm.samples(prompt, 2, LEFT, begun=begun) == [whole, whole]
            stream = llm.stream(prompt, LEFT, begun=begun)
            assert "".join([piece async for piece in stream]) == whole
            assert (stream.prompt_ids, stream.token_ids) == (tuple(prompt), whole.token_ids)
            chat = await llm.chat(MESSAGES, GREEDY)
            assert await llm.chat(MESSAGES, LEFT, begun=chat.token_ids[:8]) == chat
            assert await llm.stream_chat(MESSAGES, LEFT, begun=chat.token_ids[:8]).result() == chat

    asyncio.run(check())
