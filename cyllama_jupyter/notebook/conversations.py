"""The conversations of a notebook, by their names."""

import threading
import unicodedata
from collections.abc import Iterator

from cyllama_jupyter.errors import ConversationError
from cyllama_jupyter.notebook.conversation import Conversation
from cyllama_jupyter.notebook.parsing import nearest

__all__ = ["Conversations", "checked_name"]

_LONGEST_NAME = 80
_REFUSED = {"Cc", "Cs", "Zl", "Zp"}  # Unicode's categories: controls, halves of surrogate pairs, line breaks


def checked_name(name: str) -> str:
    """Return the name of a conversation, without what surrounds it.

    Args:
        name: Any text of 1 to 80 characters, none of them a control character or a line break.

    Raises:
        ConversationError: It is none.
    """
    name = name.strip()
    if not name or len(name) > _LONGEST_NAME:
        raise ConversationError(f"the name of a conversation has 1 to {_LONGEST_NAME} characters, not {len(name):,}")
    if any(unicodedata.category(character) in _REFUSED for character in name):
        raise ConversationError(f"the name of a conversation has no control characters or line breaks: not {name!r}")
    return name


class Conversations:
    """Conversations by name; the current one is the one that was last used."""

    def __init__(self) -> None:
        self._by_name: dict[str, Conversation] = {}  # the last used last
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Conversation]:
        """Iterate over them, the current one first."""
        with self._lock:
            known = list(self._by_name.values())
        return iter([conversation for conversation in reversed(known) if conversation.begun or conversation.busy])

    @property
    def current(self) -> Conversation | None:
        """The one that was last used."""
        return next(iter(self), None)

    def open(self, name: str) -> Conversation:
        """Return a conversation, a new one where there is none of that name, and make it the current one.

        A new one is listed only once it holds something, or while it is being answered.

        Args:
            name: What it is called.

        Raises:
            ConversationError: That is no name.
        """
        name = checked_name(name)
        with self._lock:
            conversation = self._by_name.pop(name, None) or Conversation(name)
            self._by_name[name] = conversation
            return conversation

    def find(self, name: str | None = None) -> Conversation:
        """Return a conversation that there is.

        Args:
            name: What it is called; None is the current one.

        Raises:
            ConversationError: There is none, or none of that name.
        """
        known = {conversation.name: conversation for conversation in self}
        if not known:
            raise ConversationError("there is no conversation yet: %%llm --chat NAME begins one")
        if name is None:
            return next(iter(known.values()))
        name = checked_name(name)
        if name not in known:
            hint = nearest(name, known) or "; %llm chats lists them"
            raise ConversationError(f"there is no conversation {name}{hint}")
        return known[name]

    def delete(self, name: str) -> None:
        """Forget a conversation.

        Raises:
            ConversationError: There is none of that name, or it is being answered.
        """
        conversation = self.find(name)
        conversation.replace(())  # which refuses one that is being answered
        with self._lock:
            self._by_name.pop(conversation.name, None)

    def fork(self, new: str, name: str | None = None) -> Conversation:
        """Copy a conversation under a new name, and make the copy the current one.

        Args:
            new: The name of the copy.
            name: What to copy; None is the current one. While it is being answered, what it was before is copied.

        Raises:
            ConversationError: There is none to copy, or one of the new name.
        """
        turns, new = self.find(name).turns, checked_name(new)
        with self._lock:
            known = self._by_name.get(new)
            if known is not None and (known.begun or known.busy):
                raise ConversationError(f"there is a conversation {new} already: choose another name")
            self._by_name.pop(new, None)
            self._by_name[new] = Conversation(new, turns)
            return self._by_name[new]
