"""However the interpreter ends, it ends: silently, soon and without a crash."""

import subprocess
import sys
from pathlib import Path

import pytest

START = """
import asyncio, gc, os, sys, threading, time
from cyllama_jupyter import LLM, AsyncLLM, GenerationConfig
llm = LLM(sys.argv[1])
ENDLESS = GenerationConfig(max_tokens=1_000_000)
def running(generation):
    while generation.progress.phase == "queued":
        generation.wait(0.005)
    return generation
async def first(llm):
    stream = llm.stream('word', ENDLESS)
    await anext(stream)
    return stream
"""

ENDS = {
    "while generating": "g = running(llm.submit('word ' * 1500, ENDLESS))",
    "while generating with more in the queue": "g = [llm.submit('word ' * 1500, ENDLESS) for _ in range(5)]",
    "while generating several": "g = [running(llm.submit(f'{n} ' * 500, ENDLESS)) for n in range(4)]",
    "closed while generating several": "g = [running(llm.submit(f'{n} ' * 500, ENDLESS)) for n in range(4)]\n"
    "llm.close()\n"
    "assert all(each.done() for each in g)",
    "closed by several threads while others call": "closers = [threading.Thread(target=llm.close) for _ in range(4)]\n"
    "def call():\n"
    "    from cyllama_jupyter import ClosedError, EngineBusy\n"
    "    try:\n"
    "        while True: llm.submit('w', ENDLESS).cancel()\n"
    "    except (ClosedError, EngineBusy): pass\n"
    "callers = [threading.Thread(target=call) for _ in range(4)]\n"
    "for thread in callers + closers: thread.start()\n"
    "for thread in callers + closers: thread.join()",
    "with an unread stream": "s = llm('word', ENDLESS, stream=True); next(s)",
    "closed while generating": "g = running(llm.submit('word ' * 1500, ENDLESS)); llm.close()",
    "after a cycle was collected": "llm.me = llm; g = running(llm.submit('w ' * 1500, ENDLESS)); "
    "del llm, g; gc.collect()",
    "with a done callback that still waits": "llm.submit('w ' * 1500, ENDLESS).add_done_callback(lambda g: None)",
    "with a generator that holds a stream": "it = (t for t in llm('word', ENDLESS, stream=True)); next(it)",
    "after an unfinished iterator was collected": "s = llm('word', ENDLESS, stream=True); next(s); del s\n"
    "gc.collect()\n"
    "while llm._engine.scheduler.n_open: os.sched_yield()",
    "after an unfinished iterator was collected in a cycle": "s = llm('word', ENDLESS, stream=True); next(s)\n"
    "s.me = s; del s; gc.collect()\n"
    "while llm._engine.scheduler.n_open: os.sched_yield()",
    "dropped while generating": "g = running(llm.submit('w ' * 1500, ENDLESS)); engine = llm._engine; del llm, g\n"
    "engine.join()",
    "dropped while its generation is read": "s = llm('word', ENDLESS, stream=True); del llm; next(s); next(s)",
    "in a forked child that exits": "g = running(llm.submit('w ' * 1500, ENDLESS)); pid = os.fork()\n"
    "if pid: assert os.waitpid(pid, 0)[1] == 0",
    "in forked children that close and drop it": "g = [llm.submit('word', ENDLESS) for _ in range(4)]\n"
    "for _ in range(20):\n"
    "    pid = os.fork()\n"
    "    if not pid: llm.close(); g[0].cancel(); del llm, g; gc.collect(); sys.exit()\n"
    "    assert os.waitpid(pid, 0)[1] == 0",
    "idle": "llm('word', GenerationConfig(max_tokens=2))",
    "with a stream of an event loop that is closed": "s = asyncio.run(first(AsyncLLM(llm)))",
    "with a stream of an event loop that stands still": "a = AsyncLLM(llm); loop = asyncio.new_event_loop(); "
    "s = loop.run_until_complete(first(a)); import atexit; atexit.register(loop.close)",
    "with a task that nobody cancelled": "a = AsyncLLM(llm); loop = asyncio.new_event_loop(); "
    "t = loop.create_task(a('w ' * 1500)); t._log_destroy_pending = False; "
    "loop.run_until_complete(asyncio.sleep(0)); loop.close()",
    "with a reader thread": "g = running(llm.submit('w ' * 1500, ENDLESS)); "
    "threading.Thread(target=list, args=(g,), daemon=True).start()",
}


@pytest.mark.parametrize("end", ENDS)
def test_the_interpreter_exits_silently(end: str, slow_model: Path) -> None:
    script = START + ENDS[end]
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-W", "error", "-c", script, str(slow_model)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_forked_child_is_told_to_load_again(slow_model: Path) -> None:
    script = (
        START
        + """
pid = os.fork()
if pid == 0:
    try:
        llm("word")
    except RuntimeError as error:
        print(error)
        sys.stdout.flush()
        os._exit(0)
    os._exit(1)
_, status = os.waitpid(pid, 0)
print(os.waitstatus_to_exitcode(status), llm("word", GenerationConfig(max_tokens=1)).finish_reason)
"""
    )
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", script, str(slow_model)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.splitlines()[0].endswith("load it here again")
    assert done.stdout.splitlines()[1] == "0 length"
