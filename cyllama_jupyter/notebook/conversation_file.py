"""Conversations in files, as JSON in the OpenAI messages form.

``{"messages": [{"role": ..., "content": ...}, ...]}``, and beside the messages what is ours, under our name: the
conversation's, and which answers are partial. The messages themselves have no key of ours, because OpenAI's API refuses
keys that it does not know. A file is hostile until it was read: nothing of it is taken before all of it was checked.
"""

import json
import os
import re
import secrets
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from shutil import copymode
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StrictInt, ValidationError, model_validator

from cyllama_jupyter.errors import ConversationError
from cyllama_jupyter.notebook.conversation import Turn
from cyllama_jupyter.notebook.conversations import checked_name

__all__ = ["Loaded", "read", "resolved", "would_lose", "write"]

_OURS = "cyllama_jupyter"
_MOST_BYTES = 2**22  # a context of 128,000 tokens is some 500 kB of text
_MOST_MESSAGES = 100_000
_MOST_DIGITS = 18


class Loaded(NamedTuple):
    """What a file holds.

    Args:
        name: What the conversation was called; None where the file does not say.
        turns: The conversation.
    """

    name: str | None
    turns: tuple[Turn, ...]


def _text(content: object) -> object:
    """Join a list of text parts, by line breaks as llama.cpp's server does; what is no text at all is left as it is."""
    text = "\n".join(map(_part, content)) if isinstance(content, list) else content
    if isinstance(text, str) and not text.isascii() and text.encode(errors="ignore").decode() != text:
        raise ValueError("half of a surrogate pair is no text")
    return text


def _part(part: object) -> str:
    kind = part.get("type") if isinstance(part, dict) else part
    text = part.get("text") if isinstance(part, dict) else None
    if kind != "text" or not isinstance(text, str):
        raise ValueError(f"a part is {kind!r:.40}, and a conversation holds text alone: take it out of the file")
    return text


class _Message(BaseModel):
    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[str, BeforeValidator(_text)]

    def turn(self, *, partial: bool) -> Turn:
        return Turn("system" if self.role == "developer" else self.role, self.content, partial)


class _Ours(BaseModel):
    name: Annotated[str, AfterValidator(checked_name)] | None = None
    partial: Annotated[list[StrictInt], Field(max_length=_MOST_MESSAGES)] = []


class _File(BaseModel):
    messages: Annotated[list[_Message], Field(min_length=1, max_length=_MOST_MESSAGES)]
    ours: Annotated[_Ours, Field(alias=_OURS)] = _Ours()

    @model_validator(mode="after")
    def _partial_are_answers(self) -> "_File":
        answers = {index for index, message in enumerate(self.messages) if message.role == "assistant"}
        if not answers.issuperset(self.ours.partial):
            raise ValueError("what it calls partial is no answer")
        return self

    @property
    def turns(self) -> tuple[Turn, ...]:
        partial = set(self.ours.partial)
        return tuple(message.turn(partial=index in partial) for index, message in enumerate(self.messages))


def resolved(path: str) -> Path:
    """Return the file that a path means: ``~`` is the home folder, and of a link it is the file that it leads to.

    Args:
        path: As it was typed.

    Raises:
        ConversationError: No file can be called that.
    """
    try:
        os.fsencode(path)
        expanded = os.path.expanduser(path)  # noqa: PTH111 - which leaves an unknown home as it is
        return Path(os.path.realpath(expanded))
    except ValueError as error:
        raise ConversationError(f"{path!r} is no name of a file") from error


def read(path: Path) -> Loaded:
    """Read a conversation: messages in the OpenAI form, with or without an object around their list.

    Args:
        path: From ``resolved``.

    Raises:
        ConversationError: There is no such file, or it holds no conversation; one sentence says what is wrong.
    """
    content = _content(path)
    if content is None:
        raise ConversationError(f"there is no file {path}")
    return _loaded(path, content)


def would_lose(path: Path, turns: tuple[Turn, ...], before: tuple[Turn, ...]) -> bool:
    """Return whether there is a file that holds anything but a conversation's beginning, or what it was before.

    Args:
        path: From ``resolved``.
        turns: The conversation.
        before: What it was when it was last saved.

    Raises:
        ConversationError: What is there cannot be read, or is no file.
    """
    content = _content(path)
    if content is None:
        return False
    try:
        saved = _loaded(path, content).turns
    except ConversationError:
        return True  # it is something else
    return saved not in (turns[: len(saved)], before)


def _loaded(path: Path, content: bytes) -> Loaded:
    document = _parsed(path, content)
    try:
        file = _File.model_validate({"messages": document} if isinstance(document, list) else document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        message = re.sub("^Value error, | or instance of _[A-Z]\\w+| after validation", "", first["msg"])
        raise ConversationError(f"{path.name} holds no conversation: {f'{where}: ' * bool(where)}{message}") from error
    return Loaded(file.ours.name, file.turns)


def _content(path: Path) -> bytes | None:
    """Return what is in a file; None where there is none."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # to open a pipe would wait for a writer
            raise ConversationError(f"{path} is no regular file: name one that %llm chats save wrote")
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConversationError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > _MOST_BYTES:
        raise ConversationError(f"{path.name} has more than {_MOST_BYTES:,} bytes, which no conversation has")
    return content


def _parsed(path: Path, content: bytes) -> object:
    try:
        return json.loads(
            content.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_number, parse_int=_number
        )
    except RecursionError as error:
        raise ConversationError(f"{path.name} holds no conversation: it is nested too deeply") from error
    except ValueError as error:  # UnicodeDecodeError and JSONDecodeError are two
        raise ConversationError(f"{path.name} is not JSON: {error}") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object with a key that stands in it twice: readers disagree on which of them counts."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r:.40} stands twice in one object")
        found[key] = value
    return found


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number")


def _number(digits: str) -> int:
    """Read a whole number; a long one would keep Python busy, and none here is."""
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"a number of {len(digits):,} digits has no use here")
    return int(digits)


def write(path: Path, name: str, turns: Sequence[Turn]) -> None:
    """Write a conversation, in place of an old file only when the new one is whole and on the disk.

    Args:
        path: From ``resolved``.
        name: What it is called.
        turns: The conversation.

    Raises:
        ConversationError: It cannot be written, or is larger than what ``read`` takes. After that, and after Ctrl-C, an
            old file is as it was.
    """
    form = {
        "messages": [turn.message for turn in turns],
        _OURS: {"name": name, "partial": [index for index, turn in enumerate(turns) if turn.partial]},
    }
    draft = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        content = f"{json.dumps(form, ensure_ascii=False, indent=2)}\n".encode()
        if len(content) > _MOST_BYTES:
            raise ConversationError(
                f"{name} has {len(content):,} bytes, and a file that can be loaded again has at most {_MOST_BYTES:,}: "
                f"fork it, and take back what is too long"
            )
        _replace(path, draft, content)
    except UnicodeEncodeError as error:
        raise ConversationError(f"{name} holds half of a surrogate pair, which is no text") from error
    except OSError as error:
        raise ConversationError(f"{path} cannot be written: {error.strerror}") from error


def _replace(path: Path, draft: Path, content: bytes) -> None:
    if path.exists() and not path.is_file():  # a folder, or a device, whose place a file must not take
        raise ConversationError(f"{path} is no file that can be replaced: choose another name")
    try:
        with draft.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            copymode(path, draft)
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise
