"""Which file of a repository is meant."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyllama_jupyter.choosing import choose
from cyllama_jupyter.errors import ModelNotFoundError

REPO = "somebody/m-GGUF"
QUANTS = ("Q2_K", "Q4_0", "Q4_K_M", "Q4_K_S", "IQ4_XS", "Q8_0", "BF16")
NAMES = ["README.md", *(f"m-{quant}.gguf" for quant in QUANTS), "mmproj-BF16.gguf", "imatrix.dat"]
SPLIT = [f"Q6_K/m-Q6_K-0000{part}-of-00002.gguf" for part in (1, 2)]


@pytest.mark.parametrize("quant", QUANTS)
def test_a_quantisation_in_any_case_picks_its_file(quant: str) -> None:
    for written in (quant, quant.lower()):
        assert choose(NAMES, written, REPO) == [f"m-{quant}.gguf"]


def test_a_name_picks_its_file_also_without_its_folder() -> None:
    assert choose(NAMES, "m-Q4_0.gguf", REPO) == ["m-Q4_0.gguf"]
    assert choose(["a/b.gguf", "c.gguf"], "b.gguf", REPO) == ["a/b.gguf"]


def test_nothing_picks_the_only_model_or_else_the_q4_k_m() -> None:
    assert choose(["m-Q2_K.gguf", "x.txt", "mmproj-m.gguf"], "", REPO) == ["m-Q2_K.gguf"]
    assert choose(NAMES, "", REPO) == ["m-Q4_K_M.gguf"]


def test_a_split_model_is_one_model_by_whatever_it_is_named() -> None:
    for wanted in ("Q6_K", SPLIT[0], SPLIT[1], "m-Q6_K-00002-of-00002.gguf"):
        assert choose([*NAMES, *SPLIT], wanted, REPO) == SPLIT
    assert choose(SPLIT, "", REPO) == SPLIT


def test_a_missing_part_is_named() -> None:
    with pytest.raises(ModelNotFoundError, match=r"lacks a part of the model: Q6_K/m-Q6_K-00001-of-00002\.gguf"):
        choose(SPLIT[1:], "Q6_K", REPO)


@pytest.mark.parametrize(
    ("names", "wanted", "listed"),
    [
        (NAMES, "Q4", "m-Q4_0.gguf, m-Q4_K_M.gguf, m-Q4_K_S.gguf"),
        (NAMES, "Q4_K", "m-Q4_K_M.gguf, m-Q4_K_S.gguf"),
        (NAMES, "F32", "m-BF16.gguf, m-IQ4_XS.gguf, m-Q2_K.gguf"),
        (["a-Q2_K.gguf", "b-Q2_K.gguf"], "", "a-Q2_K.gguf, b-Q2_K.gguf"),
        (["a/m.gguf", "b/m.gguf"], "m.gguf", "a/m.gguf, b/m.gguf"),
    ],
)
def test_none_or_several_are_an_error_that_lists_them(names: list[str], wanted: str, listed: str) -> None:
    with pytest.raises(ModelNotFoundError, match="name one of") as error:
        choose(names, wanted, REPO)
    assert listed in str(error.value)
    assert "mmproj" not in str(error.value)


def test_a_repository_without_a_model_says_so() -> None:
    with pytest.raises(ModelNotFoundError, match="it holds no GGUF file"):
        choose(["model.safetensors"], "", REPO)


@given(
    st.lists(st.text("abQ4_K-.gu/012of", max_size=30).map(lambda name: f"{name}.gguf"), max_size=8),
    st.text(max_size=12),
)
def test_any_names_give_files_of_the_repository_or_an_error(names: list[str], wanted: str) -> None:
    with suppress(ModelNotFoundError):
        chosen = choose(names, wanted, REPO)
        assert chosen
        assert set(chosen) <= set(names)
