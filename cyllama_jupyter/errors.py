"""The exceptions that cyllama_jupyter raises.

CyllamaError
├── ModelError                 a model that cannot be used
│   ├── ModelNotFoundError     (FileNotFoundError) no model was named, or there is no such file
│   ├── AliasError             (ValueError) a short name that cannot be one, or a damaged file of them
│   ├── ModelFileError         (ValueError) the file is not a GGUF that can be loaded
│   ├── AdapterError           (ValueError) a LoRA adapter that cannot be used, or not with this model
│   └── UnsupportedModelError  (ValueError) a good file of a kind that cannot generate text here
├── DownloadError              (OSError) a model could not be fetched
├── LoadError                  (RuntimeError) llama.cpp could not load the model or make its context
├── LoadCancelled              a load that somebody stopped; not a failure
├── ClosedError                (RuntimeError) a closed LLM or context was used
├── PromptError                (ValueError) a prompt that cannot be generated from
│   ├── ContextOverflow        it has more tokens than the context
│   └── ChatTemplateError      the model's chat template refused the messages
├── GrammarError               (ValueError) a grammar that is not valid, or does not allow how the answer begins
├── EngineBusy                 (RuntimeError) as many calls wait as may wait
├── ConversationError          (ValueError) a conversation that is not there or busy, or its file
├── StateError                 (ValueError) a saved state that cannot be loaded
│   └── StateNotFoundError     (FileNotFoundError) there is no such file
├── SchemaError                (ValueError) a JSON schema that no grammar can be made of
├── AnswerError                (ValueError) an answer is not what was asked for
├── DecodeError                (RuntimeError) llama_decode failed
└── DecodeAborted              (InterruptedError) a decode was cancelled; only direct users of LlamaContext see it
"""

from functools import partial
from typing import Any

__all__ = [
    "AdapterError",
    "AliasError",
    "AnswerError",
    "ChatTemplateError",
    "ClosedError",
    "ContextOverflow",
    "ConversationError",
    "CyllamaError",
    "DecodeAborted",
    "DecodeError",
    "DownloadError",
    "EngineBusy",
    "GrammarError",
    "LoadCancelled",
    "LoadError",
    "ModelError",
    "ModelFileError",
    "ModelNotFoundError",
    "PromptError",
    "SchemaError",
    "StateError",
    "StateNotFoundError",
    "UnsupportedModelError",
]


class CyllamaError(Exception):
    """The base of every exception that this package raises on purpose."""


class ModelError(CyllamaError):
    """A model that cannot be used."""


class ModelNotFoundError(ModelError, FileNotFoundError):
    """No model was named and none is installed, or the named file does not exist."""


class AliasError(ModelError, ValueError):
    """A short name that cannot be one, that leads in a circle, or whose file cannot be read."""


class ModelFileError(ModelError, ValueError):
    """The path is a directory, or its file is empty, truncated or not a GGUF model."""


class AdapterError(ModelError, ValueError):
    """A file is no LoRA adapter, a damaged one, or one for another model."""


class UnsupportedModelError(ModelError, ValueError):
    """The file is a good model of a kind that does not generate text here (an encoder, an embedding model)."""


class DownloadError(CyllamaError, OSError):
    """A model could not be fetched: no connection, no room, no right to it, or nothing to fetch it with."""


class LoadError(CyllamaError, RuntimeError):
    """llama.cpp could not load the model, or could not make a context for it."""


class LoadCancelled(CyllamaError):
    """A load was stopped by its ``on_progress`` callback; nothing is left in memory, and what was fetched is kept."""


class ClosedError(CyllamaError, RuntimeError):
    """A method of a closed ``LLM`` or of a closed native object was called."""


class PromptError(CyllamaError, ValueError):
    """A prompt that cannot be generated from."""


class ContextOverflow(PromptError):
    """The prompt has more tokens than the context.

    Args:
        prompt_tokens: Length of the prompt in tokens.
        n_ctx: Length of the context in tokens.
        at_least: The prompt was not counted to its end: it has ``prompt_tokens`` or more.
    """

    def __init__(self, prompt_tokens: int, n_ctx: int, *, at_least: bool = False) -> None:
        super().__init__(
            f"the prompt has {'at least ' * at_least}{prompt_tokens:,} tokens but the context holds {n_ctx:,}; "
            f"shorten the prompt, or load the model with a larger n_ctx"
        )
        self.prompt_tokens = prompt_tokens
        self.n_ctx = n_ctx
        self.at_least = at_least

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the numbers, not by the message."""
        return partial(type(self), at_least=self.at_least), (self.prompt_tokens, self.n_ctx)


class ChatTemplateError(PromptError):
    """The model's chat template refused the messages, or is not a valid template."""


class GrammarError(CyllamaError, ValueError):
    """A grammar is not valid, or it does not allow the text that the answer is to begin with; nothing was computed."""


class EngineBusy(CyllamaError, RuntimeError):
    """As many calls run and wait as one LLM takes.

    Args:
        n_open: How many those are.
        n_asked: How many were to be taken in together.
    """

    def __init__(self, n_open: int, n_asked: int = 1) -> None:
        are = "1 generation runs or waits" if n_open == 1 else f"{n_open:,} generations run or wait"
        super().__init__(
            f"{are} already, and that is as many as this LLM takes: try again when one has ended, or cancel some"
            if n_asked == 1
            else f"{are}, and this LLM does not take {n_asked:,} more: ask for fewer at once, or try again when some "
            f"have ended"
            if n_open
            else f"this LLM does not take {n_asked:,} generations at once (n_parallel, max_queued): ask for fewer"
        )
        self.n_open = n_open
        self.n_asked = n_asked

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the numbers, not by the message."""
        return type(self), (self.n_open, self.n_asked)


class ConversationError(CyllamaError, ValueError):
    """A conversation cannot do what it was asked, or its file is none; it is as it was before."""


class StateError(CyllamaError, ValueError):
    """A saved state is damaged, or of another model; nothing of it was taken in."""


class StateNotFoundError(StateError, FileNotFoundError):
    """There is no file of a saved state at that path."""


class SchemaError(CyllamaError, ValueError):
    """A JSON schema that is not valid, cannot be looked up here, or fits no value that ends; nothing was decoded."""


class AnswerError(CyllamaError, ValueError):
    """An answer is not of the form that was asked for, or was used as a whole one though it is partial."""


class DecodeError(CyllamaError, RuntimeError):
    """``llama_decode`` returned an error; the generation that ran is lost, the model is not."""


class DecodeAborted(CyllamaError, InterruptedError):
    """``llama_decode`` was stopped by a cancel and returned 2; there are no logits to sample from."""
