"""Tab completion of ``%%llm`` and ``%llm``: options, and what may stand after each."""

import glob
import os
import typing
from argparse import Action
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher
from IPython.core.interactiveshell import InteractiveShell

from cyllama_jupyter.errors import AliasError
from cyllama_jupyter.notebook import commands, options
from cyllama_jupyter.notebook.parsing import Choice, LineParser
from cyllama_jupyter.notebook.session import Session

__all__ = ["Completer"]


class Completer:
    """Completes the lines of the magics of one session.

    Args:
        session: Knows the models, the conversations and the variables.
        names: What the magics are called, without percent signs.
    """

    def __init__(self, session: Session, names: Collection[str]) -> None:
        self._session = session
        self._names = names
        self._values: dict[str, Callable[[str], Iterable[str]]] = {
            "model": self._models,
            "chat": self._chats,
            "loaded": self._loaded,
            "name": self._chats,
            "file": _files,
            "grammar": _files,
            "lora": _files,
            "path": _files,
            "attach": self._variables,
            "schema": self._schemas,
            "remove": self._aliases,
            "out": self._variables,
            "system": self._variables,
            "n_threads": lambda _: ["auto"],
        }

        def matcher(context: CompletionContext) -> SimpleMatcherResult:  # a method takes no attributes
            return self.match(context)

        self._matcher = context_matcher(identifier="cyllama_jupyter")(matcher)

    def install(self, shell: InteractiveShell) -> None:
        """Let a shell ask it (``IPCompleter.custom_matchers``)."""
        _matchers(shell).append(self._matcher)

    def uninstall(self, shell: InteractiveShell) -> None:
        """Let a shell ask it no more."""
        _matchers(shell).remove(self._matcher)

    def match(self, context: CompletionContext) -> SimpleMatcherResult:
        """Return what may stand at the cursor; on our lines nobody else is asked.

        Args:
            context: Where the cursor is (IPython's matcher API, version 2).
        """
        line = context.text_until_cursor
        words = line.split()
        magic = words[0].lstrip("%") if words and len(line) > len(words[0]) else ""
        if magic not in self._names or not line.startswith("%"):
            return _result([], "")
        found = self._cell(line) if line.startswith("%%") else self._line(line)
        word = _last_word(line)
        fitting = sorted(each for each in set(found) if each.startswith(word))
        is_pythons = "{" in word or "$" in word  # which IPython expands in the line of any magic
        return _result(fitting or ([] if is_pythons else [word]), word)

    def _cell(self, line: str) -> Iterable[str]:
        return self._of_parser(options.PARSER, line, after=1)

    def _line(self, line: str) -> Iterable[str]:
        typed = line.split()[1:]
        begun = typed[:-1] if _last_word(line) else typed
        names = [name.split() for name in commands.COMMANDS]
        following = {words[len(begun)] for words in names if words[: len(begun)] == begun and words != begun}
        for length in (2, 1):
            command = commands.COMMANDS.get(" ".join(begun[:length]))
            if command is not None and len(begun) >= length:
                return following | set(self._of_parser(command.parser, line, after=1 + length))
        return following

    def _of_parser(self, parser: LineParser, line: str, after: int) -> Iterable[str]:
        word = _last_word(line)
        words = line.split()
        before = words[after:-1] if word else words[after:]
        if word.startswith("-"):
            flag, has_value, value = word.partition("=")
            return [f"{flag}={each}" for each in self._of(parser.option(flag), value)] if has_value else parser.flags
        action = parser.option(before[-1]) if before else None
        if action is not None and action.nargs != 0:
            return self._of(action, word)
        return [*self._of(_next_positional(parser, before), word), *parser.flags]

    def _of(self, action: Action | None, begun: str) -> Iterable[str]:
        if action is None:
            return ()
        if isinstance(action.type, Choice):
            return action.type.words
        values = self._values.get(action.dest)
        return values(begun) if values is not None else ()

    def _models(self, begun: str) -> list[str]:
        loaded = [llm.model_path for llm in self._session.shelf]
        files = [path for path in _files(begun) if path.endswith((".gguf", os.sep))]
        return [*self._aliases(begun), *loaded, *files]

    def _aliases(self, _: str) -> list[str]:
        try:
            return self._session.alias_names
        except AliasError:  # a damaged file is told of by what reads it, and not at every press of the Tab key
            return []

    def _loaded(self, _: str) -> list[str]:
        return [Path(llm.model_path).name for llm in self._session.shelf]

    def _chats(self, _: str) -> list[str]:
        return [f"'{name}'" if " " in name else name for name in self._session.chat_names]

    def _variables(self, begun: str) -> list[str]:
        return [name for name, _ in self._public(begun)]

    def _schemas(self, begun: str) -> list[str]:
        return [name for name, value in self._public(begun) if _may_be_schema(value)]

    def _public(self, begun: str) -> list[tuple[str, object]]:
        variables = list(self._session.namespace.items())  # another thread may add one
        return [(name, value) for name, value in variables if begun.startswith("_") or not name.startswith("_")]


def _may_be_schema(value: object) -> bool:
    return isinstance(value, (type, Mapping)) or typing.get_origin(value) is not None


def _next_positional(parser: LineParser, before: Sequence[str]) -> Action | None:
    """Return what stands next in a line beside options."""
    n_given, is_value = 0, False
    for word in before:
        option = parser.option(word)
        n_given += not (is_value or word.startswith("-"))
        is_value = not is_value and option is not None and option.nargs != 0
    return dict(enumerate(parser.positionals)).get(n_given)


def _last_word(text: str) -> str:
    return text.rsplit(maxsplit=1)[-1] if text and not text[-1].isspace() else ""


def _result(words: list[str], begun: str) -> SimpleMatcherResult:
    completions = [SimpleCompletion(text=word, type="magic") for word in words]
    result: SimpleMatcherResult = {
        "completions": completions,
        "matched_fragment": begun,
        "suppress": bool(completions),
        "do_not_suppress": set(),
        "ordered": True,
    }
    return result


def _matchers(shell: InteractiveShell) -> list[Any]:
    """The matchers of a shell that are not IPython's own, which it types too narrowly."""
    matchers: list[Any] = shell.Completer.custom_matchers
    return matchers


def _files(begun: str) -> list[str]:
    """Return the paths that begin so, folders with a slash; ``~`` stays what it is."""
    home, rest = (str(Path.home()), begun[1:]) if begun.startswith("~/") else ("", begun)
    found = glob.iglob(f"{glob.escape(home + rest)}*")  # noqa: PTH207 - a text that goes on, not a pattern in a folder
    paths = (f"{path}{os.sep}" if Path(path).is_dir() else path for path in found)
    return [f"~{path.removeprefix(home)}" if home else path for path in paths]
