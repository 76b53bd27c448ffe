"""The text and the options of a cell to a question."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from IPython.core.error import UsageError

from cyllama_jupyter.notebook.attachments import attach_file, attach_variable, with_attachments
from cyllama_jupyter.notebook.form import Form
from cyllama_jupyter.notebook.forms import form_of
from cyllama_jupyter.notebook.options import CellOptions
from cyllama_jupyter.notebook.prompt import Piece, expand, text_of
from cyllama_jupyter.notebook.question import FORM, Begun, Continuation, Question, Questioner

if TYPE_CHECKING:
    from cyllama_jupyter.notebook.session import Session

__all__ = ["compose"]


def compose(options: CellOptions, cell: str, session: "Session") -> Questioner:
    """Return what a cell asks.

    Args:
        options: The line of the cell.
        cell: The text below it.
        session: Holds the variables, the conversations and the last answer.

    Raises:
        UsageError: There is no prompt, or an option names what is not there.
        PromptError: An expression in the prompt fails, or a file cannot be put into it.
        SchemaError: No answer can be held to the schema.
        ConversationError: The conversation is being answered, or has nothing to go on with.
    """
    if options.continue_:
        return _continuation(options, cell, session)
    if not cell.strip():
        raise UsageError("the cell is empty: write the prompt on the lines below %%llm")
    prompt = cell.removesuffix("\n") if options.raw else cell.strip()  # IPython adds the last line break
    files = [attach_file(path) for path in options.file]
    variables = [attach_variable(name, session.namespace) for name in options.attach]
    pieces = with_attachments(expand(prompt, session.namespace), [*files, *variables])
    form = _form(options, session.namespace)
    if form is not None and form.instruction and not options.raw:
        pieces = [*pieces, Piece(f"\n\n{form.instruction}", FORM)]
    system = _system(options.system, session.namespace)
    exchange = None
    if options.chat is not None:  # last of all: it holds the conversation
        exchange = session.chats.open(options.chat).ask(text_of(pieces), system)
    return Question(pieces, system, options.raw, options.prefix or "", form, exchange)


def _continuation(options: CellOptions, cell: str, session: "Session") -> Continuation:
    if cell.strip():
        raise UsageError("--continue goes on with an answer and takes no prompt: leave the cell empty")
    if len(session.last) > 1 and options.chat is None:
        raise UsageError("the last cell has several answers, and one can be gone on with: ask for one, without --n")
    last = session.last[0] if session.last else None
    chat = options.chat or (last.chat if last is not None else None)
    if chat is not None:
        if last is not None and last.chat == chat and not last.response and last.response.finish_reason != "stop":
            raise UsageError("nothing was written of that answer yet: ask again; what was read of it is not read twice")
        exchange = session.chats.find(chat).go_on()
        turn = exchange.begun
        if turn is None:
            raise RuntimeError("an exchange that goes on has an answer that was begun")
        form = last.form if last is not None and (last.chat, last.response.text) == (chat, turn.content) else None
        return Continuation(Begun(turn.content, turn.model, turn.prompt_ids, turn.token_ids), form, exchange)
    if last is None:
        raise UsageError("there is no answer to go on with: run a %%llm cell")
    response = last.response
    if response.finish_reason == "stop":
        raise UsageError("the last answer came to its end by itself: there is nothing to go on with")
    begun = Begun(response.text, response.model, last.prompt, response.token_ids)
    return Continuation(begun, last.form)


def _system(given: str | None, namespace: Mapping[str, object]) -> str | None:
    """Return the system message: the value of a variable where its name was given."""
    value = namespace.get(given) if given else None
    return value if isinstance(value, str) else given


def _form(options: CellOptions, namespace: Mapping[str, object]) -> Form | None:
    if options.grammar is not None:
        return Form(options.grammar, "", str, attach_file(options.grammar).text, language="text")
    return form_of(options.as_, options.schema, namespace)
