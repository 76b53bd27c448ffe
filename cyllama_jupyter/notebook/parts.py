"""The parts of a question's prompt, each with its name and its tokens."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter

from cyllama_jupyter.config import GenerationConfig
from cyllama_jupyter.engine.llm import LLM
from cyllama_jupyter.notebook.dry_run import DryRun, Part
from cyllama_jupyter.notebook.prompt import Piece, text_of
from cyllama_jupyter.notebook.question import Question

__all__ = ["dry_run"]

_CELL = "the cell"
_TEMPLATE = "the chat template"
_BEFORE = "the conversation so far"
_SYSTEM = "the system message"


def dry_run(question: Question, llm: LLM, config: GenerationConfig) -> DryRun:
    """Return a question's prompt as a model would get it, with the number of tokens of each part.

    Where two parts share a token it counts to the cell's own text.

    Args:
        question: What is asked.
        llm: The model.
        config: The settings of the generation.

    Raises:
        PromptError: The chat template refuses it, or it can never fit the context.
    """
    is_chat = llm.has_chat_template and not question.raw
    parts = _of_chat(question, llm) if is_chat else _of_text(question, llm, config)
    if question.prefix:
        begun = llm.tokenize(question.prefix)
        parts = [*parts, Part("the prefix of the answer", question.prefix, len(begun))]
    return DryRun(parts, llm.n_ctx, config.max_tokens)


def _of_text(question: Question, llm: LLM, config: GenerationConfig) -> list[Part]:
    pieces = question.whole_text()
    return list(_named(pieces, len(question.tokens(llm, config)), llm))


def _of_chat(question: Question, llm: LLM) -> list[Part]:
    messages = [message for message in question.messages() if message["content"].strip()]
    parts = llm.parts_of_chat(question.messages())
    own = [part for part in parts if not part.from_template]
    roles = iter([message["role"] for message in messages])
    named: list[Part] = []
    for part in parts:
        n_tokens = len(part.token_ids)
        if part.from_template:
            named.append(Part(_TEMPLATE, part.text, n_tokens, is_control=True))
        elif len(own) != len(messages):  # the template has left some out, or made one of two
            named.append(Part("the messages", part.text, n_tokens))
        elif part is own[-1]:
            named += _named(question.pieces, n_tokens, llm)
        else:
            named.append(Part(_SYSTEM if next(roles) == "system" else _BEFORE, part.text, n_tokens))
    return named


def _named(pieces: Sequence[Piece], n_tokens: int, llm: LLM) -> Iterator[Part]:
    """Yield the pieces of a text that has so many tokens in all; what follows itself under one name is one."""
    texts = [(name, text_of(group)) for name, group in groupby(pieces, attrgetter("name"))]
    counts = [len(llm.tokenize(text)) if name else 0 for name, text in texts]
    rest = _held(counts, n_tokens)
    for (name, text), own in zip(texts, counts, strict=True):
        is_first = not name and rest
        yield Part(name or _CELL, text, rest if is_first else own)
        rest = 0 if is_first else rest
    if rest:
        yield Part(_CELL, "", rest)


def _held(counts: list[int], n_tokens: int) -> int:
    """Hold counts to a sum of so many, the last ones first, and return what is left of it.

    Texts may have fewer tokens together than alone.
    """
    over = max(0, sum(counts) - n_tokens)
    for index in reversed(range(len(counts))):
        taken = min(over, counts[index])
        counts[index] -= taken
        over -= taken
    return n_tokens - sum(counts)
