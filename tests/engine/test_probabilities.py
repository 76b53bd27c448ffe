"""How likely the model found each token, and what a response makes of that."""

import copy
import json
import math
import pickle
import sys
from pathlib import Path

import pandas as pd
import pytest

from cyllama_jupyter import LLM, GenerationConfig, Response
from cyllama_jupyter.engine.probabilities import TokenProbability
from tests.tiny_models import write_cycle

COLUMNS = ["text", "id", "probability", "alternatives"]


def of(n: int, **settings: float) -> GenerationConfig:
    return GenerationConfig(**{"max_tokens": 12, "temperature": 0.0, **settings}, logprobs=n)  # type: ignore[arg-type]


def rows(response: Response) -> list[TokenProbability]:
    table = response.tokens
    assert isinstance(table, pd.DataFrame)
    assert list(table.columns) == COLUMNS
    return [TokenProbability(*row) for row in table.itertuples(index=False, name=None)]


def test_each_token_has_its_row(tiny_llm: LLM) -> None:
    response = tiny_llm("Once", of(5))
    tokens = rows(response)
    assert tuple(token.id for token in tokens) == response.token_ids
    for token in tokens:
        assert token.text == tiny_llm._model.token_to_piece(token.id).decode("utf-8", "replace")
        shares = [each.probability for each in token.alternatives]
        assert len(shares) == 5
        assert shares == sorted(shares, reverse=True)
        assert token.alternatives[0] == (token.text, token.id, token.probability)  # it is greedy
        assert 0.0 < sum(shares) <= 1.0


def test_they_are_the_model_s_own_whatever_the_samplers_do(tiny_llm: LLM) -> None:
    [plain] = rows(tiny_llm("Once", of(3, max_tokens=1)))
    [hot] = rows(tiny_llm("Once", of(3, max_tokens=1, temperature=1.9, top_k=1, repeat_penalty=1.9)))
    bound = GenerationConfig(max_tokens=1, temperature=0.0, logprobs=3, grammar='root ::= "xyz"')
    [forced] = rows(tiny_llm("Once", bound))
    assert hot.alternatives == plain.alternatives == forced.alternatives
    assert forced.text == "x"
    assert forced.probability < plain.probability


def test_all_of_them_add_up_to_one(tiny_llm: LLM) -> None:
    """The tiny model has 289 tokens: each shows up beside one that a grammar forces, or is that one."""
    found: dict[int, float] = {}
    for byte in range(0x80):
        config = GenerationConfig(max_tokens=1, temperature=0.0, logprobs=64, grammar=f"root ::= [\\x{byte:02x}]")
        [token] = rows(tiny_llm("Once", config))
        found |= {each.id: each.probability for each in token.alternatives} | {token.id: token.probability}
    assert 128 <= len(found) < 289
    assert 0.5 < sum(found.values()) < 1.0


def test_none_wanted_beside_it(tiny_llm: LLM) -> None:
    assert all(token.alternatives == () and token.probability > 0 for token in rows(tiny_llm("Once", of(0))))


def test_a_certain_model_is_certain(tmp_path: Path) -> None:
    with LLM(write_cycle(tmp_path / "cycle.gguf", "é!")) as llm:
        tokens = rows(llm("a", of(1, max_tokens=3)))
    assert [token.text for token in tokens] == ["\ufffd", "\ufffd", "!"]
    assert all(math.isclose(token.probability, 1.0, abs_tol=1e-6) for token in tokens)


def test_nobody_asked(tiny_llm: LLM) -> None:
    with pytest.raises(ValueError, match=r"ask for them with GenerationConfig\(logprobs=5\)"):
        _ = tiny_llm("Once", GenerationConfig(max_tokens=1)).tokens
    assert "tokens" not in tiny_llm("Once", GenerationConfig(max_tokens=1)).to_dict()


def test_no_token_is_an_empty_table(tiny_llm: LLM) -> None:
    assert rows(tiny_llm("Once", of(2, max_tokens=0))) == []


def test_what_was_begun_has_none(tiny_llm: LLM) -> None:
    begun = tiny_llm.tokenize("It was")
    response = tiny_llm.submit("Once", of(2, max_tokens=3), begun=begun).result()
    assert tuple(token.id for token in rows(response)) == response.token_ids[len(begun) :]
    assert len(rows(response)) == 3


def test_they_survive_copies_and_become_json(tiny_llm: LLM) -> None:
    response = tiny_llm("Once", of(2))
    for copied in (copy.copy(response), copy.deepcopy(response), pickle.loads(pickle.dumps(response))):  # noqa: S301 - ours
        assert rows(copied) == rows(response)
        assert copied.token_ids == response.token_ids
    tokens = json.loads(response.to_json())["tokens"]
    assert [token["id"] for token in tokens] == list(response.token_ids)
    assert set(tokens[0]["alternatives"][0]) == {"text", "id", "probability"}


def test_without_pandas_it_is_a_list(tiny_llm: LLM, monkeypatch: pytest.MonkeyPatch) -> None:
    response = tiny_llm("Once", of(2))
    expected = rows(response)
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert response.tokens == expected


def test_cancelled_answers_have_theirs(tiny_llm: LLM) -> None:
    generation = tiny_llm.submit("Once", of(2, max_tokens=1_000_000))
    while generation.progress.generated_tokens < 3:
        assert not generation.wait(0.001)
    generation.cancel()
    response = generation.result(60)
    assert len(rows(response)) == len(response.token_ids) >= 3


def test_samples_have_theirs(tiny_llm: LLM) -> None:
    for response in tiny_llm.samples("Once", 2, of(1)):
        assert len(rows(response)) == 12
