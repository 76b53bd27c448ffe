"""Thinking, told from the answer, in what stays of a cell."""

import time

import pytest

from cyllama_jupyter.notebook.sinks import Ending
from cyllama_jupyter.notebook.sinks.look import final
from cyllama_jupyter.notebook.thinking import Segment, segments


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("just an answer", [(False, "just an answer")]),
        ("<think>hm</think>yes", [(True, "hm"), (False, "yes")]),
        ("\n<thinking>hm</thinking>\n\nyes", [(True, "hm"), (False, "\n\nyes")]),
        ("<think>cut off", [(True, "cut off")]),
        ("<think>a</think><think>b</think>c", [(True, "a"), (True, "b"), (False, "c")]),
        ("<think></think>yes", [(False, "yes")]),
        ("the prompt opened it\n</think>\nyes", [(True, "the prompt opened it\n"), (False, "\nyes")]),
        ("`</think>` ends it", [(False, "`</think>` ends it")]),
        ("```\n</think>\n```\nyes", [(False, "```\n</think>\n```\nyes")]),
        ("yes <think>no</think>", [(False, "yes <think>no</think>")]),
        (
            "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>yes",
            [(True, "hm"), (False, "yes")],
        ),
    ],
)
def test_segments(text: str, expected: list[tuple[bool, str]]) -> None:
    assert segments(text) == [Segment(*segment) for segment in expected]


def test_ends_in_reasonable_time() -> None:
    begin = time.perf_counter()
    assert len(segments("```\n" + "</think>\n" * 20_000)) == 1
    assert time.perf_counter() - begin < 1.0


def test_thinking_is_folded_and_as_inert_as_the_answer() -> None:
    bundle = final(Ending("<think><script>x</script></think>\n**yes**"))
    assert "<details" in bundle["text/html"]
    assert "<script" not in bundle["text/html"]
    assert "<strong>yes</strong>" in bundle["text/html"]
    assert bundle["text/plain"] == "<think><script>x</script></think>\n**yes**"
