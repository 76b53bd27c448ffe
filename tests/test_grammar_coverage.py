"""How the coverage of JSON Schema is counted; the suite itself is fetched by the benchmark."""

from collections.abc import Callable

from benchmarks.grammars import Case, coverage

EVERYTHING = [
    Case("letters", (("a", True), ("b", False), ("1", True), ("c", False))),
    Case("refused", (("a", True), ("b", False))),
]


def compiled(schema: str) -> Callable[[str], bool]:
    if schema == "refused":
        raise ValueError(schema)
    return lambda text: text in "ab"


def test_every_instance_is_counted_once() -> None:
    assert coverage(compiled, EVERYTHING) == {
        "schemas refused": 1,
        "valid accepted": 1,
        "valid refused": 1,
        "invalid accepted": 1,
        "invalid refused": 1,
        "valid without a constraint": 1,
        "invalid without a constraint": 1,
    }
