"""``%llm chats ...``: the conversations."""

import argparse
import shlex
from argparse import Namespace

from IPython.core.error import UsageError

from cyllama_jupyter.errors import ConversationError
from cyllama_jupyter.notebook.commands.command import Command
from cyllama_jupyter.notebook.conversation import Conversation, Turn
from cyllama_jupyter.notebook.conversations import checked_name
from cyllama_jupyter.notebook.parsing import LineParser, nearest, text
from cyllama_jupyter.notebook.printable import printable
from cyllama_jupyter.notebook.session import Session
from cyllama_jupyter.notebook.sinks.chat import shown
from cyllama_jupyter.notebook.wording import count

__all__ = ["COMMANDS"]

_QUOTED = 50  # characters of a question


def _list(session: Session, _: Namespace) -> None:
    rows = [_row(conversation, session.chats.current) for conversation in session.chats]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    session.say(printable("\n".join(lines)) or "there are no conversations: begin one with %%llm --chat NAME")


def _row(conversation: Conversation, current: Conversation | None) -> tuple[str, ...]:
    marks = {
        "current": conversation is current,
        "being answered": conversation.busy,
        "the last answer is partial": conversation.partial,
    }
    remarks = ", ".join(mark for mark, holds in marks.items() if holds)
    length = count(conversation.characters, "character")
    return conversation.name, count(conversation.exchanges, "exchange"), length, remarks


def _show(session: Session, given: Namespace) -> None:
    session.shell.display_pub.publish(shown(session.chats.find(given.name or given.chat)))


def _undo(session: Session, given: Namespace) -> None:
    conversation = session.chats.find(given.chat)
    taken = conversation.undo()
    left = count(conversation.exchanges, "exchange")
    session.say(printable(f"{conversation.name}: took back {_quoted(taken[0])}; {left} left"))


def _quoted(turn: Turn) -> str:
    line = " ".join(turn.content.split())
    return f"“{line if len(line) <= _QUOTED else f'{line[:_QUOTED]}…'}”"


def _fork(session: Session, given: Namespace) -> None:
    copy = session.chats.fork(given.new, given.chat)
    session.say(printable(f"{copy.name}: a copy with {count(copy.exchanges, 'exchange')}, and the current one now"))


def _reset(session: Session, given: Namespace) -> None:
    conversation = session.chats.find(given.chat)
    gone = count(conversation.reset(), "exchange")
    kept = "; the system message stays" if conversation.system else ""
    session.say(printable(f"{conversation.name}: took back {gone}{kept}"))


def _delete(session: Session, given: Namespace) -> None:
    conversation = session.chats.find(given.name)
    if conversation.unsaved and not given.force:
        raise ConversationError(
            f"{conversation.name} has turns that are in no file: save it with %llm chats save FILE --chat "
            f"{shlex.quote(conversation.name)}, or delete it with --force"
        )
    session.chats.delete(conversation.name)
    session.say(printable(f"{conversation.name}: deleted"))


def _save(session: Session, given: Namespace) -> None:
    from cyllama_jupyter.notebook import conversation_file as files  # noqa: PLC0415 - loads pydantic

    conversation = session.chats.find(given.chat)
    path, turns = files.resolved(given.file), conversation.turns
    if not turns:
        raise ConversationError(f"{conversation.name} holds nothing to save")
    if not given.force and files.would_lose(path, turns, conversation.saved):
        raise ConversationError(
            f"{path.name} exists, and holds something else than {conversation.name} did before: choose another name, "
            f"or --force"
        )
    files.write(path, conversation.name, turns)
    conversation.saved = turns
    session.say(printable(f"{conversation.name}: saved to {given.file}"))


def _load(session: Session, given: Namespace) -> None:
    from cyllama_jupyter.notebook import conversation_file as files  # noqa: PLC0415 - loads pydantic

    path = files.resolved(given.file)
    saved_name, turns = files.read(path)
    name = checked_name(given.chat or saved_name or path.stem)
    old = next((conversation for conversation in session.chats if conversation.name == name), None)
    if old is not None and old.unsaved and turns[: len(old.turns)] != old.turns and not given.force:
        raise ConversationError(
            f"{old.name} has turns that are in no file: save it with --chat {shlex.quote(old.name)}, load {path.name} "
            f"under another name (--chat NAME), or --force"
        )
    conversation = session.chats.open(name)
    conversation.replace(turns)
    conversation.saved = turns
    session.say(printable(f"{conversation.name}: {count(conversation.exchanges, 'exchange')} from {given.file}"))


def _subcommand(word: str) -> str:
    """Refuse a word that is no command, for ``add_argument(type=...)``."""
    hint = nearest(word, [command.name.partition(" ")[2] for command in _SUBCOMMANDS])
    raise UsageError(f"there is no %llm chats {word}{hint or '; %llm --help lists the commands'}")


def _no_more(parser: LineParser) -> None:
    parser.add_argument("command", nargs="?", type=_subcommand, help=argparse.SUPPRESS)
    width = max(len(command.synopsis) for command in _SUBCOMMANDS) + 2
    rows = [f"  {command.synopsis:{width}}{command.summary}" for command in _SUBCOMMANDS]
    parser.epilog = "\n".join(["what else there is, each with a --help of its own:", *rows])


def _which(parser: LineParser) -> None:
    parser.add_argument("--chat", type=text, metavar="NAME", help="the conversation; without it the current one")


def _what_to_show(parser: LineParser) -> None:
    parser.add_argument("name", nargs="?", type=text, metavar="NAME", help="the conversation; the current one")
    _which(parser)


def _what_to_delete(parser: LineParser) -> None:
    parser.add_argument("name", type=text, metavar="NAME", help="the conversation")
    parser.add_argument("--force", action="store_true", help="delete also what is not saved")


def _new_name(parser: LineParser) -> None:
    parser.add_argument("new", type=text, metavar="NEW", help="the name of the copy")
    _which(parser)


def _file(parser: LineParser) -> None:
    parser.add_argument("file", type=text, metavar="FILE", help="a file of JSON in the OpenAI messages form")
    _which(parser)
    parser.add_argument("--force", action="store_true", help="replace also what is not saved elsewhere")


_SUBCOMMANDS = (
    Command("chats show", "show a conversation", _show, _what_to_show),
    Command("chats undo", "take back the last question and its answer", _undo, _which),
    Command("chats fork", "copy a conversation, and go on in the copy", _fork, _new_name),
    Command("chats reset", "take back all but the system message", _reset, _which),
    Command("chats delete", "forget a conversation", _delete, _what_to_delete),
    Command("chats save", "write a conversation to a file", _save, _file),
    Command("chats load", "read a conversation from a file", _load, _file),
)

COMMANDS = (Command("chats", "list the conversations", _list, _no_more), *_SUBCOMMANDS)
