"""The generated models do what their docstrings say, as seen through the llama-cpp-python package."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from cyllama_jupyter import LLM, GenerationConfig
from tests.tiny_models import (
    CHATML,
    EMOJI_TEXT,
    write_bert_like,
    write_cycle,
    write_emoji,
    write_gemma3,
    write_jamba,
    write_llama,
    write_mamba,
    write_slow,
    write_t5_encoder,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Writer = Callable[[Path], Path]

# Equal bytes with different successors, a line break, and all lengths of a UTF-8 character.
TEXT = "# Süße Grüße\n\n- 👋🏽 zzz\n- 世界 `aab`\n"
PROMPTS = ("Hello", "世界", "<0xC3>#7", "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n")

# In a process of its own: our extension must be the first to load libllama, and llama_cpp would be.
PROBE = """
import json, sys
import llama_cpp

def generate(llm, prompt, n_tokens, temperature):
    pieces = []
    tokens = llm.tokenize(prompt.encode(), add_bos=False, special=True)
    for token in llm.generate(tokens, temp=temperature, top_k=0, top_p=1.0, min_p=0.0):
        if llama_cpp.llama_vocab_is_eog(llm._model.vocab, token):
            return {"pieces": pieces, "ended": True}
        pieces.append(llm.detokenize([token]).hex())
        if len(pieces) == n_tokens:
            return {"pieces": pieces, "ended": False}

def load(path):
    return llama_cpp.Llama(path, n_ctx=512, n_threads=1, flash_attn=False, verbose=False, seed=1)

def facts(llm):
    model = llm._model.model
    return {
        "decoder": llama_cpp.llama_model_has_decoder(model),
        "recurrent": llama_cpp.llama_model_is_recurrent(model),
        "hybrid": llama_cpp.llama_model_is_hybrid(model),
        "n_swa": llama_cpp.llama_model_n_swa(model),
        "memory": bool(llama_cpp.llama_get_memory(llm._ctx.ctx)),
        "template": llm.metadata.get("tokenizer.chat_template"),
    }

models = {path: load(path) for path in sys.argv[1:]}
jobs = json.load(sys.stdin)
answers = [generate(models[path], *job) for path, *job in jobs]
json.dump({"facts": {path: facts(llm) for path, llm in models.items()}, "answers": answers}, sys.stdout)
"""


class Answer(NamedTuple):
    """What a model said: each token's bytes, and whether it ended of itself."""

    pieces: list[bytes]
    ended: bool

    @property
    def text(self) -> str:
        return b"".join(self.pieces).decode(errors="replace")


Job = tuple["Path", str, int, float]


def _probe(models: list[Path], jobs: list[Job] | None = None) -> dict[str, Any]:
    asked = [(str(path), *job) for path, *job in jobs or []]
    command = [sys.executable, "-c", PROBE, *map(str, models)]
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _generate(path: Path, jobs: list[tuple[str, int, float]]) -> list[Answer]:
    answers = _probe([path], [(path, *job) for job in jobs])["answers"]
    return [Answer([bytes.fromhex(piece) for piece in answer["pieces"]], answer["ended"]) for answer in answers]


@pytest.mark.parametrize(
    "write",
    [
        write_llama,
        write_mamba,
        write_jamba,
        write_gemma3,
        write_emoji,
        write_bert_like,
        write_t5_encoder,
        lambda path: write_cycle(path, TEXT),
    ],
)
def test_the_same_call_writes_the_same_bytes(write: Writer, tmp_path: Path) -> None:
    assert write(tmp_path / "a.gguf").read_bytes() == write(tmp_path / "b.gguf").read_bytes()


@pytest.mark.parametrize("write", [write_llama, write_mamba, write_jamba, write_gemma3])
def test_a_random_model_speaks_long_and_from_its_whole_context(write: Writer, tmp_path: Path) -> None:
    path = write(tmp_path / "model.gguf")
    greedy, again, other_start, sampled = _generate(
        path, [("Hello you", 200, 0.0), ("Hello you", 200, 0.0), ("Cello you", 200, 0.0), ("Hello you", 200, 1.0)]
    )
    assert greedy == again
    assert len({greedy.text, other_start.text, sampled.text}) == 3
    assert not any(answer.ended for answer in (greedy, other_start, sampled))
    spans = {tuple(greedy.pieces[start : start + 4]) for start in range(197)}
    assert len(spans) > 80, f"the answer runs in a loop: {greedy.text}"


