"""The code of an answer, out of the prose around it."""

from typing import Any, SupportsIndex

from markdown_it import MarkdownIt

__all__ = ["Code", "read_code"]


class Code(str):
    """A program text that knows its language.

    Args:
        text: The code.
        language: What the fence names, such as ``"python"``; empty when it names none.
    """

    __slots__ = ("language",)

    language: str

    def __new__(cls, text: str, language: str = "") -> "Code":
        """Make the string and put the language beside it."""
        self = super().__new__(cls, text)
        self.language = language
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        """Pickle and copy with the language."""
        return type(self), (str(self), self.language)


def read_code(text: str) -> Code:
    """Return the code of the first fenced block, without its last line break; without a block, the whole text."""
    for token in MarkdownIt("commonmark").parse(text):
        if token.type == "fence":
            return Code(token.content.removesuffix("\n"), next(iter(token.info.split()), ""))
    return Code(text.strip())
