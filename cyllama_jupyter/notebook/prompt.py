"""A cell with variables in it: Jinja in; pieces out, each either the cell's own text or a value.

A prompt's control tokens are text too, so whoever tokenises one (``%%llm --raw``) has to know which of it a person
wrote and which came out of a variable. Jinja writes one long string; so everything that it writes goes through one of
two filters, put into the syntax tree where nobody can name them. One lets the cell's own text through as a rope, a
string that knows its pieces; the other makes a rope of a value. Jinja joins ropes to ropes, in macros and blocks too;
whatever a filter or an expression computes from one is a plain string again, and a plain string is a value.
"""

import builtins
import json
import re
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.utils import missing

from cyllama_jupyter.errors import PromptError
from cyllama_jupyter.notebook import compact
from cyllama_jupyter.notebook.parsing import nearest

__all__ = ["MOST_CHARACTERS", "Piece", "expand", "text_of"]

MOST_CHARACTERS = 2**23
"""The longest prompt that is expanded, in characters: as many as the tokenizer takes bytes."""

_OPENERS = ("{{", "{%", "{#")
_FILENAME = "<the prompt>"  # by which the lines of a template are found in a traceback
_TEXT, _VALUE = "the text", "a value"  # filters; a name with a space in it cannot be written in a template
_PASTED = "{% raw %} before a text with {{ or {% in it, and {% endraw %} after it, let it through as it is"
_ELSEWHERE = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
_BUILTINS = {name: value for name, value in vars(builtins).items() if not name.startswith("_")}
_LINE_BREAK = re.compile(r"\r\n|\r|\n")  # what Jinja counts lines by
_SHOWN = 200  # characters of somebody else's message that an error quotes


@dataclass(frozen=True)
class Piece:
    """A stretch of a prompt.

    Args:
        text: The text.
        name: The variables that a value was made of, or the name of an attachment; empty for the cell's own text.
        is_value: Whether it came out of a variable, so that no control token may be read in it.
    """

    text: str
    name: str = ""
    is_value: bool = False


def expand(source: str, namespace: Mapping[str, object]) -> list[Piece]:
    """Evaluate ``{{ expressions }}``, ``{% for %}``, ``{% if %}`` and Jinja's filters in a prompt.

    A value is put in as ``compact`` writes it, and is never read as a template. Python's builtins can be used. A line
    with nothing on it but a ``{% tag %}`` or a ``{# comment #}`` leaves nothing behind (``trim_blocks`` and
    ``lstrip_blocks``). Nothing is assigned in the namespace.

    Args:
        source: The text of a cell. Without ``{{``, ``{%`` and ``{#`` it is one piece, as it is.
        namespace: The variables of the notebook.

    Returns:
        The prompt, in order, without empty pieces.

    Raises:
        PromptError: A name is not defined, an expression raised an exception, the syntax is wrong, or the prompt
            became longer than 8,388,608 characters; one line.
        KeyboardInterrupt: There was an interrupt.
    """
    if not any(opener in source for opener in _OPENERS):
        return [Piece(source)]
    template = _compiled(source, _Environment(namespace))
    try:
        written = list(template.generate(dict(namespace)))
    except PromptError as error:
        raise PromptError(f"{_place(source, _line(error))}{_one_line(str(error), 400)}") from error
    except Exception as error:
        raise PromptError(f"{_place(source, _line(error))}{_told(error)}") from error
    return list(_merged(_pieces(written)))


def text_of(pieces: Iterable[Piece]) -> str:
    """Return the whole prompt.

    Args:
        pieces: Its pieces.
    """
    return "".join(piece.text for piece in pieces)


class _Rope(str):
    """A string that knows its pieces. What is computed from one is a plain string, and knows nothing."""

    __slots__ = ("pieces",)

    pieces: tuple[Piece, ...]

    def __new__(cls, pieces: Iterable[Piece]) -> "_Rope":
        pieces = tuple(pieces)
        self = super().__new__(cls, text_of(pieces))
        self.pieces = pieces
        return self

    def __str__(self) -> str:
        """Stay a rope: compiled templates call ``str`` on whatever they write."""
        return self


def _pieces(strings: Iterable[str]) -> Iterator[Piece]:
    for string in strings:
        if isinstance(string, _Rope):
            yield from string.pieces
        else:  # what a function that is no macro returned to `{% call %}`
            yield Piece(compact.compact(string), is_value=True)


def _join(strings: Iterable[str]) -> str:
    return _Rope(_pieces(strings))


