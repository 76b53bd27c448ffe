"""Texts far longer than any context end in an error with the numbers, not in a full stack.

With some other tokenizers' regular expressions they would not: libstdc++ matches them by recursion.
"""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys, threading
from cyllama_jupyter import LLM, ContextOverflow, GenerationConfig

KINDS = ("a", "A", " ", "7", "\\n", "\\t", "!", "é", "я", "世", "👋", "\\u0301", "\\0", "a ", "\\r\\n", "B3 é👋\\n")
llm = LLM(sys.argv[1], n_ctx=512)

def ask_all():
    for kind in KINDS:
        text = kind * 60_000
        for ask in (llm.submit, lambda text: llm.submit_chat([{"role": "user", "content": text}])):
            try:
                ask(text)
            except ContextOverflow as error:
                assert error.prompt_tokens > 512
            else:
                raise AssertionError(kind)

ask_all()
thread = threading.Thread(target=ask_all)
thread.start()
thread.join()
greedy = GenerationConfig(max_tokens=4, temperature=0.0)
assert llm("The sky is", greedy) == llm("The sky is", greedy)
print("alive")
"""


def test_a_very_long_text_is_refused_on_any_thread(smollm2: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", SCRIPT, str(smollm2)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr[-2000:]


UNBROKEN = """
import sys, threading
from cyllama_jupyter import LLM, ContextOverflow, GenerationConfig

llm = LLM(sys.argv[1], n_ctx=16384)
greedy = GenerationConfig(max_tokens=4, temperature=0.0)
expected = llm("word", greedy)
for kind in ("a", "A", " ", "\\n", "!", "世", "👋", "a "):
    try:
        llm.submit(kind * (150_000 // len(kind.encode()))).cancel()
    except ContextOverflow as error:
        assert error.prompt_tokens > 16384
assert llm("word", greedy) == expected
print("alive")
"""


@pytest.mark.parametrize("pre", [b"tekken", b"viking"])
def test_an_unbroken_run_does_not_overflow_the_stack(tiny_model: Path, tmp_path: Path, pre: bytes) -> None:
    """With these tokenizers' regular expressions a run of 26,000 characters ended the process."""
    path = tmp_path / "recursive.gguf"
    path.write_bytes(tiny_model.read_bytes().replace(b"smollm", pre, 1))
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", UNBROKEN, str(path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr[-2000:]
