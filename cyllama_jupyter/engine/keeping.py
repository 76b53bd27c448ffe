"""Keeping what a model has computed in a file."""

from os import PathLike

from cyllama_jupyter._native.model import LlamaModel
from cyllama_jupyter.config import GenerationConfig
from cyllama_jupyter.engine import state
from cyllama_jupyter.engine.fingerprint import ModelFile
from cyllama_jupyter.engine.worker import EngineThread

__all__ = ["StateKeeper"]


class StateKeeper:
    """The part of an ``LLM`` that saves what it has computed, and takes it in again."""

    config: GenerationConfig
    _file: ModelFile
    _model: LlamaModel
    _engine: EngineThread

    def save_state(self, path: str | PathLike[str]) -> int:
        """Write what was computed to a file, so that prompts that begin so are not read again after a restart.

        It is taken between two steps of what runs. Only you may read the file: it holds your conversations.

        Args:
            path: Where to; ``~`` is the home folder. An old file is replaced as a whole, or left as it is.

        Returns:
            How many tokens were saved, over all sequences.

        Raises:
            OSError: The file cannot be written.
            StateError: The model's file has changed since it was loaded.
        """
        origin = self._file.origin(self.config)  # first: it may refuse
        return state.write(path, self._engine.save(), origin)

    def load_state(self, path: str | PathLike[str]) -> int:
        """Take in what ``save_state`` wrote; load your own files only, for a checksum tells damage and not intent.

        Returns:
            How many tokens that is; the oldest sequences are left out where memory is short.

        Raises:
            StateNotFoundError: There is no such file.
            StateError: It is damaged, or was saved from another model or llama.cpp; nothing was taken in.
        """
        saved = state.read(path, self._file.origin(self.config), self._model.n_vocab, self._engine.stash_bytes)
        return self._engine.restore(saved)
