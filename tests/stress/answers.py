"""What the stress tests ask for, and how an undisturbed answer reads.

The model says one text whatever the prompt. Beside others in a batch the last bits of its numbers differ, which changes
no token of it; a random model could answer otherwise there, so its texts are compared where it answers alone.
"""

from cyllama_jupyter import LLM, Generation, GenerationConfig, Response

__all__ = ["ENDLESS", "SHARED", "TEXT", "check", "check_next", "greedy", "prompt", "submit"]

TEXT = "Zwölf Boxkämpfer jagen Viktor über den Sylter Deich 👋🏽. "

SHARED = "word " * 70
"""What many prompts begin with: more tokens than an idle sequence has to hold to be kept."""

ENDLESS = 1_000_000


def greedy(max_tokens: int) -> GenerationConfig:
    """Return settings whose answer is always the same."""
    return GenerationConfig(max_tokens=max_tokens, temperature=0.0)


def prompt(number: int) -> str:
    """Return one of many prompts: short, long, and beginning as others do."""
    return [f"{number}", f"{number} " + SHARED, SHARED + f"{number}", SHARED * 2 + f"{number % 5}"][number % 4]


def check(response: Response, max_tokens: int, *reasons: str) -> None:
    """Assert that an answer ended for one of these reasons and is the text up to there."""
    assert response.finish_reason in reasons, f"{response.finish_reason}: {response!r}"
    repeated = TEXT * (len(response) // len(TEXT) + 1)
    assert repeated.startswith(response), f"not the text: {response!r}"
    if response.finish_reason == "length" and max_tokens != ENDLESS:  # an endless one ends with the context
        assert response == whole(max_tokens)


def whole(max_tokens: int) -> str:
    """Return what so many tokens say: a byte each, and whole characters alone."""
    encoded = TEXT.encode() * (max_tokens // len(TEXT) + 1)
    return encoded[:max_tokens].decode(errors="ignore")


def submit(llm: LLM, number: int, max_tokens: int, timeout: float | None = None) -> Generation:
    """Queue an answer."""
    return llm.submit(prompt(number), greedy(max_tokens), timeout)


def check_next(llm: LLM) -> None:
    """Assert that an answer that nobody disturbs is right."""
    check(submit(llm, 0, 12).result(), 12, "length")