def test_llama_cpp_says_what_memory_a_model_has(tmp_path: Path) -> None:
    llama, mamba = write_llama(tmp_path / "llama.gguf"), write_mamba(tmp_path / "mamba.gguf")
    jamba, gemma3 = write_jamba(tmp_path / "jamba.gguf"), write_gemma3(tmp_path / "gemma3.gguf")
    facts = _probe([llama, mamba, jamba, gemma3])["facts"]
    kinds = [tuple(facts[str(path)][fact] for fact in ("recurrent", "hybrid", "n_swa")) for path in facts]
    assert kinds == [(False, False, 0), (True, False, 0), (False, True, 0), (False, False, 32)]


@pytest.mark.parametrize("write", [write_mamba, write_jamba, write_gemma3])
def test_our_engine_generates_the_same_greedy_text_twice(write: Writer, tmp_path: Path) -> None:
    config = GenerationConfig(max_tokens=50, temperature=0.0)
    with LLM(write(tmp_path / "model.gguf"), n_ctx=512) as llm:
        first, again, other = (llm(prompt, config).text for prompt in ("Hello you", "Hello you", "Cello you"))
    assert first == again
    assert first != other


def test_the_window_hides_what_lies_before_it(tmp_path: Path) -> None:
    paths = [write_gemma3(tmp_path / f"{window}.gguf", window=window) for window in (16, 32, 256, 512)]
    jobs: list[Job] = [(path, "Hello you " * 6, 30, 0.0) for path in paths]
    narrow, wider, *whole = ("".join(answer["pieces"]) for answer in _probe(paths, jobs)["answers"])
    assert whole[0] == whole[1], "wider than the text"
    assert len({narrow, wider, whole[0]}) == 3


def test_every_kind_of_weight_loads(tmp_path: Path) -> None:
    paths = [
        write_llama(tmp_path / "f32.gguf", weight_type="F32", chat_template=None),
        write_llama(tmp_path / "q8_0.gguf", weight_type="Q8_0"),
        write_slow(tmp_path / "slow.gguf"),
    ]
    facts = _probe(paths)["facts"]
    assert [facts[str(path)]["template"] for path in paths] == [None, CHATML, CHATML]
    assert 30e6 < paths[-1].stat().st_size < 60e6


def test_a_cycle_says_its_text_again_and_again_after_any_prompt(tmp_path: Path) -> None:
    path = write_cycle(tmp_path / "model.gguf", TEXT)
    twice = 2 * len(TEXT.encode())
    for answer in _generate(path, [(prompt, twice, temperature) for prompt in PROMPTS for temperature in (0.0, 1.0)]):
        assert answer.text == TEXT * 2


def test_a_cycle_can_end_after_its_text(tmp_path: Path) -> None:
    (answer,) = _generate(write_emoji(tmp_path / "model.gguf", then_eog=True), [("Hello", 1000, 0.0)])
    assert answer == Answer([bytes([byte]) for byte in EMOJI_TEXT.encode()], ended=True)


def test_encoders_load_and_have_no_way_to_generate(tmp_path: Path) -> None:
    bert, t5 = write_bert_like(tmp_path / "bert.gguf"), write_t5_encoder(tmp_path / "t5.gguf")
    facts = _probe([bert, t5])["facts"]
    assert not facts[str(bert)]["memory"]
    assert not facts[str(t5)]["decoder"]


def test_dimensions_that_llama_cpp_would_die_of_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="do not fit together"):
        write_llama(tmp_path / "model.gguf", n_embd=66)
    with pytest.raises(ValueError, match="block of 32"):
        write_llama(tmp_path / "model.gguf", n_embd=80, n_head=4, weight_type="Q8_0")
    with pytest.raises(ValueError, match="not empty"):
        write_cycle(tmp_path / "model.gguf", "")
