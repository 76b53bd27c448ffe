"""Text without the control characters that a terminal, or a front end's rendering of one, would obey."""

__all__ = ["printable"]

_KEPT = {"\n", "\t"}
_CONTROLS = [*range(0x20), *range(0x7F, 0xA0)]  # C0, DEL and C1
_TABLE = {code: "\N{REPLACEMENT CHARACTER}" for code in _CONTROLS if chr(code) not in _KEPT}


def printable(text: str) -> str:
    """Return the text with each control character but newline and tab replaced by U+FFFD.

    A model may write an escape sequence that sets the window's title, or the clipboard.

    Args:
        text: Text that a model wrote.
    """
    return text.translate(_TABLE)
