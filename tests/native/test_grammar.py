"""Reading and matching grammars: against llama.cpp's own sampler, and what would end or hang a process there."""

import codecs
import ctypes
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import llama_cpp
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cyllama_jupyter import LLM, GrammarError
from cyllama_jupyter._native.model import LlamaModel
from cyllama_jupyter._native.sampler import LlamaSampler

DEEPEST = 200
IN_TIME = 60.0  # seconds for what takes milliseconds

NOT_VALID: dict[str, tuple[str, str]] = {
    "nothing": ("", "it has no rule 'root'"),
    "a comment alone": ("# root ::= x", "it has no rule 'root'"),
    "no root": ('answer ::= "a"', "it has no rule 'root'"),
    "an unknown rule": ('root ::= "a" other', "the rule 'other' is not defined"),
    "an open group": ('root ::= ("a"', r"expected \) \(line 1, column 14\)"),
    "a group too many": ('root ::= "a")', r"expected the end of the rule 'root' \(line 1, column 13\)"),
    "an open literal": ('root ::= "a', "ends within quotes or brackets"),
    "an open set": ("root ::= [a-", "ends within quotes or brackets"),
    "an empty set": ("root ::= []", "a set of characters is empty"),
    "a range backwards": ("root ::= [z-a]", "ends before it begins"),
    "nothing to repeat": ("root ::= *", "nothing to repeat"),
    "fewer at most than at least": ('root ::= "a"{5,2}', "the most repetitions are fewer than the least"),
    "a number without end": ('root ::= "a"{' + "9" * 400 + "}", "at most 100000 repetitions"),
    "repetitions of repetitions": ('root ::= (("a"{999}){999}){999}', "its repetitions make it too large"),
    "endless repetitions of those": ('root ::= ("a"{9000}){9000,}', "its repetitions make it too large"),
    "an unknown escape": (r'root ::= "\q"', "there is no such escape"),
    "a short escape": (r'root ::= "\x4"', "expected a hexadecimal digit"),
    "a character beyond all": (r'root ::= "\U00110000"', "there is no such character"),
    "no definition": ("root", "expected ::= after the rule's name 'root'"),
    "an underscore": ('my_rule ::= "a"', "expected ::= after the rule's name 'my'"),
    "a token": ("root ::= <[5]>", "tokens in angle brackets are not supported"),
    "a second line": ('root ::= "a"\nother ::= )', r"expected the end of the rule 'other' \(line 2, column 11\)"),
    "groups without end": ("root ::= " + "(" * 100_000, "groups are nested more than 200 deep"),
    "a NUL": ('root ::= "a\0b"', "the grammar holds a NUL character"),
    "half a character": ('root ::= "\ud800"', "a lone surrogate at character 10"),
}


@pytest.fixture
def model(tiny_llm: LLM) -> LlamaModel:
    return tiny_llm._model


def constrained(model: LlamaModel, grammar: str) -> LlamaSampler:
    sampler = LlamaSampler(model)
    sampler.constrain(grammar)
    return sampler


def takes(model: LlamaModel, grammar: str, text: str) -> bool:
    """Say whether an answer under a grammar may begin with a text."""
    sampler = constrained(model, grammar)
    try:
        sampler.accept_answer(model.tokenize(text.encode(), add_special=False, parse_special=False))
    except GrammarError:
        return False
    return True


@pytest.mark.parametrize("name", NOT_VALID)
def test_what_is_wrong_is_said(name: str, model: LlamaModel) -> None:
    grammar, complaint = NOT_VALID[name]
    with pytest.raises(GrammarError, match=complaint):
        constrained(model, grammar)


def test_groups_may_be_nested_so_deep(model: LlamaModel) -> None:
    assert takes(model, "root ::= " + "(" * DEEPEST + '"a"' + ")" * DEEPEST, "a")


