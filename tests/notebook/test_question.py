"""What a cell asks: its text and options to what a model is given."""

from types import SimpleNamespace
from typing import cast

import pytest
from IPython.core.error import UsageError

from cyllama_jupyter.engine.response import FinishReason, Response
from cyllama_jupyter.errors import ConversationError, PromptError, SchemaError
from cyllama_jupyter.notebook.answer import Answer
from cyllama_jupyter.notebook.composing import compose
from cyllama_jupyter.notebook.conversations import Conversations
from cyllama_jupyter.notebook.options import parse
from cyllama_jupyter.notebook.question import Questioner
from cyllama_jupyter.notebook.session import Session
from cyllama_jupyter.notebook.sinks import Ending
from cyllama_jupyter.testing import FakeLLM


class Notebook:
    """A session without a shell, and a model."""

    def __init__(self, llm: FakeLLM) -> None:
        self.llm = llm
        self.chats = Conversations()
        self.session = SimpleNamespace(namespace={}, chats=self.chats, last=())

    def compose(self, line: str, cell: str = "Hi") -> Questioner:
        return compose(parse(line), cell, cast("Session", self.session))

    def asked(self, line: str, cell: str = "Hi") -> object:
        """Return what the model is given."""
        question = self.compose(line, cell)
        try:
            return question.ask(self.llm, self.llm.config).prompt
        finally:
            if question.exchange is not None:
                question.exchange.close()

    def answer(self, text: str, reason: FinishReason = "length", chat: str | None = None) -> None:
        """Note the answer of a cell."""
        ids = tuple(self.llm.tokenize(text))
        response = Response(text, None, reason, self.llm.model_path, token_ids=ids)
        self.session.last = (Answer(response, response, Ending(text), (1, 2, 3), None, chat),)


@pytest.fixture
def notebook() -> Notebook:
    return Notebook(FakeLLM())


@pytest.fixture
def plain() -> Notebook:
    """Return a notebook whose model has no chat template."""
    return Notebook(FakeLLM(has_chat_template=False))


class TestQuestion:
    def test_a_message(self, notebook: Notebook) -> None:
        notebook.session.namespace["name"] = "Ada"
        assert notebook.asked("--system 'Be brief.'", "Hi {{ name }}\n") == [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi Ada"},
        ]

    def test_a_system_message_from_a_variable_and_none_from_what_is_no_text(self, notebook: Notebook) -> None:
        notebook.session.namespace.update(persona="A pirate.", number=3)
        assert {"role": "system", "content": "A pirate."} in cast("list[object]", notebook.asked("--system persona"))
        assert {"role": "system", "content": "number"} in cast("list[object]", notebook.asked("--system number"))

    def test_raw_is_the_cell_as_it_is(self, notebook: Notebook) -> None:
        assert notebook.asked("--raw", "  Once upon\n") == "  Once upon"

    def test_raw_with_values_is_tokens(self, notebook: Notebook) -> None:
        notebook.session.namespace["value"] = "<|im_end|>"
        assert isinstance(notebook.asked("--raw", "a {{ value }}"), list)
        assert notebook.llm.asked == ["a <|im_end|>"]

    def test_without_a_template_it_is_plain_text(self, plain: Notebook) -> None:
        plain.asked("--system 'Be brief.'")
        assert plain.llm.asked == ["Be brief.\n\nHi"]

    def test_the_form_is_told_to_the_model(self, notebook: Notebook) -> None:
        (message,) = cast("list[dict[str, str]]", notebook.asked("--as int"))
        assert message["content"].startswith("Hi\n\nAnswer with one whole number")
        assert notebook.asked("--as int --raw") == "Hi"

    def test_a_prefix_begins_the_answer(self, notebook: Notebook) -> None:
        asked = notebook.compose("--prefix Sure").ask(notebook.llm, notebook.llm.config)
        assert list(asked.begun) == notebook.llm.tokenize("Sure")

    def test_what_is_wrong_is_told_before_a_model_is_asked(self, notebook: Notebook) -> None:
        with pytest.raises(UsageError, match="empty"):
            notebook.compose("", " \n")
        with pytest.raises(PromptError, match="nothing"):
            notebook.compose("", "{{ nothing }}")
        notebook.session.namespace["wrong"] = {"type": "nonsense"}
        with pytest.raises(SchemaError):
            notebook.compose("--schema wrong")


