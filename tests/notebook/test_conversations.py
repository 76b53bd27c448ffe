"""Conversations, by themselves and by name: who may ask when, and what stays of it."""

import threading
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyllama_jupyter import LLM, ConversationError, GenerationConfig, Response
from cyllama_jupyter.engine.response import FinishReason
from cyllama_jupyter.notebook.conversation import Conversation, Turn
from cyllama_jupyter.notebook.conversations import Conversations, checked_name

PARTIAL: Sequence[FinishReason] = ("cancelled", "length", "timeout")


def said(*turns: str) -> list[Turn]:
    """Return turns, written as "user: Hi"."""
    return [Turn(role, content) for role, _, content in (turn.partition(": ") for turn in turns)]  # type: ignore[arg-type]


def exchange(conversation: Conversation, question: str, answer: str, reason: FinishReason = "stop") -> None:
    with conversation.ask(question) as asked:
        asked.answer(Response(answer, finish_reason=reason))


@pytest.fixture
def physics() -> Conversation:
    """Return a conversation of one exchange."""
    return Conversation("physics", said("system: Be terse.", "user: Why is the sky blue?", "assistant: Scattering."))


class TestAsking:
    def test_the_messages_are_those_of_openai(self) -> None:
        conversation = Conversation("physics")
        with conversation.ask("Hi", system="Be terse.") as asked:
            begun = [{"role": "system", "content": "Be terse."}, {"role": "user", "content": "Hi"}]
            assert asked.messages == begun
            assert asked.answer(Response("Hello"))
        assert conversation.messages() == [*begun, {"role": "assistant", "content": "Hello"}]
        with conversation.ask("Go on") as asked:
            assert asked.messages == [*conversation.messages(), {"role": "user", "content": "Go on"}]

    def test_what_is_not_answered_changes_nothing(self, physics: Conversation) -> None:
        before = physics.turns
        with pytest.raises(KeyError), physics.ask("Hi", system="Be long."):
            raise KeyError
        assert (physics.turns, physics.busy) == (before, False)
        asked = physics.ask("Hi")
        assert not asked.answer(Response("", finish_reason="cancelled"))
        assert (physics.turns, physics.busy) == (before, False)

    @pytest.mark.parametrize("reason", PARTIAL)
    def test_a_partial_answer_is_kept_and_marked(self, physics: Conversation, reason: FinishReason) -> None:
        exchange(physics, "Why red?", "Because the", reason)
        assert physics.partial
        assert physics.turns[-1] == Turn("assistant", "Because the", partial=True)
        assert physics.messages()[-1] == {"role": "assistant", "content": "Because the"}

    def test_an_empty_answer_that_is_whole_is_one(self, physics: Conversation) -> None:
        exchange(physics, "Say nothing.", "")
        assert physics.turns[-1] == Turn("assistant", "")
        assert not physics.partial

    def test_one_question_at_a_time(self, physics: Conversation) -> None:
        asked = physics.ask("Why red?")
        for change in (
            lambda: physics.ask("Hi"),
            physics.go_on,
            physics.undo,
            physics.reset,
            lambda: physics.replace(()),
        ):
            with pytest.raises(ConversationError, match=r"^physics is being answered: wait for that"):
                change()
        assert len(physics.turns) == 3, "it is read as it was"
        asked.close()
        asked.close()
        exchange(physics, "Why green?", "It is not.")
        assert physics.exchanges == 2

    def test_an_exchange_ends_once(self, physics: Conversation) -> None:
        asked = physics.ask("Why red?")
        asked.close()
        late = physics.ask("Why green?")
        with pytest.raises(RuntimeError, match="ended already"):
            asked.answer(Response("Dust."))
        asked.close()
        assert physics.busy, "another one's exchange is its own"
        assert late.answer(Response("It is not."))

    def test_of_many_threads_that_ask_one_may(self, physics: Conversation) -> None:
        barrier, won, lost = threading.Barrier(8, timeout=60), [], []

        def ask() -> None:
            barrier.wait()
            try:
                won.append(physics.ask("Me?"))
            except ConversationError as error:
                lost.append(error)

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(won), len(lost)) == (1, 7)

    def test_an_answer_may_come_from_another_thread(self, physics: Conversation) -> None:
        asked = physics.ask("Why red?")
        job = threading.Thread(target=asked.answer, args=(Response("Dust."),))
        job.start()
        job.join()
        assert physics.turns[-1].content == "Dust."
        assert not physics.busy


