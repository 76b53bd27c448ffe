"""Conversations in files: what is written, what is read, and what is refused before anything is taken from it."""

import json
import os
import re
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyllama_jupyter import ConversationError
from cyllama_jupyter.notebook import conversation_file
from cyllama_jupyter.notebook.conversation import Turn
from cyllama_jupyter.notebook.conversation_file import Loaded, read, resolved, would_lose, write

TURNS = (
    Turn("system", "Be terse."),
    Turn("user", "Why is the sky blue? 🌌"),
    Turn("assistant", "Because of", partial=True, token_ids=(1, 2, 3), prompt_ids=(4, 5), model="/models/a.gguf"),
)
DOCS = Path(__file__).parents[2] / "docs" / "conversations.md"
ASK: dict[str, Any] = {"role": "user", "content": "Hi"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "physics.json"


@pytest.fixture
def holding(path: Path) -> Callable[[object], Path]:
    """Return what writes bytes, a text, or a document as JSON."""

    def hold(content: object) -> Path:
        text = content if isinstance(content, (str, bytes)) else json.dumps(content)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return hold


class TestWriting:
    def test_the_messages_are_those_of_openai(self, path: Path) -> None:
        write(path, "physics", TURNS)
        document = json.loads(path.read_text(encoding="utf-8"))
        assert document["messages"] == [
            {"role": "system", "content": "Be terse."},
            {"role": "user", "content": "Why is the sky blue? 🌌"},
            {"role": "assistant", "content": "Because of"},
        ]
        assert document["cyllama_jupyter"] == {"name": "physics", "partial": [2]}
        assert "🌌" in path.read_text(encoding="utf-8"), "people read it too"

    def test_an_old_file_is_replaced_as_a_whole(
        self, path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        path.write_text("old")
        path.chmod(0o640)

        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as broken:
            broken.setattr(os, "fsync", full)
            with pytest.raises(ConversationError, match=r"physics\.json cannot be written: No space left on device"):
                write(path, "physics", TURNS)
        assert path.read_text() == "old"
        assert list(tmp_path.iterdir()) == [path]
        write(path, "physics", TURNS)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        assert list(tmp_path.iterdir()) == [path]

    def test_what_could_not_be_loaded_again_is_refused_and_the_old_file_stays(self, path: Path) -> None:
        write(path, "physics", TURNS)
        with pytest.raises(ConversationError, match=r"^physics has 4,\d{3},\d{3} bytes, and .* at most 4,194,304"):
            write(path, "physics", [*TURNS, Turn("user", "x" * 2**22)])
        assert len(read(path).turns) == len(TURNS)
        write(path, "physics", [*TURNS, Turn("user", "x" * (2**22 - 1_000))])
        assert len(read(path).turns) == len(TURNS) + 1

    def test_an_interrupt_leaves_the_old_file(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupt(_: int) -> None:
            raise KeyboardInterrupt

        path.write_text("old")
        monkeypatch.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write(path, "physics", TURNS)
        assert (path.read_text(), len(list(path.parent.iterdir()))) == ("old", 1)

    def test_where_no_file_can_be(self, tmp_path: Path) -> None:
        with pytest.raises(ConversationError, match="cannot be written: No such file or directory"):
            write(tmp_path / "none" / "a.json", "physics", TURNS)
        with pytest.raises(ConversationError, match="is no file that can be replaced"):
            write(tmp_path, "physics", TURNS)
        with pytest.raises(ConversationError, match="holds half of a surrogate pair, which is no text"):
            write(tmp_path / "a.json", "physics", [Turn("user", "\ud800")])
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
    def test_of_a_link_the_file_is_replaced(self, path: Path, tmp_path: Path) -> None:
        path.write_text("old")
        link = tmp_path / "link.json"
        link.symlink_to(path)
        write(resolved(str(link)), "physics", TURNS)
        assert link.is_symlink()
        assert read(path).name == "physics"


class TestReading:
    def test_the_form_in_the_documentation(self, holding: Callable[[object], Path]) -> None:
        [form] = re.findall(r"```json\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
        name, turns = read(holding(form))
        assert (name, [turn.partial for turn in turns]) == ("physics", [False, False, True])
        again = holding("")
        write(again, "physics", turns)
        assert json.loads(again.read_text(encoding="utf-8")) == json.loads(form)

    def test_what_was_written(self, path: Path) -> None:
        write(path, "physics", TURNS)
        assert read(path) == Loaded("physics", TURNS)
        assert read(path).turns[2].token_ids == (), "they are of a process, not of a conversation"

    @pytest.mark.parametrize("document", [[ASK], {"messages": [ASK]}, {"model": "gpt", "messages": [ASK | {"x": 1}]}])
    def test_a_list_of_messages_or_an_object_with_one(
        self, holding: Callable[[object], Path], document: object
    ) -> None:
        assert read(holding(document)) == Loaded(None, (Turn("user", "Hi"),))

    def test_parts_and_roles(self, holding: Callable[[object], Path]) -> None:
        parts = [{"type": "text", "text": "two"}, {"type": "text", "text": "lines"}]
        document = [{"role": "developer", "content": "Be terse."}, {"role": "assistant", "content": parts}, ASK, ASK]
        turns = (Turn("system", "Be terse."), Turn("assistant", "two\nlines"), Turn("user", "Hi"), Turn("user", "Hi"))
        assert read(holding(document)).turns == turns

    def test_a_byte_order_mark(self, holding: Callable[[object], Path]) -> None:
        assert len(read(holding(b"\xef\xbb\xbf" + json.dumps([ASK]).encode())).turns) == 1

    @pytest.mark.parametrize(
        ("content", "complaint"),
        [
            ("", "is not JSON: Expecting value"),
            (b"\xff\xfe\x00", "is not JSON: 'utf-8' codec can't decode"),
            ("{'messages': []}", "is not JSON: Expecting property name"),
            ('{"messages": [], "x": NaN}', "is not JSON: NaN is no number"),
            ('{"messages": [], "x": -Infinity}', "is not JSON: -Infinity is no number"),
            ('{"messages": [], "messages": []}', "is not JSON: the key 'messages' stands twice in one object"),
            ("9" * 100_000, "is not JSON: a number of 100,000 digits has no use here"),
            ("[" * 100_000, "holds no conversation: it is nested too deeply"),
            ('{"a":' * 100_000, "holds no conversation: it is nested too deeply"),
            ("null", "holds no conversation: Input should be a valid dictionary"),
            ({}, "holds no conversation: messages: Field required"),
            ([], "holds no conversation: messages: List should have at least 1 item, not 0"),
            ([0] * 100_001, "holds no conversation: messages: List should have at most 100000 items, not 100001"),
            ([ASK, 3], r"holds no conversation: messages\.1: Input should be a valid dictionary$"),
            ([{"role": "user"}], r"messages\.0\.content: Field required"),
            ([{"role": "tool", "content": "x"}], r"messages\.0\.role: Input should be 'system'"),
            ([{"role": "user", "content": None}], r"messages\.0\.content: Input should be a valid string"),
            ([{"role": "user", "content": 3}], r"messages\.0\.content: Input should be a valid string"),
            ([{"role": "user", "content": [{"type": "image_url"}]}], "a part is 'image_url'"),
            ([{"role": "user", "content": ["x"]}], "a part is 'x', and"),
            ([{"role": "user", "content": [{"type": "text", "text": 3}]}], "a part is 'text', and"),
            ('[{"role": "user", "content": "\\ud83d"}]', "content: half of a surrogate pair is no text"),
            ('[{"role": "\\ud83d", "content": "x"}]', r"messages\.0\.role: Input should be"),
            ({"messages": [ASK], "cyllama_jupyter": []}, "cyllama_jupyter: Input should be a valid dictionary$"),
            ({"messages": [ASK], "cyllama_jupyter": {"partial": [0]}}, "what it calls partial is no answer"),
            ({"messages": [ASK], "cyllama_jupyter": {"partial": [-1]}}, "what it calls partial is no answer"),
            ({"messages": [ASK], "cyllama_jupyter": {"partial": [True]}}, r"partial\.0: Input should be"),
            ({"messages": [ASK], "cyllama_jupyter": {"name": 3}}, r"cyllama_jupyter\.name: Input should be a valid"),
            ({"messages": [ASK], "cyllama_jupyter": {"name": [1]}}, r"cyllama_jupyter\.name: Input should be a valid"),
            ({"messages": [ASK], "cyllama_jupyter": {"name": "a\nb"}}, "the name of a conversation has no control"),
            (b" " * (2**22 + 1), "has more than 4,194,304 bytes"),
        ],
    )
    def test_a_file_that_is_wrong(self, holding: Callable[[object], Path], content: object, complaint: str) -> None:
        with pytest.raises(ConversationError, match=complaint) as raised:
            read(holding(content))
        assert len(str(raised.value)) < 300
        assert "\n" not in str(raised.value)

    def test_where_no_file_is(self, tmp_path: Path) -> None:
        with pytest.raises(ConversationError, match=r"^there is no file .*none\.json$"):
            read(tmp_path / "none.json")
        with pytest.raises(ConversationError, match="is no regular file"):
            read(tmp_path)
        with pytest.raises(ConversationError, match="cannot be read: File name too long"):
            read(tmp_path / ("x" * 300))
        for name in ("a\0b", "\ud800"):
            with pytest.raises(ConversationError, match="is no name of a file"):
                resolved(name)

    @pytest.mark.skipif(sys.platform == "win32", reason="there are none there")
    def test_a_pipe_is_not_waited_for(self, path: Path) -> None:
        os.mkfifo(path)
        with pytest.raises(ConversationError, match="is no regular file"):
            read(path)

    def test_home(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("USERPROFILE", str(tmp_path))
        assert resolved("~/a.json") == Path(os.path.realpath(tmp_path)) / "a.json"


class TestWhatWouldBeLost:
    def test_nothing_of_a_file_that_is_not_there_or_a_beginning(self, path: Path) -> None:
        assert not would_lose(path, TURNS, ())
        for length in range(1, len(TURNS) + 1):
            write(path, "physics", TURNS[:length])
            assert not would_lose(path, TURNS, ())

    def test_nor_of_what_the_conversation_was_before(self, path: Path) -> None:
        write(path, "physics", TURNS)
        assert not would_lose(path, TURNS[:1], TURNS)

    def test_anything_else_would(self, path: Path) -> None:
        write(path, "physics", TURNS)
        assert would_lose(path, TURNS[:2], ())
        assert would_lose(path, (*TURNS[:2], Turn("assistant", "Because of")), ())
        path.write_text("a poem")
        assert would_lose(path, TURNS, ())


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
ROLES = st.sampled_from(["system", "user", "assistant"])
ANY_TURN = st.builds(Turn, ROLES, TEXTS).flatmap(
    lambda turn: (
        st.builds(Turn, st.just(turn.role), st.just(turn.content), st.booleans())
        if turn.role == "assistant"
        else st.just(turn)
    )
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["messages", "role", "content", "type", "text", "cyllama_jupyter"]), inner)
    ),
)


class TestAnyFile:
    @given(st.lists(ANY_TURN, min_size=1, max_size=5))
    def test_there_and_back(self, turns: list[Turn]) -> None:
        files = conversation_file.__name__
        with pytest.MonkeyPatch.context() as patched:
            written: list[bytes] = []
            patched.setattr(f"{files}._replace", lambda _path, _draft, content: written.append(content))
            write(Path("a.json"), "a name", turns)
            patched.setattr(f"{files}._content", lambda _: written[0])
            assert read(Path("a.json")) == Loaded("a name", tuple(turns))

    @given(JSON.map(json.dumps).map(str.encode) | st.binary())
    def test_it_is_a_conversation_or_one_sentence(self, content: bytes) -> None:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(f"{conversation_file.__name__}._content", lambda _: content)
            found = _found(Path("a.json"))
        assert found, "neither nothing nor an empty sentence"
        if isinstance(found, str):
            assert found.startswith("a.json ")
        else:
            assert all("".join(turn.content).encode().decode() == turn.content for turn in found)


def _found(path: Path) -> tuple[Turn, ...] | str:
    """Return the turns of a file, or what is said of it."""
    try:
        return read(path).turns
    except ConversationError as error:
        return str(error)