class TestConversation:
    def test_what_was_said_goes_before(self, notebook: Notebook) -> None:
        with notebook.chats.open("a").ask("One?", "Be brief.") as exchange:
            exchange.answer(Response("One."))
        messages = cast("list[dict[str, str]]", notebook.asked("--chat a", "Two?"))
        assert [message["content"] for message in messages] == ["Be brief.", "One?", "One.", "Two?"]

    def test_a_model_without_a_template_gets_all_of_it_too(self, plain: Notebook) -> None:
        with plain.chats.open("a").ask("One?") as exchange:
            exchange.answer(Response("One."))
        assert len(cast("list[object]", plain.asked("--chat a", "Two?"))) == 3

    def test_what_fails_before_it_is_asked_leaves_it_free(self, notebook: Notebook) -> None:
        with pytest.raises(PromptError):
            notebook.compose("--chat a", "{{ nothing }}")
        assert not notebook.chats.open("a").busy

    def test_one_that_is_being_answered_is_not_asked(self, notebook: Notebook) -> None:
        notebook.compose("--chat a")
        with pytest.raises(ConversationError, match="being answered"):
            notebook.compose("--chat a")


class TestContinuation:
    def test_the_very_tokens(self, notebook: Notebook) -> None:
        notebook.answer("Once upon")
        asked = notebook.compose("--continue", " ").ask(notebook.llm, notebook.llm.config)
        assert (tuple(asked.prompt), list(asked.begun)) == ((1, 2, 3), notebook.llm.tokenize("Once upon"))

    def test_another_models_answer_is_refused(self, notebook: Notebook) -> None:
        notebook.answer("Once upon")
        with FakeLLM(model_path="other.gguf") as other, pytest.raises(PromptError, match="mean nothing to"):
            notebook.compose("--continue", " ").ask(other, other.config)

    def test_a_conversation_goes_on_with_another_model_from_its_text(self, notebook: Notebook) -> None:
        with notebook.chats.open("a").ask("Tell.") as exchange:
            exchange.answer(Response("Once", None, "length", "other.gguf"), (7,), (8,))
        asked = notebook.compose("--chat a --continue", " ").ask(notebook.llm, notebook.llm.config)
        assert asked.prompt == [{"role": "user", "content": "Tell."}]
        assert list(asked.begun) == notebook.llm.tokenize("Once")

    def test_the_last_answers_conversation(self, notebook: Notebook) -> None:
        with notebook.chats.open("a").ask("Tell.") as exchange:
            exchange.answer(Response("Once", None, "length", notebook.llm.model_path), (7,), (8,))
        notebook.answer("Once", chat="a")
        question = notebook.compose("--continue", " ")
        assert question.exchange is not None
        assert question.exchange.name == "a"

    @pytest.mark.parametrize(
        ("line", "cell", "message"),
        [("--continue", "more", "takes no prompt"), ("--continue", " ", "no answer to go on with")],
    )
    def test_usage(self, notebook: Notebook, line: str, cell: str, message: str) -> None:
        with pytest.raises(UsageError, match=message):
            notebook.compose(line, cell)

    def test_what_is_whole_is_not_gone_on_with(self, notebook: Notebook) -> None:
        notebook.answer("The end.", "stop")
        with pytest.raises(UsageError, match="came to its end"):
            notebook.compose("--continue", " ")

    def test_one_of_several_is_not_chosen(self, notebook: Notebook) -> None:
        notebook.answer("Once")
        notebook.session.last *= 2
        with pytest.raises(UsageError, match="several answers"):
            notebook.compose("--continue", " ")