class TestSystem:
    def test_another_one_counts_from_here_on_and_is_told(self, physics: Conversation) -> None:
        with physics.ask("Why red?", system="Be long.") as asked:
            assert asked.notice == "the system message of physics is another one from here on"
            assert asked.messages[0] == {"role": "system", "content": "Be long."}
            assert physics.system == "Be terse.", "not before there is an answer"
            asked.answer(Response("Dust."))
        assert physics.system == "Be long."
        assert [turn.role for turn in physics.turns].count("system") == 1

    @pytest.mark.parametrize("system", [None, "Be terse."])
    def test_the_same_one_is_no_news(self, physics: Conversation, system: str | None) -> None:
        with physics.ask("Why red?", system=system) as asked:
            assert (asked.notice, asked.messages[0]["content"]) == ("", "Be terse.")

    def test_an_empty_one_takes_it_away(self, physics: Conversation) -> None:
        with physics.ask("Why red?", system="") as asked:
            assert asked.notice
            asked.answer(Response("Dust."))
        assert physics.system is None
        with physics.ask("Why?", system="") as asked:
            assert not asked.notice

    def test_the_first_one_is_no_news(self) -> None:
        assert not Conversation("new").ask("Hi", system="Be terse.").notice


class TestGoingOn:
    def test_it_replaces_the_partial_answer(self, physics: Conversation) -> None:
        with physics.ask("Why red?") as asked:
            asked.answer(Response("Because the", finish_reason="cancelled", model="a.gguf"), [1, 2], [7, 8, 9])
        with physics.go_on() as going:
            assert going.begun is not None
            assert (going.begun.token_ids, going.begun.prompt_ids, going.begun.model) == ((1, 2), (7, 8, 9), "a.gguf")
            assert going.messages[-1] == {"role": "user", "content": "Why red?"}
            going.answer(Response("Because the light"), [1, 2, 3], [7, 8, 9])
        assert physics.turns[-1] == Turn("assistant", "Because the light")
        assert physics.turns[-1].token_ids == (1, 2, 3)
        assert (physics.exchanges, physics.partial) == (2, False)

    def test_where_it_fails_the_partial_answer_stays(self, physics: Conversation) -> None:
        exchange(physics, "Why red?", "Because the", "timeout")
        with pytest.raises(KeyError), physics.go_on():
            raise KeyError
        assert physics.turns[-1] == Turn("assistant", "Because the", partial=True)

    @pytest.mark.parametrize("turns", [(), ("user: Hi",), ("user: Hi", "assistant: Hello")])
    def test_a_whole_answer_has_nothing_to_go_on_with(self, turns: tuple[str, ...]) -> None:
        with pytest.raises(ConversationError, match="ends with no partial answer to continue"):
            Conversation("physics", said(*turns)).go_on()


class TestTakingBack:
    def test_undo(self, physics: Conversation) -> None:
        exchange(physics, "Why red?", "Dust.")
        assert physics.undo() == tuple(said("user: Why red?", "assistant: Dust."))
        assert physics.undo()[0].content == "Why is the sky blue?"
        with pytest.raises(ConversationError, match="physics has no exchange to take back"):
            physics.undo()
        assert physics.system == "Be terse."

    @pytest.mark.parametrize(
        ("turns", "left"),
        [
            (("user: a", "user: b"), 1),
            (("user: a", "assistant: b", "assistant: c"), 0),
            (("system: s", "assistant: a", "assistant: b"), 2),
        ],
    )
    def test_undo_where_turns_do_not_alternate(self, turns: tuple[str, ...], left: int) -> None:
        conversation = Conversation("loaded", said(*turns))
        conversation.undo()
        assert conversation.turns == tuple(said(*turns))[:left]

    def test_reset_keeps_the_system_message(self, physics: Conversation) -> None:
        assert physics.reset() == 1
        assert physics.turns == tuple(said("system: Be terse."))
        assert physics.reset() == 0


