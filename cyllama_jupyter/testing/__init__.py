"""What tests need in place of a model: a fake engine, and a text that is played as a cell's answer.

Nothing here reads a GGUF file or computes anything, so a test that uses it takes milliseconds. Everything around the
model is the real thing: the handle of a generation, its cancelling, its queue, the cell's loop and its output.
"""

from typing import TYPE_CHECKING, Any

from cyllama_jupyter.testing.llm import FakeLLM

if TYPE_CHECKING:
    from cyllama_jupyter.testing.playing import play

__all__ = ["FakeLLM", "play"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    """Import ``play``, and IPython with it, when it is first used: the fake engine needs neither."""
    if name != "play":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from cyllama_jupyter.testing.playing import play  # noqa: PLC0415

    return play
