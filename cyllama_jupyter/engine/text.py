"""Token bytes to text: whole characters, and nothing of a stop sequence."""

import codecs
from collections.abc import Sequence

__all__ = ["StopFilter", "TextDecoder"]


class TextDecoder:
    """Turns the bytes of tokens into text as soon as characters are whole.

    A character may be split over tokens (``llama_token_to_piece`` gives bytes). Bytes that can be no UTF-8 become
    U+FFFD; the beginning of a character that never ended is not text and is left out.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, piece: bytes) -> str:
        """Return the characters that ``piece`` made whole."""
        return self._decoder.decode(piece)


class StopFilter:
    """Lets text through up to a stop sequence, which may be split over any number of pieces.

    The first one to be complete counts, and of several that end there the longest: that can be said without knowing
    what comes after, so it does not depend on how the text was cut into pieces. Only text that may still become a
    stop sequence is held back.
    """

    def __init__(self, stop_sequences: Sequence[str]) -> None:
        self._stops = tuple(stop_sequences)
        self._held = ""
        self.stopped = False

    def push(self, text: str) -> str:
        """Return what is certainly not part of a stop sequence; sets ``stopped`` when one is complete."""
        self._held += text
        found = [(at + len(stop), at) for stop in self._stops if (at := self._held.find(stop)) >= 0]
        if found:
            self.stopped = True
            _, start = min(found)
            passed, self._held = self._held[:start], ""
            return passed
        keep = max((self._overlap(stop) for stop in self._stops), default=0)
        split = len(self._held) - keep
        passed, self._held = self._held[:split], self._held[split:]
        return passed

    def flush(self) -> str:
        """Return what was held back: no stop sequence came of it."""
        held, self._held = self._held, ""
        return held

    def _overlap(self, stop: str) -> int:
        """Length of the longest beginning of ``stop`` that the held text ends with."""
        longest = min(len(stop) - 1, len(self._held))
        return next((n for n in range(longest, 0, -1) if self._held.endswith(stop[:n])), 0)
