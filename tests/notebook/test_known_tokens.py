"""The next turn of a conversation is asked in the tokens that the model has read and written."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cyllama_jupyter import LLM, Generation, GenerationConfig
from cyllama_jupyter.notebook.conversation import Conversation
from cyllama_jupyter.notebook.prompt import Piece
from cyllama_jupyter.notebook.question import Asked, Question
from tests.tiny_models import write_cycle

GREEDY = GenerationConfig(max_tokens=12, temperature=0.0)


@pytest.fixture(scope="module")
def saying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LLM]:
    """Yield a model that writes other tokens than those that its text is read as."""
    with LLM(write_cycle(tmp_path_factory.mktemp("models") / "saying.gguf", "Well said! ")) as llm:
        yield llm


def asked(conversation: Conversation, text: str, llm: LLM, *, raw: bool = False) -> tuple[Asked, Generation]:
    """Ask a conversation one thing and let it take the answer."""
    with conversation.ask(text) as exchange:
        question = Question((Piece(text),), raw=raw, exchange=exchange)
        ask = question.ask(llm, GREEDY)
        [generation] = llm.submit_samples(ask.prompt, 1, GREEDY, known=ask.known)
        response = generation.result(60)
        exchange.answer(response, response.token_ids, generation.prompt_ids)
    return ask, generation


def test_each_turn_reads_only_what_is_new(saying: LLM) -> None:
    conversation = Conversation("talk")
    before: tuple[int, ...] = ()
    for text in ("Hello", "And now?", "Go on."):
        ask, generation = asked(conversation, text, saying)
        assert ask.known == before
        assert generation.prompt_ids[: len(before)] == before
        stats = generation.result().stats
        assert stats is not None
        assert stats.reused_tokens >= len(before) - 1
        before = (*generation.prompt_ids, *generation.token_ids)


def test_tokens_of_another_model_mean_nothing(saying: LLM, tiny_llm: LLM, tiny_model: Path) -> None:
    conversation = Conversation("talk")
    asked(conversation, "Hello", saying)
    assert asked(conversation, "And now?", tiny_llm)[0].known == ()
    assert asked(conversation, "Go on.", tiny_llm)[0].known != ()
    assert asked(conversation, "Once more.", saying)[0].known == ()


def test_a_prompt_that_is_no_conversation_has_none(saying: LLM) -> None:
    conversation = Conversation("talk")
    asked(conversation, "Hello", saying)
    assert asked(conversation, "And now?", saying, raw=True)[0].known == ()
