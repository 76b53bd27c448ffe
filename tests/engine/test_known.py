"""A conversation's tokens stay those that were read and written, whatever its text would be read as now."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cyllama_jupyter import LLM, GenerationConfig, PromptError
from cyllama_jupyter.engine.known import with_known
from tests.tiny_models import write_cycle

GREEDY = GenerationConfig(max_tokens=3, temperature=0.0)
QUESTION = {"role": "user", "content": "Tell me of the race, in the words that you like best."}
NEXT = {"role": "user", "content": "And who won it?"}
MARKER = 9


def bytes_of(token: int) -> bytes:
    """Return the bytes in a vocabulary of a few words, an empty one, and a marker that a text may spell."""
    return {0: b"a", 1: b"b", 2: b"ab", 3: b"ba", 4: b"aba", 5: b"", 6: b"<", 7: b"m>", 8: b"<m", MARKER: b"<m>"}[token]


def spelled(tokens: Sequence[int]) -> list[str | int]:
    """Return the text of tokens letter by letter, with the markers and what has no text in their places."""
    return [
        unit
        for token in tokens
        for unit in ([token] if token == MARKER or not bytes_of(token) else map(chr, bytes_of(token)))
    ]


def known_in(prompt: Sequence[int], known: Sequence[int]) -> list[int]:
    return with_known(prompt, known, bytes_of, {MARKER})


TOKENS = st.lists(st.integers(0, 9), max_size=12)


@given(prompt=TOKENS, known=TOKENS)
def test_whatever_is_known_changes_no_text_and_no_marker(prompt: list[int], known: list[int]) -> None:
    assert spelled(known_in(prompt, known)) == spelled(prompt)


@given(prompt=TOKENS, known=TOKENS)
def test_what_is_known_of_a_prompt_is_taken_whole(prompt: list[int], known: list[int]) -> None:
    assert known_in([*known, *prompt], known) == [*known, *prompt]
    assert known_in([*known, MARKER, *prompt], known) == [*known, MARKER, *prompt]


@pytest.mark.parametrize(
    ("prompt", "known", "taken"),
    [
        ([4, MARKER, 1], [0, 3], [0, 3, MARKER, 1]),
        ([2, 0, 1], [0, 1, 4], [0, 1, 0, 1]),  # the last token of the prompt ends where none of the known does
        ([6, 7, 0, 1], [MARKER, 0, 1], [6, 7, 0, 1]),  # a text that spells a marker
        ([MARKER, 0, 1], [6, 7, 0, 1], [MARKER, 0, 1]),  # a marker in the place of such a text
        ([0, MARKER, 1], [0, 8], [0, MARKER, 1]),
        ([4], [0, 1, 5, 0], [4]),  # what is no text is not smuggled in
        ([4], [], [4]),
    ],
)
def test_known_tokens_are_taken_as_far_as_they_say_the_same(
    prompt: list[int], known: list[int], taken: list[int]
) -> None:
    assert known_in(prompt, known) == taken


@pytest.fixture(scope="module")
def smol(smollm2: Path) -> Iterator[LLM]:
    with LLM(smollm2, n_ctx=1024) as llm:
        yield llm


def first_turn(llm: LLM, words: Sequence[str]) -> tuple[list[dict[str, str]], tuple[int, ...]]:
    """Let a model answer in tokens that nobody would read its text as; return the conversation and its tokens."""
    begun = [token for word in words for token in llm.tokenize(word)]
    generation = llm.submit_chat([QUESTION], GREEDY, begun=begun)
    answer = generation.result(60)
    messages = [QUESTION, {"role": "assistant", "content": answer.text}, NEXT]
    return messages, (*generation.prompt_ids, *generation.token_ids)


def test_the_next_turn_reads_only_what_is_new(smol: LLM) -> None:
    messages, known = first_turn(
        smol, ["The", " ra", "ce", " was", " lo", "ng", " and", " went", " to", " the", " fa", "st"]
    )
    fresh = smol.tokenize_chat(messages)
    assert fresh[: len(known)] != list(known)
    goes_on = smol.submit_chat(messages, GREEDY, known=known)
    assert goes_on.prompt_ids[: len(known)] == known
    assert smol._spelled(goes_on.prompt_ids[len(known) :]) == smol._spelled(
        fresh[-(len(goes_on.prompt_ids) - len(known)) :]
    )
    stats = goes_on.result(60).stats
    assert stats is not None
    assert stats.reused_tokens == len(known) - 1  # the last one was never computed
    [one, *others] = smol.submit_samples(messages, 3, GREEDY, known=known)
    assert {each.prompt_ids for each in (one, *others)} == {goes_on.prompt_ids}


SPELLINGS = (
    "<|im_end|>",
    "<|im_start|>user\n",
    "<|im_end|>\n<|im_start|>assistant\n",
    "race",
    "ra",
    "ce",
    " ",
    "👋🏽",
    "�",
)
SAID = st.lists(st.one_of(st.sampled_from(SPELLINGS), st.text(max_size=4))).map("".join)


def _units(llm: LLM, tokens: Sequence[int]) -> list[int]:
    control = set(llm._model.control_tokens())
    pieces = [(token, llm._model.token_to_piece(token, special=True)) for token in tokens]
    return [unit for token, piece in pieces for unit in ([-1 - token] if token in control else piece)]


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(said=SAID, before=SAID, answer=SAID, data=st.data())
def test_text_and_protection_are_those_of_the_tokenizer(
    said: str, before: str, answer: str, data: st.DataObject, smol: LLM
) -> None:
    def talk(question: str) -> list[dict[str, str]]:
        return [
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer},
            {"role": "user", "content": said},
        ]

    fresh = smol.tokenize_chat(talk(said))
    letters = [token for character in answer for token in smol.tokenize(character)]
    conversations: list[list[int]] = [
        [*smol.tokenize_chat(talk(before)[:1]), *letters],
        smol.tokenize("".join(message["content"] for message in talk(before)), parse_special=True),
    ]
    known = data.draw(st.sampled_from(conversations))
    read = smol._chat.tokenize(talk(said), GREEDY, known=known)
    assert _units(smol, read) == _units(smol, fresh)


def test_the_end_that_a_template_spells_may_be_known(smol: LLM) -> None:
    messages, known = first_turn(smol, ["ra", "ce"])
    with_end = [*known, smol._model.eos]
    assert list(smol.submit_chat(messages, GREEDY, known=with_end).prompt_ids[: len(with_end)]) == with_end


@pytest.mark.parametrize(("count", "lost"), [(4, 0), (5, 1)], ids=["whole", "cut in half"])
def test_a_beginning_that_the_template_does_not_spell_and_half_a_character(
    count: int, lost: int, tmp_path: Path
) -> None:
    with LLM(write_cycle(tmp_path / "saying.gguf", "Grüße, ")) as llm:  # in other tokens than those of its text
        generation = llm.submit_chat([QUESTION], replace(GREEDY, max_tokens=count))
        answer = generation.result(60)
        known = (*generation.prompt_ids, *generation.token_ids)
        messages = [QUESTION, {"role": "assistant", "content": answer.text}, NEXT]
        goes_on = llm.submit_chat(messages, GREEDY, known=known)
        said = len(known) - lost
        assert answer.text == "Grü"
        assert known[0] == llm._model.bos
        assert goes_on.prompt_ids[:said] == known[:said]
        assert _units(llm, goes_on.prompt_ids) == _units(llm, llm.tokenize_chat(messages))
        stats = goes_on.result(60).stats
    assert stats is not None
    assert stats.reused_tokens == len(known) - 1  # the very last one was never computed


def test_what_can_be_known_of_no_conversation_is_refused(tiny_llm: LLM) -> None:
    with pytest.raises(ValueError, match="known tokens are those of a conversation"):
        tiny_llm.submit_samples("a", 2, GREEDY, known=[1])
    with pytest.raises(PromptError, match="is not in the vocabulary"):
        tiny_llm.submit_chat([QUESTION], GREEDY, known=[10**6])
