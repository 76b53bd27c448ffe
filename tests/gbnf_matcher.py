"""Asks our engine whether a text belongs to a grammar, byte by byte and without a decode."""

import os
import re
from pathlib import Path

from cyllama_jupyter._native.cancel import LoadState
from cyllama_jupyter._native.log import install
from cyllama_jupyter._native.model import LlamaModel
from cyllama_jupyter._native.sampler import LlamaSampler
from cyllama_jupyter.errors import GrammarError

__all__ = ["Matcher"]

_END = "\x03"
_ROOT = re.compile(r"^root ::= (.*)$", re.MULTILINE)


class Matcher:
    """A vocabulary whose first 256 tokens are the bytes.

    Args:
        model: One of ``tests.tiny_models`` with the GPT-2 vocabulary.
    """

    def __init__(self, model: Path) -> None:
        install()
        settings = {"n_gpu_layers": 0, "main_gpu": 0, "split_mode": 1}
        self._model = LlamaModel(os.fsencode(model), **settings, tensor_split=(), state=LoadState())

    def check(self, grammar: str) -> None:
        """Raise ``GrammarError`` when a grammar is not valid."""
        LlamaSampler(self._model).constrain(grammar)

    def accepts(self, grammar: str, text: str) -> bool:
        """Whether a text is a whole one of a grammar; one after which a mark of the end may come."""
        ended, roots = _ROOT.subn(lambda root: f'root ::= ({root[1]}) "\\x03"', grammar)
        assert roots == 1
        sampler = LlamaSampler(self._model)
        sampler.constrain(ended)
        try:
            sampler.accept_answer((text + _END).encode())
        except GrammarError:
            return False
        return True
