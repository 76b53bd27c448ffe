"""What a model reads in a prompt: its tokens, shown before anything is computed."""

from collections.abc import Sequence

from cyllama_jupyter._native.model import LlamaModel
from cyllama_jupyter.config import GenerationConfig
from cyllama_jupyter.engine import settings
from cyllama_jupyter.engine.chat import ChatFormat, Message
from cyllama_jupyter.engine.owner import EngineOwner
from cyllama_jupyter.engine.prompt_parts import PromptPart
from cyllama_jupyter.engine.tokens import Tokenizer, check_kind, ids_of
from cyllama_jupyter.errors import ClosedError

__all__ = ["Prompt", "PromptReader"]

Prompt = str | Sequence[Message] | Sequence[int]
"""A text to go on with as it stands, a conversation to answer, or the token ids of either."""


class PromptReader(EngineOwner):
    """The part of an ``LLM`` that turns prompts into tokens."""

    config: GenerationConfig
    _model: LlamaModel
    _tokenizer: Tokenizer
    _chat: ChatFormat

    @property
    def has_chat_template(self) -> bool:
        """Whether the model brings a chat template."""
        return self._chat.default_template is not None

    def tokenize(self, text: str, *, parse_special: bool = False) -> list[int]:
        """Return the tokens of a text alone, without BOS; it may be longer than the context.

        Args:
            text: Any text.
            parse_special: Read the text of control tokens, such as ``<|im_end|>``, as those tokens.

        Raises:
            TypeError: It is no string.
            PromptError: It holds half of a surrogate pair, or millions of characters.
        """
        self._refuse_closed()
        if not isinstance(text, str):
            raise TypeError(f"the text must be a string, got {type(text).__name__}")
        return self._tokenizer.tokens_of(text, parse_special=parse_special)

    def tokenize_chat(
        self, messages: Sequence[Message], config: GenerationConfig | None = None, template: str | None = None
    ) -> list[int]:
        """Return the prompt tokens that ``chat`` would compute for a conversation; the arguments are the same.

        Raises:
            PromptError: A message lacks its role or content, the template refuses them, or they can never fit the
                context.
        """
        return self._chat_tokens(messages, config, template)

    def tokenize_pieces(self, pieces: Sequence[tuple[str, bool]], config: GenerationConfig | None = None) -> list[int]:
        """Return the prompt tokens of a text that somebody else's text was put into, without a chat template.

        Args:
            pieces: The text in pieces, each with whether control tokens may be read in it.
            config: The settings of the call that it is for.

        Raises:
            PromptError: It cannot be tokenised, or can never fit the context.
        """
        self._refuse_closed()
        return self._chat.tokenize_pieces(pieces, settings.of_call(config, self.config))

    def parts_of_chat(self, messages: Sequence[Message], template: str | None = None) -> list[PromptPart]:
        """Return the prompt of a conversation just as the model would read it, in parts, for a person to look at.

        The tokens of all parts together are those of ``tokenize_chat``, which raises the same errors.
        """
        self._refuse_closed()
        return self._chat.parts(messages, self.config, template)

    def _chat_tokens(
        self, messages: Sequence[Message], config: GenerationConfig | None, template: str | None
    ) -> list[int]:
        self._refuse_closed()
        return self._chat.tokenize(messages, settings.of_call(config, self.config), template)

    def _prompt_tokens(self, prompt: str | Sequence[int], config: GenerationConfig) -> list[int]:
        check_kind(prompt)
        if isinstance(prompt, str):
            return self._tokenizer.prompt(prompt, add_bos=config.add_bos, parse_special=config.parse_special)
        return ids_of(prompt, self._model.n_vocab)

    def _spelled(self, tokens: Sequence[int]) -> list[tuple[int, bytes]]:
        """Return the tokens that an answer begins with, each with its bytes; a control token has none."""
        return [(token, self._model.token_to_piece(token)) for token in ids_of(tokens, self._model.n_vocab)]

    def _refuse_closed(self) -> None:
        if self.closed:
            raise ClosedError("the LLM is closed")
