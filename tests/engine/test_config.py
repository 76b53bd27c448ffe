"""GenerationConfig: what it takes, and that it names everything that it does not take."""

import copy
import math
import pickle
from contextlib import suppress
from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyllama_jupyter import GenerationConfig
from cyllama_jupyter.config import _CHECKS, CACHE_TYPES, FIXED_AT_LOAD, RANDOM_SEED

NAN, INF = math.nan, math.inf
HALF_A_PAIR = "\ud83d"
LISTS = ("dry_sequence_breakers", "stop_sequences", "tensor_split")
NOT_INTEGERS = (1.5, 2.0, -1.0, "1", True, False, NAN, INF, [1], b"1", 10**400)
NOT_NUMBERS = ("0.5", True, False, NAN, INF, -INF, 1e39, 10**400, [0.5], 1j, None)
NOT_TEXTS = ("stop", b"stop", [b"stop"], [""], ["stop", ""], [1], [None], [True], {"stop"}, 5, None, [HALF_A_PAIR])
NOT_FLAGS = (0, 1, "yes", None, 0.0)

WRONG: dict[str, tuple[object, ...]] = {
    "max_tokens": (-1, 2**31, None, *NOT_INTEGERS),
    "temperature": (-0.1, *NOT_NUMBERS),
    "top_k": (-1, 2**31, None, *NOT_INTEGERS),
    "top_p": (-0.1, 1.1, *NOT_NUMBERS),
    "min_p": (-0.1, 1.1, *NOT_NUMBERS),
    "repeat_penalty": (0, -1.0, *NOT_NUMBERS),
    "penalty_last_n": (-2, 2**31, None, *NOT_INTEGERS),
    "frequency_penalty": (-0.1, *NOT_NUMBERS),
    "presence_penalty": (-0.1, *NOT_NUMBERS),
    "dry_multiplier": (-0.1, *NOT_NUMBERS),
    "dry_base": (-0.1, *NOT_NUMBERS),
    "dry_allowed_length": (-1, 2**31, None, *NOT_INTEGERS),
    "dry_penalty_last_n": (-2, 2**31, None, *NOT_INTEGERS),
    "dry_sequence_breakers": NOT_TEXTS,
    "top_n_sigma": NOT_NUMBERS,
    "mirostat": (-1, 3, None, *NOT_INTEGERS),
    "mirostat_tau": (0, -1.0, *NOT_NUMBERS),
    "mirostat_eta": (0, -1.0, *NOT_NUMBERS),
    "seed": (-2, 2**32, None, *NOT_INTEGERS),
    "stop_sequences": NOT_TEXTS,
    "grammar": (5, b"root ::= x", ["root ::= x"], True, HALF_A_PAIR),
    "logprobs": (-1, 65, *NOT_INTEGERS),
    "add_bos": NOT_FLAGS,
    "parse_special": NOT_FLAGS,
    "n_ctx": (0, -1, 2**31, *NOT_INTEGERS),
    "n_batch": (0, -1, 2**31, *NOT_INTEGERS),
    "n_ubatch": (0, -1, 2**31, *NOT_INTEGERS),
    "n_parallel": (0, -1, 257, *NOT_INTEGERS),
    "max_queued": (-1, 100_001, *NOT_INTEGERS),
    "flash_attn": ("", "auto", True, 1),
    "type_k": ("", "q8", "Q8_0", True, 1, ["f16"]),
    "type_v": ("", "q8", "Q8_0", True, 1, ["f16"]),
    "lora": (
        "",
        "a\0",
        5,
        True,
        b"a",
        {"a"},
        [5],
        [""],
        [b"a"],
        {"a": NAN},
        {"a": "1"},
        {"a": True},
        {1: 1.0},
        ("a", 0.5),
        ((),),
        (("a", 0.5, 0.5),),
        (("a", 1e39),),
    ),
    "n_gpu_layers": (-2, 2**31, *NOT_INTEGERS),
    "main_gpu": (-1, *NOT_INTEGERS),
    "split_mode": (-1, 3, *NOT_INTEGERS),
    "tensor_split": ((), [], (-1.0,), (NAN,), (INF,), ("1",), (True,), 1.0, "1,1"),
    "n_threads": (0, -2, 513, *NOT_INTEGERS),
    "n_threads_batch": (0, -2, 513, *NOT_INTEGERS),
}

