"""Tokens that a model has read or written before, in the place of those that their text would be read as now."""

from collections.abc import Callable, Collection, Sequence

__all__ = ["with_known"]

_N_BYTES = 256


def with_known(
    prompt: Sequence[int], known: Sequence[int], bytes_of: Callable[[int], bytes], markers: Collection[int]
) -> list[int]:
    """Return a prompt that begins with known tokens as far as they say what it says.

    What a model has written may be read again as other tokens ("ra" and "ce" as "race"), and from the first of them on
    nothing that lies in memory would be of use. So known tokens take the place of the prompt's own, up to the last
    place where tokens of both end and all before it is the same: byte by byte, and each marker in its place. So no
    known token can make a marker of text, or text of a marker.

    Args:
        prompt: The token ids that the whole prompt is read as.
        known: Token ids that it may begin with.
        bytes_of: Gives the bytes of a token; a marker may have none.
        markers: Tokens that are more than their text, such as control tokens.
    """
    same = _common(prompt, known)

    def spelled(tokens: Sequence[int]) -> tuple[list[int], dict[int, int]]:
        """Spell tokens in bytes and, beyond those, markers; return too how many tokens have ended at each place."""
        units: list[int] = []
        ends = {0: 0}
        for index, token in enumerate(tokens, 1):
            piece = b"" if token in markers else bytes_of(token)
            units += piece or [_N_BYTES + token]
            ends[len(units)] = index
        return units, ends

    (read, read_ends), (kept, kept_ends) = spelled(prompt[same:]), spelled(known[same:])
    agreed = _common(read, kept)
    end = max(place for place in read_ends.keys() & kept_ends.keys() if place <= agreed)
    return [*known[: same + kept_ends[end]], *prompt[same + read_ends[end] :]]


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """Return how many items two sequences begin with alike."""
    shorter = min(len(one), len(other))
    return next((index for index in range(shorter) if one[index] != other[index]), shorter)
