"""A conversation of ten turns: the time to the first token of each, and what of its prompt was computed anew."""

import statistics
import time
from typing import NamedTuple

from benchmarks.figure import Figure
from benchmarks.models import prose
from cyllama_jupyter import LLM, GenerationConfig
from cyllama_jupyter.notebook.conversation import Conversation

CHATS = 3
TURNS = 10
QUESTION = 28  # words: with the template around them some 40 tokens
ANSWER = GenerationConfig(max_tokens=60, temperature=0.8, seed=7)
WARM_UP = GenerationConfig(max_tokens=1)


class Turn(NamedTuple):
    """What one turn took.

    Args:
        seconds: From the call to the first text.
        prompt: Tokens of the prompt.
        new: Tokens of it that had to be computed.
        asked: Tokens of it that were not there when the last answer ended: the question and the template around it.
    """

    seconds: float
    prompt: int
    new: int
    asked: int


def measure() -> list[Figure]:
    """Measure on SmolLM2, print a row for each turn, and return the ratios."""
    with LLM(n_ctx=4096) as llm:
        llm(prose(0, 50), WARM_UP)
        chats = [_chat(llm, seed) for seed in range(1, CHATS + 1)]
    turns = list(zip(*chats, strict=True))
    print("| turn | time to first token | prompt | computed anew | the question |\n|---|---|---|---|---|")
    for number, same in enumerate(turns, 1):
        print(f"| {number} | {1000 * _median(same, 'seconds'):.0f} ms | " + _tokens(same) + " |")
    return [_growth(turns), _excess(turns)]


def _chat(llm: LLM, seed: int) -> list[Turn]:
    conversation = Conversation(f"chat {seed}")
    turns: list[Turn] = []
    known = 0
    for number in range(TURNS):
        with conversation.ask(prose(100 * seed + number, QUESTION), system=f"You are guide number {seed}.") as asked:
            started = time.perf_counter()
            generation = llm.submit_chat(asked.messages, ANSWER)
            next(generation, "")
            seconds = time.perf_counter() - started
            response = generation.result()
            asked.answer(response)
        stats = response.stats
        if stats is None:
            raise RuntimeError("a generation of an LLM has figures")
        turns.append(
            Turn(seconds, stats.prompt_tokens, stats.prompt_tokens - stats.reused_tokens, stats.prompt_tokens - known)
        )
        known = stats.prompt_tokens + stats.generated_tokens
    return turns


def _growth(turns: list[tuple[Turn, ...]]) -> Figure:
    second, last = turns[1], turns[-1]
    ratio = statistics.median(late.seconds / early.seconds for early, late in zip(second, last, strict=True))
    note = (
        f"median of {CHATS} chats with answers of at most {ANSWER.max_tokens} tokens, SmolLM2; prompts of "
        f"{_median(second, 'prompt'):,.0f} and {_median(last, 'prompt'):,.0f} tokens"
    )
    return Figure(f"time to first token, turn {TURNS} of a chat ÷ turn 2", ratio, "ratio", 1.3, note=note)


def _excess(turns: list[tuple[Turn, ...]]) -> Figure:
    later = [turn for same in turns[1:] for turn in same]
    excess = sum(turn.new for turn in later) / sum(turn.asked for turn in later)
    worst = max(turn.new - turn.asked for turn in later)
    note = f"over turns 2 to {TURNS} of {CHATS} chats; the answer before was read again in {worst} tokens at most"
    return Figure("tokens of a turn computed anew ÷ those of its question", excess, "ratio", 1.1, note=note)


def _tokens(turns: tuple[Turn, ...]) -> str:
    return " | ".join(f"{_median(turns, name):,.0f} tokens" for name in ("prompt", "new", "asked"))


def _median(turns: tuple[Turn, ...], name: str) -> float:
    return statistics.median(float(getattr(turn, name)) for turn in turns)
