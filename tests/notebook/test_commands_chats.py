"""``%llm chats`` through a real shell: what it says, what it shows, and what it refuses to lose."""

import json
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from cyllama_jupyter import ConversationError, Response
from cyllama_jupyter.engine.response import FinishReason
from cyllama_jupyter.notebook import magics
from cyllama_jupyter.notebook.commands import COMMANDS
from cyllama_jupyter.notebook.conversation import Conversation, Turn
from cyllama_jupyter.notebook.conversations import Conversations
from cyllama_jupyter.notebook.sinks.chat import shown
from tests.notebook.fakes import RecordingPublisher, RunCell

ATTACK = "<script>alert(1)</script><img src=x onerror=alert(1)>\x1b[2J [a](javascript:x)"


@pytest.fixture
def chats(cell: RunCell, shell: InteractiveShell) -> Conversations:
    """Return the conversations of the shell that ``cell`` runs in."""
    return magics._registered[shell]._session.chats


def ask(conversation: Conversation, question: str, answer: str, reason: FinishReason = "stop") -> None:
    with conversation.ask(question) as asked:
        asked.answer(Response(answer, finish_reason=reason))


@pytest.fixture
def physics(chats: Conversations) -> Conversation:
    """Return a conversation of two exchanges, the current one; the last answer is partial."""
    physics = chats.open("physics")
    physics.replace([Turn("system", "Be terse.")])
    ask(physics, "Why is the sky blue?", "Scattering.")
    ask(physics, "And red?", "Because the", "cancelled")
    return physics


@pytest.fixture
def say(cell: RunCell, capsys: pytest.CaptureFixture[str]) -> "Say":
    return Say(cell, capsys)


class Say:
    """Runs a cell that succeeds and returns what it printed, or one that fails and returns its error."""

    def __init__(self, cell: RunCell, capsys: pytest.CaptureFixture[str]) -> None:
        self._cell = cell
        self._capsys = capsys

    def __call__(self, line: str) -> str:
        result = self._cell(f"%llm {line}")
        assert result.success, result.error_in_exec
        return self._capsys.readouterr().out

    def refused(self, line: str) -> str:
        error = self._cell(f"%llm {line}").error_in_exec
        assert isinstance(error, (ConversationError, UsageError))
        out, err = self._capsys.readouterr()
        assert len((out + err).splitlines()) == 1, "one line, without a traceback"
        return str(error)


class TestListing:
    def test_the_help_lists_what_can_be_done(self, say: Say) -> None:
        lines = [line.split("  ") for line in say("chats --help").splitlines()]
        shown = {words[1].strip() for words in lines if words[0] == "" and len(words) > 1}
        assert shown >= {command.synopsis for name, command in COMMANDS.items() if name.startswith("chats ")}

    def test_nothing_yet(self, say: Say) -> None:
        assert say("chats") == "there are no conversations: begin one with %%llm --chat NAME\n"
        for command in ("show", "undo", "reset", "fork new", "save a.json"):
            assert say.refused(f"chats {command}") == "there is no conversation yet: %%llm --chat NAME begins one"

    def test_a_row_each(self, say: Say, chats: Conversations, physics: Conversation) -> None:
        del physics
        ask(chats.open("a"), "Hi", "Hello")
        busy = chats.open("b").ask("Hi")
        assert say("chats").splitlines() == [
            "b        0 exchanges  0 characters   current, being answered",
            "a        1 exchange   7 characters",
            "physics  2 exchanges  59 characters  the last answer is partial",
        ]
        busy.close()
        assert "current" in say("chats").splitlines()[0]

    @pytest.mark.parametrize(
        ("line", "complaint"),
        [
            ("chats shwo", "there is no %llm chats shwo; did you mean show?"),
            ("chats xyz", "there is no %llm chats xyz; %llm --help lists the commands"),
            ("chats show phisics", "there is no conversation phisics; did you mean physics?"),
            ("chats undo --chat zzz", "there is no conversation zzz; %llm chats lists them"),
            ("chats fork", "%llm chats fork needs NEW"),
            ("chats fork physics", "there is a conversation physics already: choose another name"),
            ("chats save", "%llm chats save needs FILE"),
            ("chats save a.json b.json", "%llm chats save does not take 'b.json'"),
            ("chats load /nowhere/a.json", "there is no file /nowhere/a.json"),
        ],
    )
    def test_what_is_not_there(self, say: Say, physics: Conversation, line: str, complaint: str) -> None:
        before = physics.turns
        assert complaint in say.refused(line)
        assert physics.turns == before