def _merged(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Yield what is not empty, with neighbouring stretches of the cell's own text as one."""
    own: list[str] = []
    for piece in pieces:
        if not piece.is_value:
            own.append(piece.text)
            continue
        if "".join(own):
            yield Piece("".join(own))
        own.clear()
        if piece.text:
            yield piece
    if "".join(own):
        yield Piece("".join(own))


class _UndefinedName(PromptError, jinja2.UndefinedError):
    """A name or an attribute that is used is not there."""


class _Environment(jinja2.Environment):
    """The environment of one expansion, which counts what is written in it.

    Args:
        namespace: The variables of the notebook.
    """

    def __init__(self, namespace: Mapping[str, object]) -> None:
        super().__init__(
            undefined=_undefined_in([*namespace, *_BUILTINS]),
            keep_trailing_newline=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.concat = _join  # type: ignore[method-assign]  # as in jinja2's own NativeEnvironment
        self.globals.update(_BUILTINS)
        self.filters.update(full=compact.full, head=compact.head, tojson=_to_json)
        self.filters.update({_TEXT: self._text, _VALUE: self._value})
        self._written = 0

    @jinja2.pass_context  # which is not there while compiling, so it is called when the text is written
    def _text(self, _: object, text: str) -> _Rope:
        return self._counted(_Rope([Piece(text)]))

    @jinja2.pass_context
    def _value(self, _: object, value: object, name: str) -> _Rope:
        if isinstance(value, jinja2.Undefined):
            str(value)  # raises
        rope = value if isinstance(value, _Rope) else _Rope([Piece(compact.compact(value), name, is_value=True)])
        return self._counted(rope)

    def _counted(self, rope: _Rope) -> _Rope:
        """Return it, unless more was written by now, into macros and blocks too, than a prompt can hold."""
        self._written += len(rope)
        if self._written > MOST_CHARACTERS:
            raise PromptError(
                f"the prompt grows beyond {MOST_CHARACTERS:,} characters, and no more can be tokenised: put less in"
            )
        return rope


def _to_json(value: Any, indent: int | None = None) -> str:  # noqa: ANN401 - whatever a template passes
    """Write JSON; Jinja's own filter escapes it for HTML."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _undefined_in(names: list[str]) -> type[jinja2.Undefined]:
    """Return the kind of undefined value whose error knows which names there are."""

    class _Undefined(jinja2.StrictUndefined):
        __slots__ = ()

        def __init__(self, hint: str | None = None, obj: Any = missing, name: str | None = None, **_: object) -> None:  # noqa: ANN401 - jinja2's signature
            super().__init__(hint, obj, name, _UndefinedName)

        @property
        def _undefined_message(self) -> str:
            name, owner = self._undefined_name, self._undefined_obj
            if self._undefined_hint:
                return self._undefined_hint
            if owner is missing:
                public = [known for known in names if str(name).startswith("_") or not known.startswith("_")]
                return f"`{name}` is not defined{nearest(str(name), public) or f' ({_PASTED})'}"
            known = owner if isinstance(owner, Mapping) else dir(owner)
            hint = nearest(str(name), [each for each in known if isinstance(each, str)])
            what = f"`{name}`" if isinstance(name, str) else f"[{_one_line(repr(name))}]"
            return f"the {type(owner).__name__} has no {what}{hint}"

    return _Undefined


def _compiled(source: str, environment: _Environment) -> jinja2.Template:
    try:
        tree = environment.parse(source)
        if next(tree.find_all(_ELSEWHERE), None) is not None:
            raise PromptError("a prompt cannot include other templates; put their text in with {{ a variable }}")
        _mark_outputs(tree)
        tree.set_environment(environment)
        # Jinja's own way from a tree to a template, which `from_string` goes too.
        code = environment.compile(tree, filename=_FILENAME)
    except PromptError:
        raise
    except jinja2.TemplateSyntaxError as error:
        place = _place(source, error.lineno)
        raise PromptError(f"{place}{_one_line(error.message or 'wrong syntax')} ({_PASTED})") from error
    except Exception as error:  # braces within braces without end, or more nested blocks than Python compiles
        raise PromptError(f"the template cannot be compiled: {_told(error)} ({_PASTED})") from error
    return jinja2.Template.from_code(environment, code, environment.globals)


def _mark_outputs(tree: nodes.Template) -> None:
    """Send all that a template writes through one of the two filters."""
    for output in list(tree.find_all(nodes.Output)):
        output.nodes = [_through_filter(child) for child in output.nodes]
    for block in list(tree.find_all(nodes.FilterBlock)):
        block.filter = _filtered(block.filter, _VALUE, "")


def _through_filter(node: nodes.Expr) -> nodes.Expr:
    if isinstance(node, nodes.TemplateData):
        return _filtered(nodes.Const(node.data, lineno=node.lineno), _TEXT)
    names = nodes.Tuple([node], "load").find_all(nodes.Name)
    return _filtered(node, _VALUE, ", ".join(dict.fromkeys(each.name for each in names if each.name not in _BUILTINS)))


def _filtered(node: nodes.Expr, name: str, *args: str) -> nodes.Filter:
    constants: list[nodes.Expr] = [nodes.Const(arg) for arg in args]
    return nodes.Filter(node, name, constants, [], None, None, lineno=node.lineno)


def _line(error: BaseException) -> int | None:
    """Return the line of the template in which an exception was raised; jinja2 puts it into the traceback."""
    frames = traceback.walk_tb(error.__traceback__)
    return next((line for frame, line in reversed(list(frames)) if frame.f_code.co_filename == _FILENAME), None)


def _place(source: str, line: int | None) -> str:
    if line is None:
        return ""
    text = "".join(_LINE_BREAK.split(source)[line - 1 : line])
    return f"line {line} of the prompt, `{_one_line(text, 60)}`: "


def _told(error: Exception) -> str:
    try:
        return f"{type(error).__name__}: {_one_line(str(error))}" if str(error) else type(error).__name__
    except Exception as second:  # noqa: BLE001 - an exception of the notebook's own, whose message fails
        return f"{type(error).__name__}, whose message raised {type(second).__name__}"


def _one_line(text: str, limit: int = _SHOWN) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