@pytest.mark.parametrize(
    ("grammar", "good", "bad"),
    [
        ('root ::= root "a" | "b"', ["b", "baaa"], ["a", "bab"]),
        ('root ::= "b" | root "a" | root', ["b", "baaa"], ["ab"]),
        ('root ::= x root "c" | "d"\nx ::= y\ny ::= "" | "x"', ["d", "dccc", "xxdcc"], ["c", "dx", "dcd"]),
        ('root ::= "(" root ")" root | ""', ["()", "(()())", "((("], [")", "())"]),
        ('root ::= (("a"*)*)* "b"', ["aaab", "b"], ["bb", "ba"]),
        ('root ::= "a"{2,3} "b"{2} "c"{1,} "d"{0,1}', ["aabbc", "aaabbcccd"], ["ab", "aaaa", "aabbd", "aabbcdd"]),
        ('root ::= "a"{0} "b"', ["b"], ["a"]),
        ("root ::= [^a-y\\n]", ["z", "é", "\U0001f44b"], ["a", "\n"]),
        ("root ::= [\\u00e9-\\u4e16]+", ["é", "世", "ﬀ"[:0] + "ü"], ["a", "界\U0001f44b"]),
        ("root ::= [-a\\]^]+", ["-", "a", "]", "^"], ["b"]),
        ('root ::= "\\x41\\u00e9\\U0001F44B\\t\\n\\"\\\\"', ['Aé\U0001f44b\t\n"\\'], ["a"]),
        ('root ::= . "x"', ["ax", "\nx", "\U0001f44bx"], ["ay"]),
        ('root ::= a | # a comment | b\n  b\na ::= "1"\r\nb ::= (\n"2"\n)', ["1", "2"], ["3"]),
        ('root ::= "a"\nroot ::= "b"', ["b"], ["a"]),  # the last one holds, as in llama.cpp
    ],
)
def test_what_a_grammar_takes(model: LlamaModel, grammar: str, good: Sequence[str], bad: Sequence[str]) -> None:
    assert [text for text in good if not takes(model, grammar, text)] == []
    assert [text for text in bad if takes(model, grammar, text)] == []