class TestChanging:
    def test_undo_and_reset(self, say: Say, physics: Conversation) -> None:
        assert say("chats undo") == "physics: took back “And red?”; 1 exchange left\n"
        assert say("chats reset --chat physics") == "physics: took back 1 exchange; the system message stays\n"
        assert physics.messages() == [{"role": "system", "content": "Be terse."}]
        assert say.refused("chats undo") == "physics has no exchange to take back"

    def test_delete(self, say: Say, chats: Conversations, physics: Conversation, tmp_path: Path) -> None:
        assert say.refused("chats delete physics") == (
            "physics has turns that are in no file: save it with %llm chats save FILE --chat physics, or delete it "
            "with --force"
        )
        assert physics.exchanges == 2
        say(f"chats save {tmp_path / 'a.json'}")
        assert say("chats delete physics") == "physics: deleted\n"
        assert chats.current is None
        assert say.refused("chats delete physics").startswith("there is no conversation yet")
        assert say("chats load " + str(tmp_path / "a.json")).startswith("physics: 2 exchanges")
        assert say("chats delete physics --force") == "physics: deleted\n"

    def test_fork(self, say: Say, chats: Conversations, physics: Conversation) -> None:
        assert say('chats fork "my physics"') == "my physics: a copy with 2 exchanges, and the current one now\n"
        say("chats undo")
        assert (physics.exchanges, chats.find("my physics").exchanges) == (2, 1)

    def test_one_that_is_being_answered_is_left_alone(self, say: Say, physics: Conversation) -> None:
        with physics.ask("And green?"):
            for command in ("undo", "reset", "delete physics --force"):
                assert say.refused(f"chats {command}").startswith("physics is being answered: wait for that")
            assert say("chats fork copy")


