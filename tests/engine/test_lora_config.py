"""LoRA adapters in a GenerationConfig: whatever way they are written, pairs of file and scale."""

import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyllama_jupyter import GenerationConfig

SCALES = st.floats(width=32, allow_nan=False, allow_infinity=False)


def kept(lora: Any) -> Any:  # noqa: ANN401 - what a person writes
    return GenerationConfig(lora=lora).lora


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("a.gguf", (("a.gguf", 1.0),)),
        (Path("a.gguf"), (("a.gguf", 1.0),)),
        (["a.gguf", Path("b.gguf")], (("a.gguf", 1.0), ("b.gguf", 1.0))),
        ({"a.gguf": 0.5, Path("b.gguf"): 2}, (("a.gguf", 0.5), ("b.gguf", 2.0))),
        ([["a.gguf", 0.5], "b.gguf"], (("a.gguf", 0.5), ("b.gguf", 1.0))),
        ((("a.gguf", -1),), (("a.gguf", -1.0),)),
        ({"a.gguf": np.float32(0.5)}, (("a.gguf", 0.5),)),
        ([], None),
        ({}, None),
    ],
)
def test_what_a_person_writes(written: object, meant: object) -> None:
    assert kept(written) == meant
    assert all(type(scale) is float for _, scale in meant or ())  # type: ignore[attr-defined]


def test_a_tilde_is_a_home_and_nobody_s_home_is_a_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert kept("~/a.gguf") == ((str(tmp_path / "a.gguf"), 1.0),)
    assert kept("~nobody-here/a.gguf") == (("~nobody-here/a.gguf", 1.0),)


def test_what_is_wrong_is_shown_as_it_was_written() -> None:
    with pytest.raises(ValueError, match=r"lora must be a file of a LoRA adapter, .*, got \['a.gguf', 5\]$"):
        kept(["a.gguf", 5])


def test_it_is_hashed_and_told_in_a_conflict() -> None:
    config = GenerationConfig(lora={"a.gguf": 0.5})
    assert hash(config) == hash(GenerationConfig(lora=[("a.gguf", 0.5)]))
    assert config.adapters == (("a.gguf", 0.5),)
    assert GenerationConfig().adapters == ()
    assert config.conflicts(GenerationConfig()) == ["lora=(('a.gguf', 0.5),) (loaded with None)"]
    assert GenerationConfig().conflicts(config) == []


@given(st.dictionaries(st.text(min_size=1).filter(lambda name: "\0" not in name), SCALES))
def test_json_makes_the_same_config(lora: dict[str, float]) -> None:
    config = GenerationConfig(lora=lora)
    assert GenerationConfig(**json.loads(json.dumps(config.to_dict()))) == config
    assert [(os.path.expanduser(path), scale) for path, scale in lora.items()] == list(config.adapters)  # noqa: PTH111 - see lora.py


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text() | st.binary(), st.lists))
def test_anything_else_is_refused_or_makes_paths_and_finite_scales(value: Any) -> None:  # noqa: ANN401 - anything
    try:
        adapters = GenerationConfig(lora=value).adapters
    except ValueError as error:
        assert "lora must be" in str(error)  # noqa: PT017 - some are right
    else:
        assert all(path and isinstance(path, str) and math.isfinite(scale) for path, scale in adapters)
