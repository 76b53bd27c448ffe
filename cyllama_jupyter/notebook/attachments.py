"""Files and variables that go into a prompt before the text of its cell: ``-f FILE`` and ``--attach NAME``."""

import re
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cyllama_jupyter.errors import PromptError
from cyllama_jupyter.notebook.compact import compact
from cyllama_jupyter.notebook.parsing import nearest
from cyllama_jupyter.notebook.printable import printable
from cyllama_jupyter.notebook.prompt import MOST_CHARACTERS, Piece

__all__ = ["Attachment", "attach_file", "attach_variable", "with_attachments"]

_BACKTICKS = re.compile("`+")


@dataclass(frozen=True)
class Attachment:
    """A text with a name.

    Args:
        name: The path or the variable, as it was typed.
        text: The text.
    """

    name: str
    text: str


def attach_file(path: str) -> Attachment:
    r"""Read a text file: UTF-8, with or without a byte order mark; ``\r\n`` becomes ``\n``.

    Args:
        path: Its path, from the working directory of the kernel; ``~`` is the home directory.

    Raises:
        PromptError: It is not there, cannot be read, is no regular file (a directory, a pipe, a device), has more than
            8,388,608 bytes, or is no UTF-8 text.
    """
    shown = repr(path)
    try:
        file = Path(path).expanduser()
        mode = file.stat().st_mode
        if stat.S_ISDIR(mode):
            raise PromptError(f"{shown} is a directory: name a file in it")
        if not stat.S_ISREG(mode):  # reading one can wait forever
            raise PromptError(f"{shown} is no regular file but a pipe or a device: copy what it gives into a file")
        with file.open("rb") as stream:
            data = stream.read(MOST_CHARACTERS + 1)
    except PromptError:
        raise
    except FileNotFoundError:
        raise PromptError(f"there is no file {shown}: check the path, from the directory that %pwd prints") from None
    except (OSError, ValueError, RuntimeError) as error:  # a path with a NUL in it; a home directory that is not known
        reason = getattr(error, "strerror", None) or error
        raise PromptError(f"{shown} cannot be read: {reason}") from error
    return Attachment(path, _decoded(shown, data))


def _decoded(shown: str, data: bytes) -> str:
    if len(data) > MOST_CHARACTERS:
        raise PromptError(
            f"{shown} has more than {MOST_CHARACTERS:,} bytes, and no more can be read: name a shorter file"
        )
    if b"\0" in data:
        raise PromptError(f"{shown} is no text file: it has a NUL byte at {data.index(0):,}")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise PromptError(
            f"{shown} is not UTF-8 (byte 0x{data[error.start]:02x} at {error.start:,}): save it as UTF-8, "
            f"or read it into a variable with its own encoding"
        ) from error


def attach_variable(name: str, namespace: Mapping[str, object]) -> Attachment:
    """Take a variable, as ``compact`` writes it: a string whole, anything else in at most 4,000 characters.

    Args:
        name: Its name.
        namespace: The variables of the notebook.

    Raises:
        PromptError: There is none of that name.
    """
    if name not in namespace:
        public = [known for known in namespace if not known.startswith("_")]
        raise PromptError(f"there is no variable {name!r} to attach{nearest(name, public)}")
    return Attachment(name, compact(namespace[name]))


def with_attachments(pieces: Iterable[Piece], attachments: Sequence[Attachment]) -> list[Piece]:
    """Put attachments before a prompt, each below its name and between fences longer than any in it.

    Names and texts are values: no control token is read in them.

    Args:
        pieces: The prompt.
        attachments: What goes before it, in this order.
    """
    return [piece for attachment in attachments for piece in _fenced(attachment)] + list(pieces)


def _fenced(attachment: Attachment) -> list[Piece]:
    longest = max(map(len, _BACKTICKS.findall(attachment.text)), default=0)
    fence = "`" * max(3, longest + 1)
    title = " ".join(printable(attachment.name).split())
    line_break = "" if attachment.text.endswith("\n") else "\n"
    pieces = [
        Piece(title, attachment.name, is_value=True),
        Piece(f":\n{fence}\n", attachment.name),
        Piece(attachment.text, attachment.name, is_value=True),
        Piece(f"{line_break}{fence}\n\n", attachment.name),
    ]
    return [piece for piece in pieces if piece.text]
