"""What an ambiguous or hostile grammar may cost: its reading, its own generation, and the others of the same model."""

import time
from pathlib import Path

import pytest

from cyllama_jupyter import LLM, DecodeError, GenerationConfig, GrammarError, Phase
from cyllama_jupyter._native.sampler import LlamaSampler

IN_TIME = 5.0  # seconds for what takes one at most, on a machine that has other work
AT_ONCE = 0.4  # seconds: less than what is too much work takes
TOO_AMBIGUOUS = "the grammar can be read in too many ways here: make it less ambiguous"
AMBIGUOUS = r'root ::= ([^\n ]{0,200}){200} "\n"'  # some forty thousand places after each byte
# A hundred calls of as many places that call, after every byte.
GROWING = 'root ::= x\nx ::= "b"' + "".join(f' | "a" x "{i}"' for i in range(100))


def sampler(llm: LLM, grammar: str) -> LlamaSampler:
    chain = LlamaSampler(llm._model)
    chain.constrain(grammar)
    return chain


def test_an_ambiguous_grammar_costs_its_neighbour_no_more_than_a_moment(smollm2: Path) -> None:
    with LLM(smollm2, n_ctx=1024, n_parallel=2) as llm:
        neighbour = llm.submit("Once upon a time", GenerationConfig(max_tokens=1_000_000), timeout=1.0)
        while neighbour.progress.generated_tokens == 0:
            assert not neighbour.wait(0.001)
        constrained = llm.submit("A poem about", GenerationConfig(max_tokens=200, temperature=0.0, grammar=AMBIGUOUS))
        assert neighbour.result(IN_TIME).finish_reason == "timeout"
        with pytest.raises(DecodeError, match=TOO_AMBIGUOUS):
            constrained.result(IN_TIME)
        assert llm("Once", GenerationConfig(max_tokens=2)).finish_reason == "length"


def test_a_neighbour_that_is_cancelled_does_not_wait_for_the_choice_of_a_token(smollm2: Path) -> None:
    with LLM(smollm2, n_ctx=1024, n_parallel=2) as llm:
        neighbour = llm.submit("Once upon a time", GenerationConfig(max_tokens=1_000_000))
        while neighbour.progress.generated_tokens == 0:
            assert not neighbour.wait(0.001)
        constrained = llm.submit("A poem about", GenerationConfig(max_tokens=200, temperature=0.0, grammar=AMBIGUOUS))
        while constrained.progress.phase is not Phase.DECODE:
            assert not constrained.wait(0.001)
        neighbour.cancel()
        assert neighbour.result(IN_TIME).finish_reason == "cancelled"
        assert not constrained.done()
        with pytest.raises(DecodeError, match=TOO_AMBIGUOUS):
            constrained.result(IN_TIME)


def test_a_cancel_of_all_that_run_ends_the_choice_of_a_token(smollm2: Path) -> None:
    with LLM(smollm2, n_ctx=1024) as llm:
        generation = llm.submit("A poem about", GenerationConfig(temperature=0.0, grammar=AMBIGUOUS))
        while generation.progress.phase is not Phase.DECODE:
            assert not generation.wait(0.001)
        begin = time.perf_counter()
        llm._ctx.cancel = True
        assert generation.result(IN_TIME).finish_reason == "cancelled"
        assert time.perf_counter() - begin < AT_ONCE
        assert llm("Once", GenerationConfig(max_tokens=2)).finish_reason == "length"


def test_what_an_answer_begins_with_is_bounded_too(tiny_llm: LLM) -> None:
    chain = sampler(tiny_llm, GROWING)
    tokens = tiny_llm.tokenize("a" * 3000)
    begin = time.perf_counter()
    with pytest.raises(GrammarError, match=TOO_AMBIGUOUS):  # 80 MB by then
        chain.accept_answer(tokens)
    assert time.perf_counter() - begin < IN_TIME


@pytest.mark.parametrize("marks", ["*", "?", "{1}", "{0,2}", "+?"])
def test_repetitions_of_repetitions_are_read_at_once(tiny_llm: LLM, marks: str) -> None:
    begin = time.perf_counter()
    with pytest.raises(GrammarError, match="too large"):
        sampler(tiny_llm, 'root ::= "x"' + marks * 40_000)
    assert time.perf_counter() - begin < 1.0


def test_so_many_repetitions_of_repetitions_are_none_too_many(tiny_llm: LLM) -> None:
    sampler(tiny_llm, 'root ::= "x"' + "*" * 1000).accept_answer(tiny_llm.tokenize("xxx"))


def test_what_is_nothing_costs_nothing(tiny_llm: LLM) -> None:
    """Two hundred thousand empty texts in a row, through which each byte would go again."""
    chain = sampler(tiny_llm, "root ::= (" + '"" ' * 200_000 + '"a")*')
    begin = time.perf_counter()
    chain.accept_answer(tiny_llm.tokenize("a" * 3000))
    assert time.perf_counter() - begin < 1.0


@pytest.mark.parametrize(
    "grammar",
    [
        'root ::= root "a"',
        'root ::= "a" root',
        "root ::= root",
        "root ::= x\nx ::= y\ny ::= x | root",
        'root ::= "a"? x\nx ::= "(" x ")"',
        "root ::= [\\uD800]",
        "\n".join(["root ::= r0", *(f"r{i} ::= r{i + 1}" for i in range(30_000)), "r30000 ::= r0"]),
    ],
)
def test_a_grammar_that_no_text_ends_is_refused(tiny_llm: LLM, grammar: str) -> None:
    begin = time.perf_counter()
    with pytest.raises(GrammarError, match="no text can come of its rule 'root'"):
        sampler(tiny_llm, grammar)
    assert time.perf_counter() - begin < 1.0


@pytest.mark.parametrize(
    ("grammar", "text"),
    [
        ('root ::= root "a" | "b"', "baa"),
        ('root ::= "b" | x\nx ::= "a" x', "b"),  # a rule that nobody has to come to
        ('root ::= x\nx ::= x | y\ny ::= x x | ""\nz ::= z', ""),
        ('root ::= "a" root\nroot ::= "b"', "b"),  # the last one holds
    ],
)
def test_one_that_can_end_is_not(tiny_llm: LLM, grammar: str, text: str) -> None:
    sampler(tiny_llm, grammar).accept_answer(tiny_llm.tokenize(text))
