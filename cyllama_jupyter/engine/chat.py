"""Messages to prompt tokens through the model's own chat template, so that no message can forge a turn."""

import json
import re
import secrets
import warnings
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from itertools import groupby
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from cyllama_jupyter._native.model import LlamaModel
from cyllama_jupyter.config import GenerationConfig
from cyllama_jupyter.engine.known import with_known
from cyllama_jupyter.engine.prompt_parts import PromptPart, Segment, cut, marked, spans_of
from cyllama_jupyter.engine.tokens import Tokenizer, ids_of
from cyllama_jupyter.errors import ChatTemplateError, PromptError

__all__ = ["ChatFormat", "Message"]

Message = Mapping[str, Any]
_NOTHING = "(?!)"  # a pattern that is nowhere
_DIGITS = 0xE100  # where our digits lie in Unicode's private use area


class ChatFormat:
    """Renders and tokenises conversations for one model.

    A template is text, and what it puts around the messages is control tokens spelled out; a message that spells one
    too would be read as that token. So each such spelling in a message goes through the template as a placeholder and
    is tokenised in two halves, which are plain text. The same goes for user-defined tokens that the template spells
    (some models mark ``<|im_start|>`` so), but not in what the assistant said: templates look for its ``</think>``.

    Args:
        model: The loaded model.
        tokenizer: Its tokenizer.
    """

    def __init__(self, model: LlamaModel, tokenizer: Tokenizer) -> None:
        self._model = model
        self._tokenizer = tokenizer

    @cached_property
    def default_template(self) -> str | None:
        """The Jinja source of the model's own chat template, or None."""
        template = self._model.chat_template()
        return template if template and "{" in template else None  # llama.cpp may give the name of one that it knows

    def tokenize(
        self,
        messages: Sequence[Message],
        config: GenerationConfig,
        template: str | None = None,
        *,
        known: Sequence[int] = (),
    ) -> list[int]:
        """Return the prompt tokens of a conversation, ready for the assistant's answer.

        Without any template the messages become plain text, with a warning to the caller of the caller's caller.

        Args:
            messages: Mappings with ``role`` and ``content``.
            config: Whether to begin with a BOS token.
            template: Jinja source, or the name of one of the model's templates; None takes its default.
            known: The tokens of this conversation so far, as they were read and written (see ``with_known``).

        Raises:
            PromptError: A message has no role or content, or something that is known is no token of this model.
            ChatTemplateError: There is no such template, or it refused the messages.
        """
        source = self._source(template)
        if source is None:
            warnings.warn("this model has no chat template: the messages go to it as plain text", stacklevel=4)
        read = [token for _, tokens in self._read(messages, source) for token in tokens]
        prompt = self._tokenizer.begin(read, add_bos=config.add_bos)
        before = ids_of(known, self._model.n_vocab)
        return with_known(prompt, before, self._bytes_of, self._markers) if before else prompt

    def parts(
        self, messages: Sequence[Message], config: GenerationConfig, template: str | None = None
    ) -> list[PromptPart]:
        """Return what ``tokenize`` returns in parts, each either the template's or from a message."""
        read = self._read(messages, self._source(template), whose=True)
        parts = [part for segment, tokens in read for part in cut(segment, tokens, self._bytes_of)]
        ids = [token for part in parts for token in part.token_ids]
        added = self._tokenizer.begin(ids, add_bos=config.add_bos)[: -len(ids) or None]
        begin = [PromptPart(self._spell(token), (token,), from_template=True) for token in added]
        return _joined([*begin, *parts])

    def tokenize_pieces(self, pieces: Sequence[tuple[str, bool]], config: GenerationConfig) -> list[int]:
        """Return the prompt tokens of a text as it stands, without a template.

        Args:
            pieces: The text in pieces, each with whether control tokens may be read in it.
            config: Whether to begin with a BOS token, and whether to read control tokens at all.
        """
        shield, spellings = _Shield(), self._read_in("", "user")
        text = "".join(
            text if trusted and config.parse_special else str(shield.protect(text, spellings))
            for text, trusted in pieces
        )
        read = [token for _, tokens in self._tokenized(shield.split(text)) for token in tokens]
        return self._tokenizer.begin(read, add_bos=config.add_bos)

    def _read(
        self, messages: Sequence[Message], source: str | None, *, whose: bool = False
    ) -> list[tuple[Segment, list[int]]]:
        """Return the segments of a prompt with their tokens, and if wanted whose text it is."""
        checked = _checked(messages)
        return self._tokenized(
            [_plain_text(checked)] if source is None else self._through(source, checked, whose=whose)
        )

    def _tokenized(self, segments: Sequence[Segment]) -> list[tuple[Segment, list[int]]]:
        read: list[tuple[Segment, list[int]]] = []
        for segment in segments:
            goes_on = any(tokens for _, tokens in read)
            tokens = self._tokenizer.tokenize(segment.text, parse_special=segment.trusted, goes_on=goes_on)
            read.append((segment, tokens))
        return read

    def _through(self, source: str, messages: list[dict[str, Any]], *, whose: bool) -> list[Segment]:
        """Return what a template makes of messages, and if wanted whose text it is."""
        shield = _Shield()
        safe = [shield.protect(message, self._read_in(source, message["role"])) for message in messages]
        bos, eos = self._spell(self._model.bos), self._spell(self._model.eos)
        rendered = _render(source, safe, bos_token=bos, eos_token=eos)
        if not whose:
            return shield.split(rendered)
        with_marks = [{**message, "content": marked(message["content"])} for message in safe]
        again = _render(source, with_marks, bos_token=bos, eos_token=eos)
        return shield.split(rendered, spans_of([message["content"] for message in safe], rendered, again))

    def _source(self, template: str | None) -> str | None:
        return self.default_template if template is None else self._named(template)

    def _named(self, template: str) -> str:
        if "{" in template:
            return template
        named = self._model.chat_template(template)
        if named is None:
            raise ChatTemplateError(f"this model has no chat template named {template!r}: pass a Jinja template")
        return named

    def _read_in(self, source: str, role: str) -> "re.Pattern[str]":
        """Return what a message of this role may not spell."""
        markers = {text for text in self._user_defined if text in source} if role != "assistant" else set()
        longest_first = sorted(self._control | markers, key=len, reverse=True)
        return re.compile("|".join(map(re.escape, longest_first)) or _NOTHING)

    @cached_property
    def _control(self) -> set[str]:
        return {self._spell(token) for token in self._model.control_tokens()} - {""}

    @cached_property
    def _user_defined(self) -> set[str]:
        spelled = {self._spell(token) for token in self._model.user_defined_tokens()}
        return {text for text in spelled if text.strip()}

    @cached_property
    def _markers(self) -> frozenset[int]:
        """Tokens that text is not the same as, though it may spell them."""
        visible = (token for token in self._model.user_defined_tokens() if self._spell(token).strip())
        return frozenset(self._model.control_tokens()) | frozenset(visible)

    def _spell(self, token: int) -> str:
        return self._bytes_of(token).decode("utf-8", "replace") if token >= 0 else ""

    def _bytes_of(self, token: int) -> bytes:
        return self._model.token_to_piece(token, special=True)