HOSTILE = {
    "as many ways as 2 to the length": 'root ::= "a" root "b" | "a" root "c" | "x"',
    "all ways to cut a text": "root ::= root root | [a-z ]{1,2}",
    "nothing in 2 to the 40 ways": "\n".join(
        ["root ::= a0", *(f"a{i} ::= a{i + 1} a{i + 1}" for i in range(40)), 'a40 ::= "" | "a"']
    ),
    "a chain of rules": "\n".join(["root ::= r0", *(f"r{i} ::= r{i + 1}" for i in range(30_000)), 'r30000 ::= "a"']),
    "many that may be missing": "root ::= " + '"a"? ' * 3000,
    "many alternatives": "root ::= " + " | ".join(f'"a{i}"' for i in range(20_000)),
    "repetitions in repetitions": "root ::= (([a-z]{0,100}){0,10}){0,3}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_grammar_ends_nothing_and_can_be_cancelled(name: str, tiny_model: Path) -> None:
    """In a process of its own: an overflow of its stack would end it, and a lack of memory too."""
    script = f"""
        import os, resource, sys
        if "asan" not in os.environ.get("LD_PRELOAD", ""):  # which maps terabytes of addresses
            resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, 3 * 2**30))
        from cyllama_jupyter import LLM, CyllamaError, GenerationConfig
        with LLM({str(tiny_model)!r}, n_parallel=1) as llm:
            config = GenerationConfig(max_tokens=1_000_000, grammar=sys.stdin.read())
            generation = llm.submit("a", config)
            generation.wait(0.5)
            generation.cancel()
            assert generation.wait(5.0), "the cancel took longer than 5 s"
            print(generation.exception() or generation.result().finish_reason)
            assert llm("a", GenerationConfig(max_tokens=2)).finish_reason == "length"
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # KiB
        assert peak < 2 * 2**20, f"it took {{peak:,}} KiB"
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, input=HOSTILE[name], capture_output=True, text=True, check=False, timeout=IN_TIME)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in {
        "cancelled",
        "stop",
        "length",
        "no token could be chosen: no token of this model goes on with the text as the grammar wants it",
        "no token could be chosen: the grammar can be read in too many ways here: make it less ambiguous",
    }


# --- beside llama.cpp's own sampler ---

_ATOMS = st.sampled_from(['"a"', '"ab"', '"é"', "[ab]", "[^a]", "[é-ü]", ".", '""', "x", "y"])


def _repeated(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    times = st.sampled_from(["*", "+", "?", "{2}", "{0,2}", "{1,3}", "{1,}"])
    return st.tuples(inner, times).map(lambda each: f"({each[0]}){each[1]}")


_PARTS = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(" ".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda each: "(" + " | ".join(each) + ")"),
        _repeated(inner),
    ),
    max_leaves=5,
)
_GRAMMARS = st.tuples(_PARTS, _PARTS.filter(lambda part: "x" not in part and "y" not in part)).map(
    lambda each: f'root ::= {each[0]}\nx ::= {each[1]}\ny ::= "b" root "c" | "d"\n'
)


class Peer:
    """llama.cpp's own grammar sampler over the vocabulary of the tiny model."""

    def __init__(self, path: Path) -> None:
        params = llama_cpp.llama_model_default_params()
        params.vocab_only = True
        self._model = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
        self._vocab = llama_cpp.llama_model_get_vocab(self._model)
        self.n_vocab = llama_cpp.llama_vocab_n_tokens(self._vocab)

    def close(self) -> None:
        llama_cpp.llama_model_free(self._model)

    def allowed(self, grammar: str, answer: Sequence[int]) -> set[int]:
        sampler = llama_cpp.llama_sampler_init_grammar(self._vocab, grammar.encode(), b"root")
        assume(sampler)  # it takes a repetition of nothing for left recursion
        for token in answer:
            llama_cpp.llama_sampler_accept(sampler, token)
        data = (llama_cpp.llama_token_data * self.n_vocab)(*((token, 0.0, 0.0) for token in range(self.n_vocab)))
        array = llama_cpp.llama_token_data_array(data=data, size=self.n_vocab, selected=-1, sorted=False)
        llama_cpp.llama_sampler_apply(sampler, ctypes.byref(array))
        llama_cpp.llama_sampler_free(sampler)
        return {each.id for each in data if each.logit == 0.0}


@pytest.fixture(scope="module")
def vocabulary(tiny_model: Path) -> Iterator[LLM]:
    with LLM(tiny_model, n_ctx=64) as llm:
        yield llm


@pytest.fixture(scope="module")
def peer(tiny_model: Path) -> Iterator[Peer]:
    loaded = Peer(tiny_model)
    yield loaded
    loaded.close()


def allowed(model: LlamaModel, grammar: str, answer: Sequence[int], n_vocab: int) -> set[int]:
    found = set()
    for token in range(n_vocab):
        sampler = constrained(model, grammar)
        try:
            sampler.accept_answer([*answer, token])
        except GrammarError:
            continue
        found.add(token)
    return found


def is_utf8(model: LlamaModel, answer: Sequence[int]) -> bool:
    """Say whether an answer can still become UTF-8: llama.cpp lets some through that cannot."""
    text = b"".join(model.token_to_piece(token) for token in answer)
    if re.search(rb"\xed[\xa0-\xbf]", text):  # a surrogate, which Python's decoder refuses one byte later
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(text)
    except UnicodeDecodeError:
        return False
    return True


@settings(max_examples=60, deadline=None)
@given(grammar=_GRAMMARS, data=st.data())
def test_it_allows_what_llama_cpp_allows(grammar: str, data: st.DataObject, vocabulary: LLM, peer: Peer) -> None:
    model = vocabulary._model
    left_out = {
        *model.control_tokens(),
        *model.tokenize(b"\0", add_special=False, parse_special=False),
    }  # it allows no NUL
    answer: list[int] = []
    for _ in range(4):
        theirs = {token for token in peer.allowed(grammar, answer) - left_out if is_utf8(model, [*answer, token])}
        ours = allowed(model, grammar, answer, peer.n_vocab) - left_out
        assert ours == theirs
        if not ours:
            return
        answer.append(data.draw(st.sampled_from(sorted(ours))))
