"""Conversations in a real kernel with the real SmolLM2."""

import json
from pathlib import Path

import pytest

from tests.kernel.client import Kernel


@pytest.fixture(autouse=True, scope="module")
def _smollm2(kernel: Kernel, smollm2: Path) -> None:
    assert kernel.run(f"%llm load {smollm2}").reply["status"] == "ok"


def ask(kernel: Kernel, chat: str, text: str, options: str = "") -> str:
    cell = kernel.run(f"%%llm --chat {chat} --temperature 0 --max-tokens 40 {options}\n{text}")
    assert cell.reply["status"] == "ok", cell.reply
    return str(eval(kernel.value("_llm.text")))  # noqa: S307 - a repr


def test_it_knows_what_was_said_and_reads_only_what_is_new(kernel: Kernel) -> None:
    ask(kernel, "names", "The code word is heron.")
    assert "heron" in ask(kernel, "names", "What is the code word?")
    assert kernel.value("_llm.stats.reused_tokens > _llm.stats.prompt_tokens / 2") == "True"
    assert "heron" not in ask(kernel, "others", "What is the code word?")


def test_undo_fork_and_reset(kernel: Kernel) -> None:
    ask(kernel, "base", "My cat is called Tom.")
    kernel.run("%llm chats fork copy")
    ask(kernel, "copy", "My dog is called Rex.")
    kernel.run("%llm chats undo --chat copy")
    assert ask(kernel, "copy", "What is my cat called?") == ask(kernel, "base", "What is my cat called?")
    kernel.run("%llm chats reset --chat copy")
    text = kernel.run("%%llm --chat copy --dry-run\nHi").displays[-1]["text/plain"]
    assert "Tom" not in text


def test_an_answer_that_was_cut_off_goes_on_to_what_it_would_have_been(kernel: Kernel) -> None:
    question = "Count from one to twenty in words."
    kernel.run(f"%%llm --chat whole --temperature 0 --max-tokens 60\n{question}")
    kernel.run("whole = _llm.text")
    kernel.run(f"%%llm --chat parts --temperature 0 --max-tokens 7\n{question}")
    for _ in range(2):
        cell = kernel.run("%%llm --chat parts --continue --temperature 0 --max-tokens 15")
        assert cell.reply["status"] == "ok", cell.reply
    assert kernel.value("whole.startswith(_llm.text) and len(_llm.text) > 30") == "True"
    kernel.run("%%llm --continue --temperature 0 --max-tokens 23")  # the last answer's conversation
    assert kernel.value("_llm.text == whole") == "True"


def test_without_a_conversation_too(kernel: Kernel) -> None:
    kernel.run("%%llm --temperature 0 --max-tokens 40 --raw\nOnce upon a time")
    kernel.run("whole = _llm.text")
    kernel.run("%%llm --temperature 0 --max-tokens 11 --raw\nOnce upon a time")
    kernel.run("%%llm --continue --temperature 0 --max-tokens 29")
    assert kernel.value("_llm.text == whole") == "True"


def test_what_is_whole_is_not_gone_on_with(kernel: Kernel) -> None:
    kernel.run("%%llm --temperature 0 --chat brief\nSay only: yes.")
    if kernel.value("_llm.finish_reason") != "'stop'":
        pytest.fail("the model was to end this answer by itself")
    assert kernel.run("%%llm --chat brief --continue").reply["ename"] == "ConversationError"


def test_files(kernel: Kernel, tmp_path: Path) -> None:
    ask(kernel, "kept", "The code word is heron.")
    kernel.run(f"%llm chats save '{tmp_path}/kept.json' --chat kept")
    roles = [message["role"] for message in json.loads((tmp_path / "kept.json").read_text())["messages"]]
    assert roles == ["user", "assistant"]
    kernel.run(f"%llm chats load '{tmp_path}/kept.json' --chat again")
    assert "heron" in ask(kernel, "again", "What is the code word?")


def test_a_failed_turn_changes_nothing(kernel: Kernel) -> None:
    ask(kernel, "steady", "The code word is heron.")
    assert kernel.run(f"%%llm --chat steady\n{'word ' * 20_000}").reply["ename"] == "ContextOverflow"
    assert kernel.run("%%llm --chat steady\n{{ undefined }}").reply["ename"] == "PromptError"
    assert "heron" in ask(kernel, "steady", "What is the code word?")


def test_an_answer_that_was_stopped_before_its_first_token_goes_on(kernel: Kernel) -> None:
    kernel.run("%%llm --temperature 0 --max-tokens 12 --raw\nLong, long ago")
    kernel.run("whole = _llm.text")
    kernel.run("%%llm --temperature 0 --max-tokens 0 --raw\nLong, long ago")
    cell = kernel.run("%%llm --continue --temperature 0 --max-tokens 12")
    assert cell.reply["status"] == "ok", cell.reply
    assert kernel.value("_llm.text == whole") == "True"
    kernel.run("%%llm --chat begun --max-tokens 0\nTell me a story.")
    assert "ask again" in kernel.run("%%llm --chat begun --continue").stderr


def test_what_a_stopped_job_wrote_is_in_its_variable(kernel: Kernel) -> None:
    kernel.run("story = None")
    kernel.run("%%llm --bg --max-tokens 4000 --out story\nTell me a very long story.")
    kernel.run("%llm stop")
    assert kernel.value("story.finish_reason") == "'cancelled'"
