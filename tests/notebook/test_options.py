"""The line of a ``%%llm`` cell."""

from dataclasses import asdict, fields

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.error import UsageError

from cyllama_jupyter.config import GenerationConfig
from cyllama_jupyter.notebook.options import CellOptions, help_text, parse
from cyllama_jupyter.notebook.parsing import nearest

GOOD = [
    ("", {}),
    ("   ", {}),
    ("--max-tokens 20", {"max_tokens": 20}),
    ("--timeout 1.5", {"timeout": 1.5}),
    ("--max-tokens=20", {"max_tokens": 20}),
    ("--temperature 0 --top-p 0.5 --seed -1", {"temperature": 0.0, "top_p": 0.5, "seed": -1}),
    ("--system 'You are terse.'", {"system": "You are terse."}),
    ('--system "It\'s me"', {"system": "It's me"}),
    ('--system ""', {"system": ""}),
    ('--system "- be nice"', {"system": "- be nice"}),
    ("--system '# heading'", {"system": "# heading"}),
    ("--raw", {"raw": True}),
    ("--stop END", {"stop": ("END",)}),
    ('--stop "\\n\\n" --stop END', {"stop": ("\n\n", "END")}),
    (r"--stop \n", {"stop": ("\n",)}),
    (r"--stop a\tb", {"stop": ("a\tb",)}),
    (r"--stop a\\nb", {"stop": (r"a\nb",)}),
    (r"--stop \x", {"stop": (r"\x",)}),
    ("--stop a\\", {"stop": ("a\\",)}),
    ("--stop=---", {"stop": ("---",)}),
    ("--stop ###", {"stop": ("###",)}),
    ("--out answer", {"out": "answer"}),
    ("--out größe", {"out": "größe"}),
    (r"--model C:\models\a.gguf", {"model": r"C:\models\a.gguf"}),
    ("--model 'my models/a.gguf'", {"model": "my models/a.gguf"}),
    ("-f notes.txt --file 'b c.md'", {"file": ("notes.txt", "b c.md")}),
    ("--attach df --attach x", {"attach": ("df", "x")}),
    (r"--prefix 'Dear\n'", {"prefix": "Dear\n"}),
    ("--chat physics --continue", {"chat": "physics", "continue_": True}),
    ("--as table", {"as_": "table"}),
    ("--schema Person", {"schema": "Person"}),
    ("--grammar a.gbnf", {"grammar": "a.gbnf"}),
    ("--n 4 --logprobs 3", {"n": 4, "logprobs": 3}),
    ("--dry-run --debug", {"dry_run": True, "debug": True}),
    ("--help", {"help": True}),
]

