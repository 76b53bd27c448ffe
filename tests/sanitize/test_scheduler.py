"""The native loop without Python and without llama.cpp, under the sanitizers of the compiler.

A fake backend with known answers stands in for llama.cpp, so that every text is compared, in every order of threads.
"""

import pytest

from tests.sanitize.harness import Kind, run

FEW = {"scheduler": 60, "samples": 20, "parts": 10}
MANY = {"scheduler": 4000, "samples": 1000, "parts": 400}


@pytest.mark.parametrize("program", FEW)
@pytest.mark.parametrize("kind", ["thread", "address"])
def test_threads_share_nothing_unguarded_and_every_answer_is_right(program: str, kind: Kind) -> None:
    assert run(program, kind, 1, FEW[program]).startswith(f"{FEW[program]} rounds")


@pytest.mark.accept
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("program", MANY)
@pytest.mark.parametrize("kind", ["plain", "thread", "address"])
def test_the_same_at_full_counts(program: str, kind: Kind) -> None:
    print(kind, program, run(program, kind, 100_000, MANY[program]))  # noqa: T201 - the figures are for the documentation
