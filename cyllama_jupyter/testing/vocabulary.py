"""A vocabulary without a model: a token is whatever text somebody has asked about."""

import threading
from collections.abc import Sequence

from cyllama_jupyter.errors import PromptError

__all__ = ["FakeVocabulary"]


class FakeVocabulary:
    """Gives each text that it is asked about an id, in the order in which they come.

    Args:
        chunk: Characters of a token.
    """

    def __init__(self, chunk: int) -> None:
        self._chunk = chunk
        self._pieces: list[str] = []
        self._ids: dict[str, int] = {}
        self._growing = threading.Lock()  # the engine's thread asks too

    def id_of(self, piece: str) -> int:
        """Return the token of a text, which is made when it is new."""
        with self._growing:
            if piece not in self._ids:
                self._ids[piece] = len(self._pieces)
                self._pieces.append(piece)
            return self._ids[piece]

    def tokenize(self, text: str) -> list[int]:
        """Return the tokens of a text, which is cut into chunks from its beginning."""
        return [self.id_of(text[start : start + self._chunk]) for start in range(0, len(text), self._chunk)]

    def spell(self, tokens: Sequence[int]) -> list[tuple[int, bytes]]:
        """Return tokens with their bytes.

        Raises:
            PromptError: One of them was never made.
        """
        return [(token, self._piece(token).encode("utf-8", "surrogatepass")) for token in tokens]

    def text_of(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens; it raises what ``spell`` raises."""
        return "".join(self._piece(token) for token in tokens)

    def _piece(self, token: int) -> str:
        if not 0 <= token < len(self._pieces):
            raise PromptError(f"token {token} is not in the vocabulary of {len(self._pieces):,}")
        return self._pieces[token]
