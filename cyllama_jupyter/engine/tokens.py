"""Text to prompt tokens."""

from collections.abc import Sequence
from functools import cached_property, partial
from operator import index

from cyllama_jupyter._native.model import LlamaModel
from cyllama_jupyter.engine import deep
from cyllama_jupyter.errors import ContextOverflow, PromptError

__all__ = ["Tokenizer", "check_kind", "check_prompt", "ids_of"]

_SENTENCEPIECE = "llama"  # what GGUF calls it
_SHALLOW = 1_000  # characters that any thread's stack is deep enough for
_STACK = 2**20
_STACK_PER_CHARACTER = 512
_MOST_CHARACTERS = 2**23


class Tokenizer:
    """Tokenises for one model and one length of context.

    Args:
        model: The loaded model.
        n_ctx: Length of the context in tokens.
    """

    def __init__(self, model: LlamaModel, n_ctx: int) -> None:
        self._model = model
        self._n_ctx = n_ctx

    def tokenize(self, text: str, *, parse_special: bool, goes_on: bool = False) -> list[int]:
        """Return the tokens of a text alone.

        Args:
            text: Any text.
            parse_special: Read the text of control tokens, such as ``<|im_end|>``, as those tokens.
            goes_on: The text goes on with another one.

        Raises:
            ContextOverflow: It cannot fit the context, however few tokens it has.
            PromptError: It holds half of a surrogate pair, which no text encoding can.
        """
        encoded = _encoded(text)
        fewest = -(-len(encoded) // self._longest_piece)
        if fewest > self._n_ctx:
            raise ContextOverflow(fewest, self._n_ctx, at_least=True)
        if goes_on and self._model.metadata("tokenizer.ggml.model") == _SENTENCEPIECE:
            # llama.cpp would put a space before it. It goes before a line break instead, which is no part of any token.
            lead = self._read(b"\n", parse_special=False)
            both = self._read(b"\n" + encoded, parse_special=parse_special)
            if both[: len(lead)] == lead:
                return both[len(lead) :]
        return self._read(encoded, parse_special=parse_special)

    def tokens_of(self, text: str, *, parse_special: bool) -> list[int]:
        """Return the tokens of a text, which need not fit the context; otherwise as ``tokenize`` does."""
        return self._read(_encoded(text), parse_special=parse_special)

    def begin(self, tokens: list[int], *, add_bos: bool) -> list[int]:
        """Return a prompt with the BOS token before it, where the model asks for one and it does not begin with it.

        ``llama_tokenize`` can add it too. But then it doubles one that is there, adds an EOS token where the model asks
        for that, after which there is nothing to go on with, and ends the process when the model names no BOS token.

        Args:
            tokens: The whole prompt.
            add_bos: Whether to do so at all.
        """
        model = self._model
        wanted = add_bos and model.adds_bos and model.bos >= 0 and tokens[:1] != [model.bos]
        return [model.bos, *tokens] if wanted else tokens

    def prompt(self, text: str, *, add_bos: bool, parse_special: bool) -> list[int]:
        """Return the tokens of a prompt as it stands; an empty one is the BOS token alone, where the model has one.

        Args:
            text: Any text.
            add_bos: Begin with the BOS token, where the model asks for it.
            parse_special: Read the text of control tokens as those tokens.

        Raises:
            PromptError: It cannot be tokenised, or does not fit the context.
        """
        begun = self.begin(self.tokenize(text, parse_special=parse_special), add_bos=add_bos)
        return begun or ([self._model.bos] if self._model.bos >= 0 else [])

    @cached_property
    def _longest_piece(self) -> int:
        return self._model.longest_piece

    def _read(self, encoded: bytes, *, parse_special: bool) -> list[int]:
        """Tokenise on a stack that is deep enough.

        Many tokenizers' regular expressions are matched by libstdc++, by one recursion of 320 bytes for each
        character: a run of 26,000 letters overflows the main thread's stack and ends the process.
        """
        read = partial(self._model.tokenize, encoded, add_special=False, parse_special=parse_special)
        if len(encoded) <= _SHALLOW:
            return read()
        if len(encoded) > _MOST_CHARACTERS:
            raise PromptError(
                f"the prompt has {len(encoded):,} bytes and at most {_MOST_CHARACTERS:,} can be tokenised"
            )
        return deep.call(read, _STACK + _STACK_PER_CHARACTER * len(encoded))


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise PromptError(f"the prompt has a lone surrogate at character {error.start:,}, which is no text") from error


def check_kind(prompt: object) -> None:
    """Refuse what is neither a text nor a sequence that may hold token ids.

    Raises:
        TypeError: It is something else.
    """
    if not isinstance(prompt, Sequence) or isinstance(prompt, (bytes, bytearray)):
        raise TypeError(f"the prompt must be a string, or a list of token ids, got {type(prompt).__name__}")


def ids_of(tokens: Sequence[int], n_vocab: int) -> list[int]:
    """Return token ids that somebody gives, as plain integers.

    Raises:
        TypeError: Something among them is no integer.
        PromptError: It is no token of this vocabulary.
    """
    for token in tokens:
        if not hasattr(token, "__index__"):
            kind = type(token).__name__
            raise TypeError(f"token ids must be integers, got {kind}; a conversation goes to chat()")
    ids = [index(token) for token in tokens]
    for token in ids:
        if not 0 <= token < n_vocab:
            raise PromptError(f"token {token} is not in the vocabulary of {n_vocab:,}")
    return ids


def check_prompt(tokens: Sequence[int], n_ctx: int, n_begun: int = 0) -> None:
    """Refuse what no context of this length can be asked to go on with, ``n_begun`` tokens of the answer after it.

    Raises:
        ContextOverflow: It has more tokens than the context.
        PromptError: It has none.
    """
    if not tokens:
        raise PromptError("the prompt has no tokens, and this model no BOS token to begin with: write something")
    if len(tokens) + n_begun > n_ctx:
        raise ContextOverflow(len(tokens) + n_begun, n_ctx)
