"""Messages to prompt tokens through the model's own chat template, so that no message can forge a turn."""

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

import jinja2
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from cyllama_jupyter._native.model import LlamaModel
from cyllama_jupyter.errors import ChatTemplateError, PromptError

__all__ = ["ChatFormat", "Message", "encode_prompt", "plain_text"]

Message = Mapping[str, Any]


class ChatFormat:
    """Renders and tokenises conversations for one model.

    A template is text, and what it puts around the messages is control tokens spelled out; a message that spells one
    too would be read as that token. So each such spelling in a message goes through the template as a placeholder and
    is tokenised in two halves, which are plain text.

    Args:
        model: The loaded model.
    """

    def __init__(self, model: LlamaModel) -> None:
        self._model = model

    @cached_property
    def default_template(self) -> str | None:
        """The Jinja source of the model's own chat template, or None."""
        return self._model.chat_template()

    def tokenize(self, messages: Sequence[Message], template: str | None = None, *, add_bos: bool = True) -> list[int]:
        """Return the prompt tokens of a conversation, ready for the assistant's answer.

        Args:
            messages: Mappings with ``role`` and ``content``.
            template: Jinja source, or the name of one of the model's templates; None takes its default.
            add_bos: Begin with the BOS token where the model asks for one and the template has not written it.

        Raises:
            PromptError: A message has no role or content.
            ChatTemplateError: There is no such template, or it refused the messages.
        """
        source = self.template_source(template)
        shield = _Shield(self._spellings)
        rendered = _render(source, shield.protect(_checked(messages)), bos=self._bos, eos=self._spell(self._model.eos))
        tokens: list[int] = []
        begins_with_bos = bool(self._bos) and rendered.startswith(self._bos)
        for text, trusted in shield.split(rendered):
            add_special = add_bos and not tokens and not begins_with_bos
            tokens += self._model.tokenize(encode_prompt(text), add_special=add_special, parse_special=trusted)
        return tokens

    def template_source(self, template: str | None) -> str:
        """Return the Jinja source that ``template`` names; see ``tokenize``."""
        if template is None:
            if self.default_template is None:
                raise ChatTemplateError("this model has no chat template: call it with plain text, or pass template=")
            return self.default_template
        if "{" in template:
            return template
        named = self._model.chat_template(template)
        if named is None:
            raise ChatTemplateError(f"this model has no chat template named {template!r}: pass a Jinja template")
        return named

    @cached_property
    def _spellings(self) -> "re.Pattern[str] | None":
        spelled = {self._spell(token) for token in self._model.control_tokens()} - {""}
        longest_first = sorted(spelled, key=len, reverse=True)
        return re.compile("|".join(map(re.escape, longest_first))) if spelled else None

    @cached_property
    def _bos(self) -> str:
        return self._spell(self._model.bos)

    def _spell(self, token: int) -> str:
        return self._model.token_to_piece(token, special=True).decode("utf-8", "replace") if token >= 0 else ""


class _Shield:
    """Carries spellings of control tokens in a person's text through a template unread."""

    def __init__(self, spellings: "re.Pattern[str] | None") -> None:
        self._spellings = spellings
        self._key = secrets.token_hex(8)  # nobody can write a placeholder of ours into a message
        self._hidden: list[str] = []

    def protect(self, value: Any) -> Any:  # noqa: ANN401 - messages are JSON-like
        """Return a copy of a message's value with placeholders in every string."""
        if isinstance(value, str):
            return self._spellings.sub(self._hide, value) if self._spellings else value
        if isinstance(value, Mapping):
            return {key: self.protect(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.protect(item) for item in value]
        return value

    def _hide(self, match: "re.Match[str]") -> str:
        self._hidden.append(match.group())
        return f"\ue000{self._key}:{len(self._hidden) - 1}\ue001"

    def split(self, rendered: str) -> list[tuple[str, bool]]:
        """Cut a rendered prompt into texts, each with whether control tokens may be read in it."""
        parts: list[tuple[str, bool]] = []
        for index, text in enumerate(re.split(f"\ue000{self._key}:(\\d+)\ue001", rendered)):
            if index % 2 == 0:
                parts.append((text, True))
            else:
                spelled = self._hidden[int(text)]
                parts += [(spelled[:1], False), (spelled[1:], False)]
        return [part for part in parts if part[0]]


def plain_text(messages: Sequence[Message]) -> str:
    """Return a conversation as plain text, for models without a chat template."""
    turns = [f"{str(message['role']).capitalize()}: {message['content']}" for message in _checked(messages)]
    return "\n\n".join([*turns, "Assistant:"])


def _checked(messages: Sequence[Message]) -> list[dict[str, Any]]:
    if not messages:
        raise PromptError("there are no messages: pass at least one with a role and content")
    checked = []
    for index, message in enumerate(messages):
        if not isinstance(message, Mapping):
            raise PromptError(f"message {index} must be a mapping with role and content, got {type(message).__name__}")
        for name in ("role", "content"):
            if not isinstance(message.get(name), str):
                raise PromptError(f"message {index} needs a string {name!r}, got {message.get(name)!r}")
        checked.append(dict(message))
    return checked


def _render(source: str, messages: list[dict[str, Any]], *, bos: str, eos: str) -> str:
    try:
        template = _environment().from_string(source)
        return template.render(messages=messages, bos_token=bos, eos_token=eos, add_generation_prompt=True)
    except (jinja2.TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise ChatTemplateError(f"the model's chat template refused the messages: {error}") from error


def _environment() -> jinja2.Environment:
    """The environment that chat templates are written for (Hugging Face's ``apply_chat_template``), sandboxed."""
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = lambda form: datetime.now().astimezone().strftime(form)
    return environment


def _to_json(value: Any, **options: Any) -> str:  # noqa: ANN401 - whatever a template passes
    return json.dumps(value, **{"ensure_ascii": False, **options})


def _raise_exception(message: str) -> None:
    raise jinja2.TemplateError(message)


def encode_prompt(text: str) -> bytes:
    """Return a prompt's UTF-8 bytes.

    Raises:
        PromptError: It holds half of a surrogate pair, which no text encoding can.
    """
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise PromptError(f"the prompt has a lone surrogate at character {error.start:,}, which is no text") from error