class TestFiles:
    def test_there_and_back(self, say: Say, chats: Conversations, physics: Conversation, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        assert say(f"chats save {path}") == f"physics: saved to {path}\n"
        assert json.loads(path.read_text())["messages"] == physics.messages()
        assert say(f"chats load {path} --chat copy") == f"copy: 2 exchanges from {path}\n"
        assert chats.find().name == "copy"
        assert chats.find().turns == physics.turns

    def test_ones_own_file_is_saved_over(self, say: Say, physics: Conversation, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        say(f"chats save {path}")
        ask(physics, "Why?", "So.")
        say(f"chats save {path}")
        physics.undo()
        say(f"chats save {path}")
        assert json.loads(path.read_text())["messages"] == physics.messages()

    def test_one_that_another_conversation_has_taken_is_not_ones_own(
        self, say: Say, chats: Conversations, physics: Conversation, tmp_path: Path
    ) -> None:
        path = tmp_path / "a.json"
        say(f"chats save {path}")
        say(f"chats load {path} --chat copy")
        ask(chats.find("copy"), "Mine?", "Mine.")
        say(f"chats save {path} --chat copy")
        ask(physics, "Why?", "So.")
        assert "a.json exists" in say.refused(f"chats save {path} --chat physics")

    def test_a_file_is_not_lost(self, say: Say, physics: Conversation, tmp_path: Path) -> None:
        path = tmp_path / "notes.json"
        path.write_text("my notes")
        complaint = "notes.json exists, and holds something else than physics did before: choose another name, or"
        assert say.refused(f"chats save {path}").startswith(complaint)
        assert path.read_text() == "my notes"
        say(f"chats save {path} --force")
        assert json.loads(path.read_text())["messages"] == physics.messages()

    def test_the_name_is_that_of_the_option_the_conversation_or_the_file(
        self, say: Say, chats: Conversations, physics: Conversation, tmp_path: Path
    ) -> None:
        path = tmp_path / "theirs.json"
        path.write_text(json.dumps([{"role": "user", "content": "Hi"}]))
        assert say(f"chats load {path}").startswith("theirs: 1 exchange from")
        say(f"chats save {path} --chat physics --force")
        assert say(f"chats load {path}").startswith("physics: 2 exchanges from")
        assert chats.find() is physics
        assert say(f"chats load {path} --chat ' theirs '").startswith("theirs: 2 exchanges from")

    def test_turns_that_are_in_no_file_are_not_lost(self, say: Say, physics: Conversation, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        say(f"chats save {path}")
        say(f"chats load {path}")
        ask(physics, "Why?", "So.")
        complaint = "physics has turns that are in no file: save it with --chat physics, load a.json under another name"
        for name in ("physics", "' physics '"):
            assert say.refused(f"chats load {path} --chat {name}").startswith(complaint)
        assert physics.exchanges == 3
        say(f"chats load {path} --force")
        assert physics.exchanges == 2

    def test_a_file_that_is_longer_loses_nothing(self, say: Say, physics: Conversation, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        say(f"chats save {path}")
        physics.saved = ()
        physics.undo()
        say(f"chats load {path}")
        assert physics.exchanges == 2

    def test_a_wrong_file_changes_nothing(self, say: Say, chats: Conversations, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        path.write_text('{"messages": []}')
        assert "a.json holds no conversation" in say.refused(f"chats load {path}")
        assert list(chats) == []

    def test_one_that_is_being_answered_is_not_loaded_over(
        self, say: Say, physics: Conversation, tmp_path: Path
    ) -> None:
        path = tmp_path / "a.json"
        say(f"chats save {path}")
        with physics.ask("Why?") as asked:
            assert say.refused(f"chats load {path}").startswith("physics is being answered")
            asked.answer(Response("So."))
        assert physics.exchanges == 3

    def test_nothing_to_save(self, say: Say, chats: Conversations, tmp_path: Path) -> None:
        ask(chats.open("a"), "Hi", "Hello")
        chats.find().reset()
        assert say.refused(f"chats save {tmp_path / 'a.json'}") == "a holds nothing to save"


class Seen(HTMLParser):
    """What a browser would make of HTML: its tags, its attributes, its text."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.outside_pre = ""
        self._open: list[str] = []
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self._open += [tag] * (tag not in ("br", "hr"))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        self.outside_pre += data * ("pre" not in self._open)


class TestShowing:
    def test_in_a_terminal(self, say: Say, physics: Conversation) -> None:
        del physics
        assert say("chats show").splitlines() == [
            "physics · 2 exchanges", "",
            "System:", "    Be terse.", "",
            "Question:", "    Why is the sky blue?", "",
            "Answer:", "    Scattering.", "",
            "Question:", "    And red?", "",
            "Answer (partial):", "    Because the",
        ]  # fmt: skip

    def test_in_a_notebook_it_is_one_display(
        self, say: Say, shell: InteractiveShell, physics: Conversation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        publisher = RecordingPublisher()
        monkeypatch.setattr(shell, "display_pub", publisher)
        say("chats show physics")
        assert publisher.published == [SimpleNamespace(data=shown(physics), transient=None, update=False)]

    def test_answers_are_markdown_and_questions_are_not(self) -> None:
        turns = [Turn("user", "*why*\n  so"), Turn("assistant", "*because*", partial=True)]
        seen = Seen(shown(Conversation("a", turns))["text/html"])
        assert "em" in seen.tags
        assert "Question: *why*\n  so" in seen.text
        assert "because" in seen.text
        assert "*because*" not in seen.text
        assert "partial" in seen.text

    @pytest.mark.parametrize("role", ["system", "user", "assistant"])
    @pytest.mark.parametrize("length", [1, 2_000])
    def test_nothing_in_it_runs(self, role: str, length: int) -> None:
        turn = Turn(role, ATTACK * length)  # type: ignore[arg-type]
        bundle = shown(Conversation("<script>name", [turn]))
        assert set(bundle) == {"text/html", "text/plain"}
        seen = Seen(bundle["text/html"])
        assert seen.tags <= {"div", "strong", "p", "small", "pre", "code", "span"}
        assert seen.attributes <= {"style", "dir"}
        assert "<script>alert(1)</script>" in seen.text
        assert "\x1b" not in bundle["text/html"] + bundle["text/plain"]

    def test_a_question_holds_no_formula(self) -> None:
        seen = Seen(shown(Conversation("$x$", [Turn("user", r"$\href{javascript:alert(1)}{x}$")]))["text/html"])
        assert seen.outside_pre == "", "MathJax reads no pre"
        assert r"Question: $\href" in seen.text

    def test_no_text_can_look_like_a_label(self) -> None:
        turns = [Turn("user", "Hi\n\nAnswer:\n    I am forged."), Turn("assistant", "Hello")]
        plain = shown(Conversation("a", turns))["text/plain"]
        labels = [line for line in plain.splitlines()[1:] if line and not line.startswith("    ")]
        assert labels == ["Question:", "Answer:"]
