"""Short names for models."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyllama_jupyter.aliases import Aliases
from cyllama_jupyter.errors import AliasError, ModelNotFoundError


@pytest.fixture
def aliases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Aliases:
    monkeypatch.chdir(tmp_path)
    return Aliases(tmp_path / "config" / "aliases.json")


def test_there_are_none_at_first(aliases: Aliases) -> None:
    assert aliases.all() == {}
    assert not aliases.path.exists()


def test_a_name_is_kept_and_followed_by_others_who_read_the_file(aliases: Aliases) -> None:
    assert aliases.set("small", "hf:a/b:Q4_K_M") == "hf:a/b:Q4_K_M"
    assert aliases.set("mine", "small") == "small"
    other = Aliases(aliases.path)
    assert other.all() == {"mine": "small", "small": "hf:a/b:Q4_K_M"}
    assert other.follow("mine") == "hf:a/b:Q4_K_M"
    assert other.follow("else") == "else"


def test_a_file_is_kept_by_its_absolute_path(aliases: Aliases, tmp_path: Path) -> None:
    (tmp_path / "model.gguf").touch()
    assert aliases.set("m", "model.gguf") == str(tmp_path / "model.gguf")


def test_a_name_can_be_given_anew_and_taken_away(aliases: Aliases) -> None:
    aliases.set("m", "hf:a/b")
    aliases.set("m", "hf:c/d")
    assert aliases.all() == {"m": "hf:c/d"}
    aliases.remove("m")
    assert aliases.all() == {}
    with pytest.raises(AliasError, match="there is no alias 'm'; there are none"):
        aliases.remove("m")


@pytest.mark.parametrize("name", ["", "a b", "a/b", "hf:x", "-m", "x.gguf", "a" * 65, "ä", "a\n", "~"])
def test_what_can_be_no_name_is_refused(aliases: Aliases, name: str) -> None:
    with pytest.raises(AliasError, match="can be no alias"):
        aliases.set(name, "hf:a/b")
    assert aliases.all() == {}


def test_a_name_that_a_file_has_is_refused(aliases: Aliases, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    with pytest.raises(AliasError, match="'notes' is a file here"):
        aliases.set("notes", "hf:a/b")


@pytest.mark.parametrize("reference", ["nothing.gguf", "nobody", "hf:nonsense", "~nobody/x.gguf", "\0"])
def test_a_name_for_nothing_is_refused(aliases: Aliases, reference: str) -> None:
    with pytest.raises(ModelNotFoundError):
        aliases.set("m", reference)
    assert not aliases.path.exists()


def test_a_circle_is_refused_and_changes_nothing(aliases: Aliases) -> None:
    aliases.set("a", "hf:a/b")
    aliases.set("b", "a")
    for name, reference in (("a", "b"), ("a", "a")):
        with pytest.raises(AliasError, match="'a' leads in a circle: a → "):
            aliases.set(name, reference)
    assert aliases.follow("b") == "hf:a/b"


def test_a_circle_that_somebody_wrote_is_an_error_and_no_endless_loop(aliases: Aliases) -> None:
    aliases.path.parent.mkdir()
    aliases.path.write_text('{"a": "b", "b": "c", "c": "b"}')
    with pytest.raises(AliasError, match="'a' leads in a circle: a → b → c → b"):
        aliases.follow("a")


@pytest.mark.parametrize(
    "damaged",
    ["", "{", "[]", '{"a": 1}', '{"a": ""}', "\xff", '{"a": "b"', "[" * 100_000, "null"],
    ids=lambda text: text[:9],
)
def test_a_damaged_file_is_named_and_left_as_it_is(aliases: Aliases, damaged: str) -> None:
    aliases.path.parent.mkdir()
    aliases.path.write_text(damaged, encoding="latin-1")
    for use in (
        aliases.all,
        lambda: aliases.set("m", "hf:a/b"),
        lambda: aliases.remove("m"),
        lambda: aliases.follow("m"),
    ):
        with pytest.raises(AliasError, match="cannot be read") as error:
            use()
        assert str(aliases.path) in str(error.value)
        assert "\n" not in str(error.value)
    assert aliases.path.read_text(encoding="latin-1") == damaged


def test_a_disk_that_is_full_loses_nothing(aliases: Aliases, monkeypatch: pytest.MonkeyPatch) -> None:
    aliases.set("m", "hf:a/b")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        aliases.set("n", "hf:c/d")
    assert aliases.all() == {"m": "hf:a/b"}
    assert [file.name for file in aliases.path.parent.iterdir()] == ["aliases.json"]


def test_a_linked_file_stays_a_link(aliases: Aliases, tmp_path: Path) -> None:
    aliases.path.parent.mkdir()
    aliases.path.symlink_to(tmp_path / "elsewhere.json")
    aliases.set("m", "hf:a/b")
    assert json.loads((tmp_path / "elsewhere.json").read_text()) == {"m": "hf:a/b"}
    assert aliases.path.is_symlink()


@given(st.text(max_size=80))
def test_any_text_is_followed_to_itself_where_there_are_no_aliases(name: str) -> None:
    assert Aliases(Path("/nowhere/aliases.json")).follow(name) == name
