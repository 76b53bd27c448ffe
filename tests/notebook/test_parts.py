"""Which part of a prompt has how many tokens."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyllama_jupyter import LLM
from cyllama_jupyter.config import GenerationConfig
from cyllama_jupyter.notebook.attachments import Attachment, with_attachments
from cyllama_jupyter.notebook.conversation import Turn
from cyllama_jupyter.notebook.conversations import Conversations
from cyllama_jupyter.notebook.dry_run import DryRun
from cyllama_jupyter.notebook.parts import dry_run
from cyllama_jupyter.notebook.prompt import Piece, expand
from cyllama_jupyter.notebook.question import Question
from cyllama_jupyter.testing import FakeLLM

CONFIG = GenerationConfig()


@pytest.fixture(scope="module")
def smollm2_llm(smollm2: Path) -> Iterator[LLM]:
    with LLM(smollm2, n_ctx=512, n_threads=1) as llm:
        yield llm


def tokens(run: DryRun) -> dict[str, int]:
    """Return the tokens of the parts, by name."""
    found: dict[str, int] = {}
    for part in run.parts:
        found[part.name] = found.get(part.name, 0) + part.n_tokens
    return found


class TestRealTokens:
    @pytest.mark.parametrize("raw", [True, False])
    @pytest.mark.parametrize("source", ["{{ a }}{{ b }}{{ c }}", "{{ c }}{{ a }}", "{{ a }} and {{ b }}", "{{ b }}x"])
    def test_values_that_are_longer_alone_than_together(self, smollm2_llm: LLM, source: str, *, raw: bool) -> None:
        namespace = {"a": "under", "b": "stand", "c": "ing"}
        question = Question(expand(source, namespace), raw=raw)
        run = dry_run(question, smollm2_llm, CONFIG)
        assert all(part.n_tokens >= 0 for part in run.parts)
        whole = question.tokens(smollm2_llm, CONFIG) if raw else smollm2_llm.tokenize_chat(question.messages())
        assert run.n_tokens == sum(tokens(run).values()) == len(whole)

    def test_an_attachments_fences_are_its_own(self, smollm2_llm: LLM) -> None:
        notes = Attachment("notes.txt", "The sky is blue.\n")
        pieces = with_attachments([Piece("Why?")], [notes])
        question = Question(pieces, raw=True)
        found = tokens(dry_run(question, smollm2_llm, CONFIG))
        fenced = len(smollm2_llm.tokenize("".join(piece.text for piece in pieces[:-1])))
        own = len(question.tokens(smollm2_llm, CONFIG)) - fenced
        assert found == {"notes.txt": fenced, "the cell": own}
        assert own <= 3, "the words, and the line break that a tokenizer puts before them"


PIECES = st.lists(st.builds(Piece, st.text(max_size=9), st.sampled_from(("", "a", "b")), st.booleans()), min_size=1)


@given(PIECES, st.integers(1, 5))
def test_no_part_has_less_than_none_and_all_of_them_have_all(pieces: list[Piece], chunk: int) -> None:
    with FakeLLM(chunk=chunk) as llm:
        question = Question(pieces)
        run = dry_run(question, llm, CONFIG)
        assert all(part.n_tokens >= 0 for part in run.parts)
        assert run.n_tokens == sum(len(part.token_ids) for part in llm.parts_of_chat(question.messages()))


def test_equal_messages_are_told_apart() -> None:
    chat = Conversations().open("physics")
    chat.replace([Turn("system", "the same"), Turn("user", "the same"), Turn("assistant", "the same")])
    with FakeLLM() as llm, chat.ask("the same") as exchange:
        question = Question([Piece("the same")], exchange=exchange)
        names = [part.name for part in dry_run(question, llm, CONFIG).parts if not part.is_control]
    assert names == ["the system message", "the conversation so far", "the conversation so far", "the cell"]
