"""What a widget has said so far: makes the messages, numbers them, and can say it all again."""

from cyllama_jupyter.notebook.protocol import Delta, End, Replay, Status, utf16_length

__all__ = ["Transcript"]


class Transcript:
    """The kernel's side of one widget's conversation with its pages."""

    def __init__(self) -> None:
        self._seq = 0
        self._text = ""
        self._length = 0  # of the text, in UTF-16 code units
        self._status: Status | None = None
        self._end: End | None = None

    @property
    def ended(self) -> bool:
        """Whether the end was made."""
        return self._end is not None

    def status(self, phase: str, label: str, fraction: float | None, language: str = "markdown") -> Status | None:
        """Return the message that says what the cell is doing, or None if that was the last thing said.

        Args:
            phase: Its name in the protocol.
            label: In words.
            fraction: How much of it is done, or None.
            language: What the text is written in.
        """
        last, now = self._status, (phase, label, fraction, language)
        if last and (last["phase"], last["label"], last["fraction"], last["language"]) == now:
            return None
        seq = self._next()
        self._status = Status(type="status", seq=seq, phase=phase, label=label, fraction=fraction, language=language)
        return self._status

    def delta(self, text: str) -> Delta | None:
        """Return the message that carries what is new of a text, or None if nothing is.

        Args:
            text: The whole text so far, which begins with all that was sent before.
        """
        new = text[len(self._text) :]
        if not new:
            return None
        message = Delta(type="delta", seq=self._next(), at=self._length, text=new)
        self._text = text
        self._length += utf16_length(new)
        return message

    def end(self, outcome: str, footer: str) -> End:
        """Return the message that ends it.

        Args:
            outcome: Its name in the protocol.
            footer: One line, in words.
        """
        self._end = End(type="end", seq=self._next(), outcome=outcome, footer=footer)
        return self._end

    def replay(self, view: str) -> Replay:
        """Return everything so far in one message.

        Args:
            view: The view that asked.
        """
        return Replay(type="replay", seq=self._seq, to=view, text=self._text, status=self._status, end=self._end)

    def _next(self) -> int:
        self._seq += 1
        return self._seq
