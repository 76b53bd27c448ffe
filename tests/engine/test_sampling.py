"""How the next token is chosen: every setting works, and a seed says it all."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from cyllama_jupyter import LLM, GenerationConfig

PROMPT = "Once upon a time"
LENGTH = 64

# Nothing narrows the choice: every token may come.
WIDE = {"top_k": 0, "top_p": 1.0, "min_p": 0.0}

OPTIONS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "wide": WIDE,
    "hot": {"temperature": 5.0},
    "top_k": {**WIDE, "top_k": 5},
    "top_p": {**WIDE, "top_p": 0.5},
    "min_p": {**WIDE, "min_p": 0.5},
    "top_n_sigma": {"top_n_sigma": 1.0},
    "repeat_penalty": {"repeat_penalty": 1.3},
    "frequency_penalty": {"frequency_penalty": 0.5},
    "presence_penalty": {"presence_penalty": 0.5},
    "all penalties": {"repeat_penalty": 1.1, "frequency_penalty": 0.1, "presence_penalty": 0.1, "penalty_last_n": -1},
    "dry": {"dry_multiplier": 0.8},
    "dry without breakers": {"dry_multiplier": 5.0, "dry_allowed_length": 0, "dry_sequence_breakers": []},
    "mirostat": {"mirostat": 1},
    "mirostat 2": {"mirostat": 2},
    "mirostat with penalties": {"mirostat": 2, "mirostat_tau": 2.0, "mirostat_eta": 0.2, "repeat_penalty": 1.2},
}

GREEDY: dict[str, dict[str, Any]] = {
    "temperature 0": {"temperature": 0},
    "temperature 0 with a seed": {"temperature": 0.0, "seed": 7},
    "temperature 0 and all else": {"temperature": 0.0, "mirostat": 1, "top_n_sigma": 2.0, "top_p": 0.1},
    "next to no temperature": {"temperature": 1e-30},
    "one of one": {"top_k": 1},
    "no probability": {"top_p": 0.0},
    "as likely as the likeliest": {"min_p": 1.0},
    "next to no deviation": {"top_n_sigma": 1e-6},
}

EXTREME: dict[str, dict[str, Any]] = {
    "hottest": {"temperature": 3e38, **WIDE},
    "hottest mirostat": {"temperature": 3e38, "mirostat": 1},
    "largest penalties": {"repeat_penalty": 3e38, "frequency_penalty": 3e38, "presence_penalty": 3e38},
    "smallest penalty": {"repeat_penalty": 1e-45},
    "longest window": {"repeat_penalty": 1.1, "penalty_last_n": 2**31 - 1},
    "longest dry window": {"dry_multiplier": 1.0, "dry_penalty_last_n": 2**31 - 1, "dry_allowed_length": 2**31 - 1},
    "largest dry": {"dry_multiplier": 3e38, "dry_base": 3e38, "dry_allowed_length": 0},
    "strange breakers": {"dry_multiplier": 1.0, "dry_sequence_breakers": ["\0", "x" * 10_000, "👋🏽"]},
    "largest deviation": {"top_n_sigma": 3e38},
    "largest mirostat": {"mirostat": 1, "mirostat_tau": 3e38, "mirostat_eta": 3e38},
    "smallest mirostat": {"mirostat": 2, "mirostat_tau": 1e-45, "mirostat_eta": 1e-45},
    "most threads": {"n_threads": 8, "n_threads_batch": 8},
}


def sample(llm: LLM, **options: object) -> str:
    return llm(PROMPT, config(**options)).text


def config(**options: Any) -> GenerationConfig:  # noqa: ANN401 - the fields'
    return GenerationConfig(max_tokens=LENGTH, **options)


def spans(text: str, length: int) -> Sequence[int]:
    """Return how often each span of so many characters occurs."""
    return list(Counter(text[start : start + length] for start in range(len(text) - length + 1)).values())


@pytest.mark.parametrize("name", OPTIONS)
def test_a_seed_gives_the_same_text_again_and_another_one_another(name: str, tiny_llm: LLM) -> None:
    first = sample(tiny_llm, seed=1, **OPTIONS[name])
    assert sample(tiny_llm, seed=1, **OPTIONS[name]) == first
    assert len({first, sample(tiny_llm, seed=2, **OPTIONS[name]), sample(tiny_llm, seed=3, **OPTIONS[name])}) == 3


def test_without_a_seed_every_text_is_another(tiny_llm: LLM) -> None:
    assert len({sample(tiny_llm, **WIDE), sample(tiny_llm, **WIDE), sample(tiny_llm, seed=-1, **WIDE)}) == 3


def test_every_option_changes_the_text(tiny_llm: LLM) -> None:
    texts = {sample(tiny_llm, seed=1, **options): name for name, options in OPTIONS.items()}
    assert list(texts.values()) == list(OPTIONS)


@pytest.mark.parametrize("name", GREEDY)
def test_what_leaves_no_choice_is_greedy(name: str, tiny_llm: LLM) -> None:
    assert sample(tiny_llm, **GREEDY[name]) == sample(tiny_llm, temperature=0.0)


def test_no_deviations_means_that_the_other_settings_hold(tiny_llm: LLM) -> None:
    for off in (-1.0, 0.0):
        assert sample(tiny_llm, top_n_sigma=off, top_k=1) == sample(tiny_llm, temperature=0.0)


@pytest.mark.parametrize("name", EXTREME)
def test_no_setting_is_too_extreme(name: str, tiny_llm: LLM) -> None:
    greedy = sample(tiny_llm, temperature=0.0)
    response = tiny_llm(PROMPT, config(seed=1, **EXTREME[name]))
    assert response.finish_reason in ("length", "stop")
    assert sample(tiny_llm, temperature=0.0) == greedy


def test_penalties_forbid_what_was_said(tiny_llm: LLM) -> None:
    plain = sample(tiny_llm, temperature=0.0)
    assert max(spans(plain, 1)) > 2
    for penalty in ({"frequency_penalty": 1000.0}, {"presence_penalty": 1000.0}, {"repeat_penalty": 1e30}):
        few = replace(config(temperature=0.0, **penalty), max_tokens=32)
        pieces = list(tiny_llm(PROMPT, few, stream=True))
        if "repeat_penalty" not in penalty:  # which makes a likely token unlikely, and no more than that
            assert len(pieces) - len(set(pieces)) <= 1  # two tokens may read alike
        assert max(spans("".join(pieces), 1)) < max(spans(plain, 1))
        assert sample(tiny_llm, temperature=0.0, penalty_last_n=0, **penalty) == plain


def test_dry_forbids_repeated_phrases(tiny_llm: LLM) -> None:
    loop = {"temperature": 0.0, "top_k": 1}
    plain = sample(tiny_llm, **loop)
    dry = sample(tiny_llm, dry_multiplier=1000.0, dry_sequence_breakers=[], **loop)
    assert max(spans(dry, 6), default=0) <= max(spans(plain, 6))
    assert sample(tiny_llm, dry_multiplier=1000.0, dry_penalty_last_n=0, **loop) == plain


def test_the_number_of_threads_changes_nothing(tiny_llm: LLM) -> None:
    texts = {
        sample(tiny_llm, seed=1, n_threads=decode, n_threads_batch=prefill)
        for decode, prefill in ((None, None), (1, 1), (2, 1), (1, 2), (3, 3), (-1, -1))
    }
    assert len(texts) == 1
