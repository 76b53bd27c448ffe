"""The examples of README and docs/python.md (the design document's among them) with the real model, as scripts."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pexpect
import pytest

from tests.docs.blocks import ROOT, code_under


def example(heading: str, model: Path) -> str:
    """Return the code under a heading, with the model's path put in."""
    code = code_under(ROOT / "README.md", heading) or code_under(ROOT / "docs" / "python.md", heading)
    return code.replace('"model.gguf"', repr(str(model)))


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_cancel_from_another_thread(smollm2: Path) -> None:
    code = example("Cancel from another thread", smollm2)
    output = run(code + "\nprint(len(chunks), llm(followup, config=config).finish_reason)")
    chars, *_, last = output.splitlines()
    assert re.fullmatch(r"got \d+ chars before cancel", chars)
    chunks, _ = last.split()
    assert int(chunks) < 512


def test_below_the_llm(smollm2: Path) -> None:
    assert run(example("Below the `LLM`", smollm2) + "\nprint(ctx.cancel)") == "False\n"


def test_one_handle_for_each_run(smollm2: Path) -> None:
    first, last = run(example("One handle for each run", smollm2)).splitlines()
    assert first.startswith("Progress(phase=")
    assert re.fullmatch(r"cancelled \d+", last)


def test_several_at_once(smollm2: Path) -> None:
    text, count = run(example("Several at once, and in asyncio", smollm2)).rsplit("\n", 2)[:2]
    assert len(text) > 0
    assert count == " 4"


def test_nothing_is_computed_twice(smollm2: Path, tmp_path: Path) -> None:
    code = example("Nothing is computed twice", smollm2).replace("novel.state", str(tmp_path / "novel.state"))
    reused, of = map(int, re.findall(r"\d+", run(code)))
    assert 0 < of - reused < 10


# Says when the engine has something to do, and afterwards how long the prefill is.
WATCH = """
import threading, time
def watch():
    while True:
        try:
            busy = globals()["llm"]._engine.scheduler.n_open
        except (KeyError, AttributeError):
            busy = 0
        if busy:
            print("DECODING", flush=True)
            return
        time.sleep(0.001)
threading.Thread(target=watch, daemon=True).start()
"""
UNINTERRUPTED = """
started = time.perf_counter()
llm(huge_prompt, config=GenerationConfig(max_tokens=0))
print(f"UNINTERRUPTED {time.perf_counter() - started}")
"""


def spawn(code: str) -> "pexpect.spawn[str]":
    return pexpect.spawn(sys.executable, ["-c", code], timeout=120, encoding="utf-8", echo=False)


def test_ctrl_c_in_a_terminal_ends_a_prefill(smollm2: Path) -> None:
    child = spawn(WATCH + example("Ctrl-C in a script, even mid-prefill", smollm2) + UNINTERRUPTED)
    child.expect_exact("DECODING")
    interrupted = time.perf_counter()
    child.sendintr()
    child.expect_exact("-- back to normal --")
    took = time.perf_counter() - interrupted
    child.expect(r"UNINTERRUPTED ([\d.]+)")
    assert isinstance(child.match, re.Match)
    assert took < float(child.match.group(1)) / 2
    child.expect(pexpect.EOF)
    child.close()
    assert (child.exitstatus, child.signalstatus) == (0, None)


@pytest.mark.parametrize("stream", [False, True])
def test_ctrl_c_without_the_handler_raises_keyboard_interrupt_mid_prefill(smollm2: Path, *, stream: bool) -> None:
    code = f"""
from cyllama_jupyter import LLM, GenerationConfig
llm = LLM({str(smollm2)!r})
huge_prompt = "..." * 10_000
try:
    list(llm(huge_prompt, stream={stream}))
except KeyboardInterrupt:
    print("INTERRUPTED", flush=True)
print("AGAIN", len(llm("Once upon a time", GenerationConfig(max_tokens=5, temperature=0.0))) > 0)
"""
    child = spawn(WATCH + code)
    child.expect_exact("DECODING")
    child.sendintr()
    child.expect_exact("INTERRUPTED")
    child.expect_exact("AGAIN True")
    child.expect(pexpect.EOF)
    child.close()
    assert (child.exitstatus, child.signalstatus) == (0, None)