RIGHT: dict[str, tuple[object, ...]] = {
    "max_tokens": (0, 1, 2**31 - 1),
    "temperature": (0, 0.0, 1, 2.5),
    "top_k": (0, 1),
    "top_p": (0, 1, 0.5),
    "min_p": (0, 1, 0.5),
    "repeat_penalty": (0.5, 1, 2),
    "penalty_last_n": (-1, 0, 2**31 - 1),
    "dry_sequence_breakers": ([], ["\n"], ("a", "b")),
    "top_n_sigma": (-1, 0.0, 1.5),
    "mirostat": (0, 1, 2),
    "seed": (0, 42, RANDOM_SEED),
    "stop_sequences": ([], (), ["\n", "👋", "\0"]),
    "grammar": (None, "", "root ::= [👋]"),
    "logprobs": (None, 0, 64),
    "add_bos": (False,),
    "parse_special": (False,),
    "n_ctx": (None, 1, 8192),
    "n_batch": (None, 1),
    "n_ubatch": (None, 1, 512),
    "n_parallel": (None, 1, 256),
    "flash_attn": (None, "on", "off"),
    "type_k": (None, *CACHE_TYPES),
    "type_v": (None, *CACHE_TYPES),
    "lora": (None, (("a.gguf", 1.0), ("a.gguf", -0.5))),
    "n_gpu_layers": (None, -1, 0, 99),
    "main_gpu": (None, 0),
    "split_mode": (None, 0, 1, 2),
    "tensor_split": (None, [0.5, 0.5], (1,)),
    "n_threads": (None, "auto", -1, 1, 512),
    "n_threads_batch": (None, "auto", -1, 1, 512),
}


def config(**values: Any) -> GenerationConfig:  # noqa: ANN401 - what is given is often wrong
    return GenerationConfig(**values)


def test_every_field_is_checked_and_tried() -> None:
    names = {field.name for field in fields(GenerationConfig)}
    assert set(_CHECKS) == set(WRONG) == names
    assert set(FIXED_AT_LOAD) < names


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_wrong_value_is_named_with_its_field(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"^Invalid GenerationConfig: {name} must be ") as error:
        config(**{name: value})
    shown = tuple(value) if isinstance(value, list) and name in LISTS else value
    assert str(error.value).endswith(f", got {shown!r}")


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in RIGHT.items() for value in values])
def test_a_right_value_is_taken(name: str, value: object) -> None:
    taken = getattr(config(**{name: value}), name)
    assert taken == (tuple(value) if isinstance(value, list) else value)


def test_all_wrong_values_are_named_at_once() -> None:
    wrong = {name: values[0] for name, values in WRONG.items()}
    with pytest.raises(ValueError, match="Invalid GenerationConfig") as error:
        config(**wrong)
    assert all(f"{name} must be" in str(error.value) for name in WRONG)


def test_an_unknown_field_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="temprature"):
        config(temprature=1.0)


def test_minus_one_is_a_random_seed() -> None:
    assert config(seed=-1).seed == RANDOM_SEED == config().seed


def test_it_is_frozen_hashable_and_equal_by_value() -> None:
    one, other = config(stop_sequences=["a"], tensor_split=[1.0]), config(stop_sequences=("a",), tensor_split=(1.0,))
    assert one == other
    assert hash(one) == hash(other)
    assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == one  # noqa: S301 - our own bytes
    with pytest.raises(FrozenInstanceError):
        one.seed = 1  # type: ignore[misc]


def test_a_list_changed_later_changes_no_config() -> None:
    stops = ["a"]
    kept = config(stop_sequences=stops)
    stops.append("b")
    assert kept.stop_sequences == ("a",)


def test_to_dict_gives_plain_values_that_make_the_same_config() -> None:
    kept = config(stop_sequences=["a"], tensor_split=[1.0], seed=3, n_ctx=16)
    values = kept.to_dict()
    assert values["stop_sequences"] == ["a"]
    assert set(values) == {field.name for field in fields(GenerationConfig)}
    assert config(**values) == kept


def test_conflicts_names_what_differs_from_the_load_and_was_set() -> None:
    loaded = config(n_ctx=512, n_batch=512, main_gpu=0, n_threads=2)
    assert config().conflicts(loaded) == []
    assert config(n_ctx=512, n_threads=1, seed=1).conflicts(loaded) == []
    assert config(n_ctx=256, n_batch=512, tensor_split=[1.0]).conflicts(loaded) == [
        "n_ctx=256 (loaded with 512)",
        "tensor_split=(1.0,) (loaded with None)",
    ]


@given(st.sampled_from(sorted(WRONG)), st.one_of(st.integers(), st.floats(), st.text(), st.none(), st.binary()))
def test_any_value_is_taken_or_refused_with_a_value_error(name: str, value: object) -> None:
    with suppress(ValueError):
        kept = config(**{name: value})
        assert kept == config(**kept.to_dict())
