"""Feed numbered cases to a probe that may die of one, and go on with the next in a new process."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
_ASSERT = re.compile(r"([\w.-]+\.(?:cpp|c|h|hpp)):(\d+): (.*)")


@contextmanager
def watched() -> Iterator[None]:
    """End this process if what is done here hangs; for probes."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(60)
    yield
    signal.alarm(0)


class Case(NamedTuple):
    """What came of one case.

    Args:
        seed: Its number.
        what: What was done, in words.
        outcome: What the probe said of it; empty where it died.
        cause: What the process died of.
    """

    seed: int
    what: str
    outcome: str
    cause: str = ""


def probe(script: Path, arguments: Sequence[str], seeds: Sequence[int]) -> list[Case]:
    """Run all cases, in as many processes as it takes."""
    cases: list[Case] = []
    while len(cases) < len(seeds):
        cases += _batch(script, arguments, seeds[len(cases) :])
    return cases


def _batch(script: Path, arguments: Sequence[str], seeds: Sequence[int]) -> list[Case]:
    environment = {**os.environ, "GGML_NO_BACKTRACE": "1", "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
    with subprocess.Popen(
        [sys.executable, str(script), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        env=environment,
    ) as process:
        printed, complaints = process.communicate("".join(f"{seed}\n" for seed in seeds))
    return _read(printed, complaints, process.returncode)


def _read(printed: str, complaints: str, status: int) -> list[Case]:
    cases = []
    for line in printed.splitlines():
        seed, *what, outcome = line.split("\t")
        cases.append(Case(int(seed), ": ".join(what), outcome))
    if status == 0:
        return cases
    assert cases, complaints
    assert not cases[-1].outcome, f"it died between two cases: {complaints}"
    return [*cases[:-1], cases[-1]._replace(cause=_cause(complaints, status))]


def _cause(complaints: str, status: int) -> str:
    found = _ASSERT.findall(complaints)
    if found:
        file, line, text = found[-1]
        return f"{file}:{line} {text}"
    if status > 0:
        return complaints.strip()
    return "it hung" if -status == signal.SIGALRM else signal.Signals(-status).name
