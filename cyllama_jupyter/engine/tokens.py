"""Text to prompt tokens."""

from cyllama_jupyter._native.model import LlamaModel
from cyllama_jupyter.errors import PromptError

__all__ = ["begin", "tokenize"]

_SENTENCEPIECE = "llama"  # what GGUF calls it


def tokenize(model: LlamaModel, text: str, *, parse_special: bool, goes_on: bool = False) -> list[int]:
    """Return the tokens of a text alone.

    Args:
        model: The loaded model.
        text: Any text.
        parse_special: Read the text of control tokens, such as ``<|im_end|>``, as those tokens.
        goes_on: The text goes on with another one.

    Raises:
        PromptError: It holds half of a surrogate pair, which no text encoding can.
    """
    try:
        encoded = text.encode()
    except UnicodeEncodeError as error:
        raise PromptError(f"the prompt has a lone surrogate at character {error.start:,}, which is no text") from error
    if goes_on and model.metadata("tokenizer.ggml.model") == _SENTENCEPIECE:
        # llama.cpp would put a space before it. It goes before a line break instead, which is no part of any token.
        lead = model.tokenize(b"\n", add_special=False, parse_special=False)
        both = model.tokenize(b"\n" + encoded, add_special=False, parse_special=parse_special)
        if both[: len(lead)] == lead:
            return both[len(lead) :]
    return model.tokenize(encoded, add_special=False, parse_special=parse_special)


def begin(model: LlamaModel, tokens: list[int], *, add_bos: bool) -> list[int]:
    """Return a prompt with the BOS token before it, where the model asks for one and it does not begin with it.

    ``llama_tokenize`` can add it too. But then it doubles one that is there, adds an EOS token where the model asks
    for that, after which there is nothing to go on with, and ends the process when the model names no BOS token.

    Args:
        model: The loaded model.
        tokens: The whole prompt.
        add_bos: Whether to do so at all.
    """
    wanted = add_bos and model.adds_bos and model.bos >= 0 and tokens[:1] != [model.bos]
    return [model.bos, *tokens] if wanted else tokens
