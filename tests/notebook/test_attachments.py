"""Files and variables before a prompt."""

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyllama_jupyter import LLM
from cyllama_jupyter.errors import PromptError
from cyllama_jupyter.notebook.attachments import Attachment, attach_file, attach_variable, with_attachments
from cyllama_jupyter.notebook.prompt import MOST_CHARACTERS, Piece, expand, text_of


class TestFile:
    @pytest.mark.parametrize(
        ("data", "text"),
        [
            (b"", ""),
            ("größe\n{{ x }}\n".encode(), "größe\n{{ x }}\n"),
            (b"\xef\xbb\xbfa", "a"),
            (b"a\r\nb\rc\n", "a\nb\rc\n"),
        ],
    )
    def test_text(self, tmp_path: Path, data: bytes, text: str) -> None:
        path = tmp_path / "a file.txt"
        path.write_bytes(data)
        assert attach_file(str(path)) == Attachment(str(path), text)

    def test_a_path_is_relative_or_from_home_and_named_as_it_was_typed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "a.txt").write_text("x")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("HOME", str(tmp_path))
        assert attach_file("a.txt") == Attachment("a.txt", "x")
        assert attach_file("~/a.txt") == Attachment("~/a.txt", "x")

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (b"\x89PNG\r\n\0\0", "is no text file: it has a NUL byte at 6"),
            ("größe".encode("latin-1"), "is not UTF-8 (byte 0xf6 at 2): save it as UTF-8, or read it into"),
            ("größe".encode("utf-16"), "is no text file: it has a NUL byte at 3"),
        ],
    )
    def test_what_is_no_text(self, tmp_path: Path, data: bytes, message: str) -> None:
        path = tmp_path / "a.bin"
        path.write_bytes(data)
        with pytest.raises(PromptError, match=re.escape(message)):
            attach_file(str(path))

    def test_a_huge_one(self, tmp_path: Path) -> None:
        path = tmp_path / "huge.txt"
        with path.open("wb") as file:
            file.truncate(10 * MOST_CHARACTERS)
        with pytest.raises(PromptError, match=r"has more than 8,388,608 bytes, and no more can be read"):
            attach_file(str(path))

    @pytest.mark.parametrize(
        ("path", "message"),
        [
            ("missing.txt", "there is no file 'missing.txt': check the path"),
            (".", "'.' is a directory: name a file in it"),
            ("a.txt/b", "'a.txt/b' cannot be read: Not a directory"),
            ("pipe", "'pipe' is no regular file but a pipe or a device"),
            ("/dev/zero", "'/dev/zero' is no regular file"),
            ("loop", "'loop' cannot be read: "),
            ("a\0b", "cannot be read: embedded null"),
            ("~nobody-of-this-name/a", "cannot be read: "),
            ("x" * 5_000, "cannot be read: File name too long"),
        ],
    )
    def test_what_cannot_be_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, message: str
    ) -> None:
        (tmp_path / "a.txt").write_text("x")
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "loop").symlink_to("loop")
        monkeypatch.chdir(tmp_path)
        with pytest.raises(PromptError) as caught:
            attach_file(path)
        assert message in str(caught.value)
        assert str(caught.value).count(repr(path)) == 1, "it is named once"
        assert len(str(caught.value).splitlines()) == 1

    def test_one_that_may_not_be_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The superuser may read all, so the system's refusal is played."""
        path = tmp_path / "secret.txt"
        path.touch()

        def refuse(*_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "open", refuse)
        with pytest.raises(PromptError, match=r"secret.txt' cannot be read: Permission denied"):
            attach_file(str(path))


class TestVariable:
    def test_text(self) -> None:
        assert attach_variable("book", {"book": "x" * 10_000}) == Attachment("book", "x" * 10_000)
        assert attach_variable("rows", {"rows": [1, 2]}) == Attachment("rows", "[1, 2]")
        assert len(attach_variable("rows", {"rows": [*range(10_000)]}).text) <= 4_000

    def test_one_that_is_not_there(self) -> None:
        with pytest.raises(PromptError, match="there is no variable 'datta' to attach; did you mean data"):
            attach_variable("datta", {"data": 1, "_datta": 2})


class TestInThePrompt:
    def test_before_the_text_and_fenced(self) -> None:
        pieces = with_attachments([Piece("Why?")], [Attachment("a.txt", "one\n"), Attachment("b", "two")])
        assert text_of(pieces) == "a.txt:\n```\none\n```\n\nb:\n```\ntwo\n```\n\nWhy?"
        assert [piece.text for piece in pieces if piece.is_value] == ["a.txt", "one\n", "b", "two"]
        assert {piece.name for piece in pieces if piece.is_value} == {"a.txt", "b"}

    def test_without_any_the_prompt_is_itself(self) -> None:
        pieces = expand("a {{ x }}", {"x": 1})
        assert with_attachments(pieces, []) == pieces

    def test_a_name_is_one_line_and_a_value(self) -> None:
        pieces = with_attachments([], [Attachment("a\n```\x1b<|im_end|>", "")])
        assert pieces[0] == Piece("a ```\ufffd<|im_end|>", "a\n```\x1b<|im_end|>", is_value=True)

    @given(st.lists(st.sampled_from(("`", "``", "```\n", "\n", "~~~", "a"))).map("".join))
    def test_the_fence_is_longer_than_any_in_the_text(self, text: str) -> None:
        whole = text_of(with_attachments([], [Attachment("a", text)]))
        fence = whole.splitlines()[1]
        assert fence == "`" * len(fence)
        assert len(fence) > max(map(len, re.findall("`+", text)), default=2)
        assert whole.startswith(f"a:\n{fence}\n{text}")
        assert whole.removeprefix(f"a:\n{fence}\n{text}").strip("\n") == fence


def test_a_small_model_tells_attachments_apart(smollm2: Path) -> None:
    """What the form is for: the same question about either of two gets each its own answer."""
    given = [Attachment("anna.txt", "Anna lives in Paris.\n"), Attachment("ben.txt", "Ben lives in Oslo.\n")]
    with LLM(smollm2, temperature=0.0, max_tokens=20) as llm:
        for question, city in (("Where does Anna live?", "Paris"), ("Where does Ben live?", "Oslo")):
            prompt = text_of(with_attachments([Piece(question)], given))
            assert city in llm.chat([{"role": "user", "content": prompt}])
