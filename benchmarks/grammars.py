"""How much of JSON Schema each way of constraining an answer covers, by the official JSON-Schema-Test-Suite.

For every schema that converts: does the constraint take the JSON of each valid instance, and refuse each invalid one?
An invalid one that is taken does no harm, for the answer is validated; a valid one that is refused cannot be written.
"""

import json
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import models
from benchmarks.figure import Figure
from cyllama_jupyter._native.log import install
from cyllama_jupyter.engine.schema import to_gbnf
from tests.gbnf_matcher import Matcher

__all__ = ["cases", "coverage", "measure"]

OURS = "our grammar"
OUTSIDE = ("format", "refRemote", "vocabulary", "dynamicRef")
"""Files about what no generation shows: other documents, other vocabularies, and formats, which are annotations."""

_OUTCOMES = ("accepted", "refused", "without a constraint")

_Takes = Callable[[str], bool]
_Compile = Callable[[Any], _Takes]
"""Takes a schema; returns what says whether a text is one of its values, or raises when it does not convert."""


class Case(NamedTuple):
    """A schema and its instances, each as JSON and whether it is valid."""

    schema: Any
    instances: tuple[tuple[str, bool], ...]


def measure() -> list[Figure]:
    """Count for the converter in llama_cpp, llguidance, and our grammars."""
    everything = list(cases())
    engine = Matcher(models.tiny())
    contestants: dict[str, Callable[[], _Compile]] = {
        OURS: lambda: partial(_ours, engine, closed=True),
        f"{OURS}, schemas taken to the letter": lambda: partial(_ours, engine, closed=False),
        "llama_cpp.llama_grammar": lambda: partial(_llama_cpp, engine),
        "llguidance": partial(_llguidance, lenient=False),
        "llguidance, lenient": partial(_llguidance, lenient=True),
    }
    figures: list[Figure] = []
    for name, begin in contestants.items():
        try:
            compile_ = begin()
        except PackageNotFoundError:
            figures.append(Figure(name, None, "ratio", note="it is not installed: pip install llguidance"))
            continue
        figures += _figures(name, coverage(compile_, everything), len(everything))
    return figures


def cases() -> Iterator[Case]:
    """Yield the schemas of the suite, which lies in the source distribution of ``jsonschema``."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = ["--no-deps", "--no-binary", ":all:", "--dest", folder, f"jsonschema=={version('jsonschema')}"]
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", *wanted], check=True)
        with tarfile.open(next(Path(folder).glob("jsonschema-*.tar.gz"))) as archive:
            for member in archive:
                path = Path(member.name)
                if path.match("json/tests/draft2020-12/*.json") and path.stem not in OUTSIDE:
                    file = archive.extractfile(member)
                    if file is not None:
                        yield from map(_case, json.load(file))


def _case(group: dict[str, Any]) -> Case:
    order = {name: place for place, name in enumerate(_declared(group["schema"]))}
    return Case(group["schema"], tuple((_canonical(test["data"], order), test["valid"]) for test in group["tests"]))


def _declared(schema: object) -> Iterator[str]:
    """Yield the names under every ``properties``, in their order: a constraint writes them in that one alone."""
    if isinstance(schema, dict):
        if isinstance(names := schema.get("properties"), dict):
            yield from names
        for part in schema.values():
            yield from _declared(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _declared(part)


def _canonical(value: object, order: dict[str, int]) -> str:
    def sort(part: object) -> object:
        if isinstance(part, dict):
            return {name: sort(part[name]) for name in sorted(part, key=lambda name: order.get(name, len(order)))}
        return [sort(item) for item in part] if isinstance(part, list) else part

    return json.dumps(sort(value), ensure_ascii=False, separators=(",", ":"))


def coverage(compile_: _Compile, everything: list[Case]) -> Counter[str]:
    """Count the schemas that do not convert, and the instances by whether they are valid and were taken."""
    counts = Counter[str]()
    for case in everything:
        try:
            takes = compile_(case.schema)
        except Exception:  # noqa: BLE001 - each of the three says it in its own way
            counts["schemas refused"] += 1
            counts.update(_kind(is_valid, "without a constraint") for _, is_valid in case.instances)
            continue
        counts.update(_kind(is_valid, "accepted" if takes(text) else "refused") for text, is_valid in case.instances)
    return counts


def _kind(is_valid: bool, what: str) -> str:  # noqa: FBT001 - it stands for a word
    return f"{'valid' if is_valid else 'invalid'} {what}"


def _figures(name: str, counts: Counter[str], schemas: int) -> list[Figure]:
    """Return the shares of all that the suite has; instances of schemas that do not convert count as neither."""
    every = {kind: sum(counts[_kind(kind, what)] for what in _OUTCOMES) for kind in (True, False)}
    parts = [("schemas converted", schemas - counts["schemas refused"], schemas)]
    parts += [(_kind(kind, what), counts[_kind(kind, what)], every[kind]) for kind in every for what in _OUTCOMES[:2]]
    return [
        Figure(f"{name}: {part}", count / whole, "ratio", note=f"{count:,} of {whole:,}")
        for part, count, whole in parts
    ]


def _ours(engine: Matcher, schema: Any, *, closed: bool) -> _Takes:  # noqa: ANN401 - any JSON
    return _by_grammar(engine, to_gbnf(schema, closed=closed))


def _llama_cpp(engine: Matcher, schema: Any) -> _Takes:  # noqa: ANN401 - any JSON
    from llama_cpp.llama_grammar import json_schema_to_gbnf  # noqa: PLC0415 - its import takes llama.cpp's log

    install()
    return _by_grammar(engine, json_schema_to_gbnf(json.dumps(schema)))


def _by_grammar(engine: Matcher, grammar: str) -> _Takes:
    engine.check(grammar)
    return partial(engine.accepts, grammar)


def _llguidance(*, lenient: bool) -> _Compile:
    """Begin with llguidance; lenient, it passes over the keywords that it does not know, as the others do."""
    version("llguidance")
    from llguidance import LLMatcher, LLTokenizer  # noqa: PLC0415 - a peer; it need not be there

    tokenizer = LLTokenizer("byte")

    def compile_(schema: Any) -> _Takes:  # noqa: ANN401 - any JSON
        grammar = LLMatcher.grammar_from_json_schema(schema, overrides={"lenient": lenient})
        if LLMatcher(tokenizer, grammar).is_error():
            raise ValueError("llguidance refuses the schema")

        def takes(text: str) -> bool:
            walk = LLMatcher(tokenizer, grammar)
            tokens = tokenizer.tokenize_str(text)
            return walk.try_consume_tokens(tokens) == len(tokens) and walk.is_accepting()

        return takes

    return compile_