BAD = [
    ("--temprature 1", "there is no option --temprature; did you mean --temperature?"),
    ("--temprature=1", "there is no option --temprature; did you mean --temperature?"),
    ("--timeout 0", "--timeout needs a number of seconds above 0, not 0"),
    ("--timeout soon", "--timeout needs a number, not 'soon'"),
    ("--max_tokens 5", "there is no option --max_tokens; did you mean --max-tokens?"),
    ("--max 5", "did you mean --max-tokens?"),  # no abbreviations: an option that comes later could make it ambiguous
    ("-max-tokens 5", "there is no option -max-tokens; did you mean --max-tokens?"),
    ("--zzz", "there is no option --zzz; %%llm --help lists them"),
    ("seed 5", "%%llm does not take 'seed'; did you mean --seed?"),
    ("Why is the sky blue?", "%%llm does not take 'Why'; the prompt goes on the lines below"),
    ("--system You are terse", "%%llm does not take 'are'"),
    ("--TEMP 1", "there is no option --TEMP; did you mean --temperature?"),
    ("--seed", "--seed needs a value"),
    ("--seed --raw", "--seed needs a value"),
    ("--stop ---", "--stop needs a value (one that begins with a dash is written --stop=VALUE)"),
    ("--raw=1", "--raw takes no value"),
    ("--max-tokens many", "--max-tokens needs a whole number, not 'many'"),
    ("--max-tokens 1.5", "--max-tokens needs a whole number, not '1.5'"),
    ("--temperature hot", "--temperature needs a number, not 'hot'"),
    ("--top-p ''", "--top-p needs a number, not ''"),
    ("--out 1st", "--out needs the name of a variable, not '1st'"),
    ("--out a.b", "--out needs the name of a variable, not 'a.b'"),
    ("--out class", "--out needs the name of a variable, not 'class'"),
    ("--system 'a", "a quote is not closed"),
    ("--system It's", "a quote is not closed"),
    ('--system "say \\"hi\\""', "a backslash does not quote a quote here"),
    ("--max-tokens -2", "--max-tokens must be an integer from 0 up, got -2"),
    ("--temperature -1", "--temperature must be"),
    ("--temperature nan", "temperature must be"),
    ("--top-p 3", "--top-p must be"),
    ("--top-p inf", "--top-p must be"),
    ("--seed -2", "--seed must be"),
    ("--stop ''", "--stop must be"),
    ("-\x1e", r"there is no option '-\x1e'; %%llm --help lists them"),
    ("Hello", "%%llm does not take 'Hello'; the prompt goes on the lines below"),
    ("A poem", "%%llm does not take 'A'; the prompt goes on the lines below"),
    ("temprature 1", "%%llm does not take 'temprature'; did you mean --temperature?"),
    ("--as jsn", "--as needs one of json, code, list, int, float, bool, table, not 'jsn'; did you mean json?"),
    ("--as json --schema A", "--as and --schema both say what the answer is"),
    ("--grammar g --schema A", "--schema and --grammar both say"),
    ("--as int --stop 9", "--stop could cut the answer short of what --as wants"),
    ("--n 0", "--n needs a number of answers from 1 to 16, not 0"),
    ("--n 2 --chat a", "a conversation goes on with one answer"),
    ("--chat ''", "--chat needs a value"),
    ("--prefix a --continue", "--continue goes on with what was asked: leave out --prefix"),
    ("--continue --as int", "--continue goes on with what was asked: leave out --as"),
    ("--dry-run --continue", "leave out --dry-run"),
    ("--raw --chat a", "leave out --raw or --chat"),
    ("--raw --system hello", "--system has no place in a --raw prompt"),
]


@pytest.mark.parametrize(("line", "wanted"), GOOD)
def test_reads(line: str, wanted: dict[str, object]) -> None:
    assert asdict(parse(line)) == {**asdict(CellOptions()), **wanted}


@pytest.mark.parametrize(("line", "message"), BAD)
def test_complains_in_one_line(line: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(line)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_names_every_value_out_of_range() -> None:
    with pytest.raises(UsageError, match=r"^--max-tokens must.*; --top-p must"):
        parse("--top-p 3 --max-tokens -2")


def test_only_what_was_given_replaces_the_models_settings() -> None:
    base = GenerationConfig(max_tokens=7, temperature=0.1, top_k=3, n_ctx=256, stop_sequences=("X",))
    config = parse("--temperature 0.9").over(base)
    assert (config.max_tokens, config.temperature, config.top_k, config.n_ctx) == (7, 0.9, 3, 256)
    assert tuple(config.stop_sequences) == ("X",)
    assert tuple(parse("--stop Y").over(base).stop_sequences) == ("Y",)


def test_zero_is_given() -> None:
    config = parse("--temperature 0 --max-tokens 0 --seed 0").over(GenerationConfig())
    assert (config.temperature, config.max_tokens, config.seed) == (0.0, 0, 0)


def test_help_names_every_option_and_two_examples() -> None:
    text = help_text()
    assert all(f"--{field.name.rstrip('_').replace('_', '-')}" in text for field in fields(CellOptions))
    assert text.count("\n  %%llm ") == 4
    assert "%%%" not in text
    assert max(map(len, text.splitlines())) <= 100
    for line in text.splitlines():
        if line.startswith("  %%llm "):
            parse(line.removeprefix("  %%llm"))


@pytest.mark.parametrize(
    ("word", "hint"), [("lod", "; did you mean load?"), ("stat", "; did you mean status?"), ("xyz", "")]
)
def test_nearest(word: str, hint: str) -> None:
    assert nearest(word, ["load", "unload", "status", "show"]) == hint


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_line_is_read_or_refused_in_one_line(line: str) -> None:
    try:
        parse(line)
    except UsageError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017 - most lines are refused, some are not


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="'\\"), min_size=1))
def test_a_quoted_text_arrives_as_it_is(text: str) -> None:
    assert parse(f"--system='{text}'").system == text