class TestByName:
    def test_the_current_one_is_the_last_used(self) -> None:
        chats = Conversations()
        for name in ("a", "b"):
            exchange(chats.open(name), "Hi", "Hello")
        assert [chat.name for chat in chats] == ["b", "a"]
        assert chats.open("a") is chats.find() is chats.current
        assert chats.find("b").name == "b"
        assert chats.find().name == "a", "to look at one is not to use it"

    def test_what_was_never_answered_is_not_there(self) -> None:
        chats = Conversations()
        exchange(chats.open("a"), "Hi", "Hello")
        with chats.open("b").ask("Hi"):
            assert chats.find().name == "b"
        assert chats.find().name == "a"
        with pytest.raises(ConversationError, match="there is no conversation b"):
            chats.find("b")

    def test_a_reset_one_is_still_there(self) -> None:
        chats = Conversations()
        exchange(chats.open("a"), "Hi", "Hello")
        chats.find("a").reset()
        assert chats.find().name == "a"

    def test_unknown_names(self) -> None:
        chats = Conversations()
        with pytest.raises(ConversationError, match="there is no conversation yet: %%llm --chat NAME begins one"):
            chats.find("physics")
        exchange(chats.open("physics"), "Hi", "Hello")
        with pytest.raises(ConversationError, match=r"^there is no conversation phisics; did you mean physics\?$"):
            chats.find("phisics")
        with pytest.raises(ConversationError, match="there is no conversation zzz; %llm chats lists them"):
            chats.find("zzz")

    def test_a_fork_goes_its_own_way(self) -> None:
        chats = Conversations()
        exchange(chats.open("a"), "Hi", "Hello")
        chats.open("b")  # and never answered
        busy = chats.find("a").ask("And?")
        copy = chats.fork("b", "a")
        assert chats.find() is copy is chats.open(" b ")
        exchange(copy, "Why?", "So.")
        busy.close()
        assert [turn.content for turn in chats.find("a").turns] == ["Hi", "Hello"]
        assert [turn.content for turn in copy.turns] == ["Hi", "Hello", "Why?", "So."]
        with pytest.raises(ConversationError, match="there is a conversation a already: choose another name"):
            chats.fork("a")

    @pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\nb", "a\x1b[2Jb", "a\u2028b", "\ud800", "a\x9bb"])
    def test_what_is_no_name(self, name: str) -> None:
        for use in (checked_name, Conversations().open):
            with pytest.raises(ConversationError, match="the name of a conversation has"):
                use(name)

    @pytest.mark.parametrize("name", ["physics", "my physics", "物理", "a/b --c '\"", "👩‍🚀", "x" * 80])
    def test_what_is_one(self, name: str) -> None:
        assert Conversations().open(f" {name} ").name == name


ROLES = st.sampled_from(["system", "user", "assistant"])
TALK = st.lists(st.builds(Turn, st.sampled_from(["user", "assistant"]), st.text(max_size=5)), max_size=8)
TURNS = st.lists(st.builds(Turn, ROLES, st.text(max_size=5), st.booleans()), max_size=8)


class TestWhateverItHolds:
    @given(TURNS)
    def test_undo_ends_and_reset_keeps_the_head(self, turns: list[Turn]) -> None:
        conversation = Conversation("any", turns)
        head = tuple(turn for turn in turns[:1] if turn.role == "system")
        steps = 0
        while conversation.turns != head:
            before = conversation.turns
            assert before == conversation.turns[: len(before)]
            taken = conversation.undo()
            assert conversation.turns + taken == before
            assert taken
            steps += 1
        assert steps <= len(turns)
        again = Conversation("any", turns)
        again.reset()
        assert again.turns == head

    @given(st.none() | st.text(min_size=1, max_size=3), TALK, st.text(), st.none() | st.text(max_size=3))
    def test_an_exchange_adds_two_turns(
        self, before: str | None, turns: list[Turn], text: str, system: str | None
    ) -> None:
        conversation = Conversation("any", [Turn("system", before), *turns] if before else turns)
        with conversation.ask(text, system) as asked:
            assert asked.messages[-1] == {"role": "user", "content": text}
            asked.answer(Response("Hello"))
        assert conversation.system == (before if system is None else system or None)
        assert conversation.undo() == (Turn("user", text), Turn("assistant", "Hello"))
        assert [turn for turn in conversation.turns if turn.role != "system"] == turns


class TestWithARealModel:
    def test_a_turn_reads_the_new_question_alone(self, smollm2: str) -> None:
        conversation, config = Conversation("real"), GenerationConfig(max_tokens=40, temperature=0.0)
        before = 0
        with LLM(smollm2, n_ctx=1024) as llm:
            for question in ("Name a planet.", "Name another one.", "And a third one, please."):
                with conversation.ask(question, system="Answer in one sentence.") as asked:
                    response = llm.chat(asked.messages, config)
                    assert asked.answer(response)
                assert response.stats is not None
                assert response.finish_reason == "stop", "an answer that ends by itself is in memory to its last token"
                assert response.stats.reused_tokens >= before
                before = response.stats.prompt_tokens + response.stats.generated_tokens
        assert conversation.exchanges == 3
