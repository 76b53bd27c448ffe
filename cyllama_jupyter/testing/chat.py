"""A chat format without a model."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from cyllama_jupyter.config import GenerationConfig
from cyllama_jupyter.engine.chat import Message
from cyllama_jupyter.engine.prompt_parts import PromptPart
from cyllama_jupyter.testing.vocabulary import FakeVocabulary

__all__ = ["FakeChat"]


class FakeChat(NamedTuple):
    """What an ``LLM`` asks its chat format for.

    Args:
        asked: Is told of each conversation.
        prompt: Its tokens, when it is to be answered.
        vocabulary: Makes the tokens of its parts.
        default_template: The Jinja source of the model's chat template, or None.
    """

    asked: list[Any]
    prompt: list[int]
    vocabulary: FakeVocabulary
    default_template: str | None

    def tokenize(
        self,
        messages: Sequence[Message],
        config: GenerationConfig,  # noqa: ARG002 - the real one's arguments
        template: str | None = None,  # noqa: ARG002 - the same
        *,
        known: Sequence[int] = (),  # noqa: ARG002 - the same
    ) -> list[int]:
        """Return the tokens of a conversation that is to be answered."""
        self.asked.append([dict(message) for message in messages])
        return self.prompt

    def tokenize_pieces(
        self,
        pieces: Sequence[tuple[str, bool]],
        config: GenerationConfig,  # noqa: ARG002 - the real one's arguments
    ) -> list[int]:
        """Return the tokens of a text that is to be gone on with."""
        self.asked.append("".join(text for text, _ in pieces))
        return self.prompt

    def parts(
        self,
        messages: Sequence[Message],
        config: GenerationConfig,  # noqa: ARG002 - the real one's arguments
        template: str | None = None,  # noqa: ARG002 - the same
    ) -> list[PromptPart]:
        """Return each message between what a template would put around it."""
        texts = []
        for message in messages:
            texts += [(f"<{message['role']}>", True), (message["content"], False)]
        texts.append(("<assistant>", True))
        return [PromptPart(text, tuple(self.vocabulary.tokenize(text)), kind) for text, kind in texts if text]