class _Shield:
    """Carries spellings of control tokens in a person's text through a template unread."""

    def __init__(self) -> None:
        self._key = _private(secrets.randbits(64))  # nobody can write a placeholder of ours into a message
        self._hidden: list[str] = []

    def protect(self, value: Any, spellings: "re.Pattern[str]") -> Any:  # noqa: ANN401 - messages are JSON-like
        """Return a copy of a message's value with placeholders for ``spellings`` in every string."""
        if isinstance(value, str):
            return spellings.sub(self._hide, value)
        if isinstance(value, Mapping):
            return {key: self.protect(item, spellings) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.protect(item, spellings) for item in value]
        return value

    def _hide(self, match: "re.Match[str]") -> str:
        self._hidden.append(match.group())
        return f"\ue000{self._key}\ue001{_private(len(self._hidden) - 1)}\ue002"

    def split(self, rendered: str, messages: Sequence[tuple[int, int]] = ()) -> list[Segment]:
        """Cut a rendered prompt into segments, given which of its characters come from messages."""
        segments: list[Segment] = []
        at = 0
        for placeholder in re.finditer(f"\ue000{self._key}\ue001([\ue100-\ue10f]+)\ue002|$(?![\\s\\S])", rendered):
            begin, end = placeholder.span()
            inside = ((max(first, at) - at, min(last, begin) - at) for first, last in messages)
            spans = tuple((first, last) for first, last in inside if first < last)
            segments.append(Segment(rendered[at:begin], trusted=True, messages=spans))
            if placeholder.group():
                spelled = self._hidden[_number(placeholder.group(1))]
                segments += [_message(spelled[:1]), _message(spelled[1:])]
            at = end
        return [segment for segment in segments if segment.text]


def _private(number: int) -> str:
    """Write a number in characters of nobody's alphabet, which no template splits, replaces or turns into capitals."""
    return "".join(chr(_DIGITS + int(digit, 16)) for digit in f"{number:x}")


def _number(private: str) -> int:
    return int("".join(f"{ord(character) - _DIGITS:x}" for character in private), 16)


def _message(text: str) -> Segment:
    return Segment(text, trusted=False, messages=((0, len(text)),))


def _plain_text(messages: list[dict[str, Any]]) -> Segment:
    turns = [f"{message['role'].capitalize()}: {message['content']}" for message in messages]
    text = "\n\n".join([*turns, "Assistant:"])
    spans = spans_of([message["content"] for message in messages], text)
    return Segment(text, trusted=False, messages=tuple(spans))


def _joined(parts: Sequence[PromptPart]) -> list[PromptPart]:
    """Make one part of neighbours of the same kind."""
    joined = []
    for kind, group in groupby(parts, key=lambda part: part.from_template):
        same = list(group)
        ids = tuple(token for part in same for token in part.token_ids)
        joined.append(PromptPart("".join(part.text for part in same), ids, kind))
    return joined


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


def _render(source: str, messages: list[dict[str, Any]], **words: str) -> str:
    try:
        template = _environment().from_string(source)
        # Templates ask whether there are tools or documents, and take a name that is not given for a yes.
        return template.render(messages=messages, tools=None, documents=None, add_generation_prompt=True, **words)
    except (jinja2.TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise ChatTemplateError(f"the model's chat template refused the messages: {error}") from error
    except RecursionError as error:
        raise ChatTemplateError("the model's chat template calls itself without end") from error


class _GenerationBlock(Extension):
    """``{% generation %}`` marks what the assistant said, for training; here its content alone matters."""

    tags = {"generation"}  # noqa: RUF012 - as jinja2 declares it

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _environment() -> jinja2.Environment:
    """The environment that chat templates are written for (Hugging Face's ``apply_chat_template``), sandboxed."""
    extensions = [loopcontrols, _GenerationBlock]
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=extensions)
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = lambda form: datetime.now().astimezone().strftime(form)
    return environment


def _to_json(value: Any, **options: Any) -> str:  # noqa: ANN401 - whatever a template passes
    return json.dumps(value, **{"ensure_ascii": False, **options})


def _raise_exception(message: str) -> None:
    raise jinja2.TemplateError(message)
