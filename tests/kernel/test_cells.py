"""``%%llm`` and ``%llm`` in a real kernel."""

from pathlib import Path

import pytest

from tests.kernel.client import Cell, Kernel
from tests.tiny_models import write_cycle, write_llama

HOSTILE = "<script>alert(1)</script> <img src=x onerror=alert(1)> [a](javascript:alert(1)) **bold** "


@pytest.fixture(autouse=True)
def _tiny_model(kernel: Kernel, tiny_model: Path) -> None:
    assert kernel.run(f"%llm load {tiny_model}").reply["status"] == "ok"


@pytest.fixture(scope="module")
def hostile_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cycle(tmp_path_factory.mktemp("models") / "hostile.gguf", HOSTILE, then_eog=True)


@pytest.fixture(scope="module")
def templateless_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_llama(tmp_path_factory.mktemp("models") / "plain.gguf", chat_template=None)


def assert_fails_in_one_line(cell: Cell, name: str, *words: str) -> None:
    assert (cell.reply["status"], cell.reply["ename"]) == ("error", name)
    shown = cell.stderr if name == "UsageError" else "\n".join(cell.error[1])
    assert len(shown.strip().splitlines()) == 1
    for word in words:
        assert word in shown


def test_the_answer_streams_and_ends_static(kernel: Kernel, slow_model: Path) -> None:
    kernel.run(f"%llm load {slow_model}")
    cell = kernel.run("%%llm --max-tokens 300 --temperature 0\nword")
    first, *updates = cell.of_type("display_data", "update_display_data")
    assert len(cell.of_type("display_data")) == 1
    assert "starting" in first["data"]["text/html"]
    assert any("writing" in update["data"]["text/html"] for update in updates)
    (output,) = cell.displays
    assert set(output) == {"text/html", "text/plain"}
    assert output["text/plain"] == eval(kernel.value("_llm.text")).replace("\x7f", "\ufffd")  # noqa: S307 - a repr
    assert "300 tokens" in output["text/html"]
    assert "cut off at --max-tokens" in output["text/html"]


def test_a_timeout_ends_the_answer_and_no_more(kernel: Kernel, slow_model: Path) -> None:
    cell = kernel.run(f"%%llm --model {slow_model} --max-tokens 100000 --timeout 0.5\nword")
    assert cell.reply["status"] == "ok"
    assert "cut off at --timeout" in cell.displays[0]["text/html"]
    assert kernel.value("_llm.finish_reason") == "'timeout'"


def test_it_paints_at_most_ten_times_a_second(kernel: Kernel, slow_model: Path) -> None:
    cell = kernel.run(f"%%llm --model {slow_model} --max-tokens 300 --temperature 0\nword")
    paints = cell.of_type("display_data", "update_display_data")
    seconds = float(kernel.value("_llm.stats.total_time"))
    assert 3 <= len(paints) <= 10 * seconds + 3  # and the first, the start of the generation, and the last


def test_where_nobody_looks_on_it_displays_once(kernel: Kernel) -> None:
    cell = kernel.run("%%llm --max-tokens 20 --temperature 0\nword", allow_stdin=False)
    (only,) = cell.of_type("display_data", "update_display_data")
    assert only["transient"] == {}
    again = kernel.run("%%llm --max-tokens 20 --temperature 0\nword", allow_stdin=False)
    assert again.displays == cell.displays


def test_what_a_model_writes_is_inert(kernel: Kernel, hostile_model: Path) -> None:
    cell = kernel.run(f"%%llm --model {hostile_model}\nword")
    for content in cell.of_type("display_data", "update_display_data"):
        assert "text/markdown" not in content["data"]
        shown = content["data"]["text/html"]
        assert "<script" not in shown
        assert "<img" not in shown
        assert 'href="javascript' not in shown
    (output,) = cell.displays
    assert "<strong>bold</strong>" in output["text/html"]
    assert output["text/plain"] == HOSTILE
    assert kernel.value("_llm.finish_reason") == "'stop'"


def test_out_keeps_the_response(kernel: Kernel) -> None:
    kernel.run("%%llm --max-tokens 5 --temperature 0 --out story\nword")
    assert kernel.value("story is _llm, type(story).__name__, story.stats.generated_tokens") == "(True, 'Response', 5)"


def test_raw_and_chat_read_the_prompt_differently(kernel: Kernel) -> None:
    kernel.run("%%llm --max-tokens 1 --raw\nword")
    raw = int(kernel.value("_llm.stats.prompt_tokens"))
    kernel.run("%%llm --max-tokens 1\nword")
    chat = int(kernel.value("_llm.stats.prompt_tokens"))
    kernel.run('%%llm --max-tokens 1 --system "Be brief."\nword')
    assert raw < chat < int(kernel.value("_llm.stats.prompt_tokens"))


def test_seed_and_stop_are_heeded(kernel: Kernel, hostile_model: Path) -> None:
    answers = []
    for seed in (1, 1, 2):
        kernel.run(f"%%llm --max-tokens 30 --temperature 1.0 --top-p 0.9 --seed {seed}\nword")
        answers.append(kernel.value("_llm.text"))
    assert answers[0] == answers[1] != answers[2]
    kernel.run(f"%%llm --model {hostile_model} --stop bold\nword")
    assert kernel.value("_llm.text") == repr(HOSTILE.split("bold", 1)[0])


def test_a_model_without_a_chat_template_is_said_in_one_line(kernel: Kernel, templateless_model: Path) -> None:
    cell = kernel.run(f"%%llm --model {templateless_model} --max-tokens 3\nword")
    assert cell.reply["status"] == "ok"
    assert "no chat template" in cell.displays[0]["text/html"]


def test_status_show_and_unload(kernel: Kernel, tiny_model: Path) -> None:
    kernel.run("%%llm --max-tokens 5 --temperature 0\nword")
    assert "tiny.gguf (current): context of 2,048 tokens" in kernel.run("%llm status").stdout
    shown = kernel.run("%llm show")
    (only,) = shown.of_type("display_data", "update_display_data")
    assert only["data"]["text/plain"] == eval(kernel.value("_llm.text"))  # noqa: S307 - a repr
    assert "tiny.gguf" in kernel.run("%llm unload").stdout
    assert "current" not in kernel.run("%llm status").stdout
    assert kernel.run("%llm unload").stdout == "no model was loaded\n"


def test_a_cell_model_does_not_become_the_current_one(kernel: Kernel, hostile_model: Path) -> None:
    kernel.run(f"%%llm --model {hostile_model}\nword")
    kernel.run("%%llm --max-tokens 1\nword")
    assert kernel.value("_llm.model.endswith('tiny.gguf')") == "True"


def test_without_a_model_it_takes_the_environment_s_then_the_bundled_one(kernel: Kernel, tiny_model: Path) -> None:
    kernel.run("%llm unload")
    kernel.run(f"import os; os.environ['CYLLAMA_MODEL'] = {str(tiny_model)!r}")
    kernel.run("%%llm --max-tokens 1\nword")
    assert kernel.value("_llm.model.endswith('tiny.gguf')") == "True"
    kernel.run("del os.environ['CYLLAMA_MODEL']")
    kernel.run("%llm unload")
    kernel.run("%%llm --max-tokens 1\nword")
    assert "SmolLM2" in kernel.value("_llm.model")


def test_help_prints_the_options(kernel: Kernel) -> None:
    for asking in ("%%llm --help", "%%llm --help\nword", "%llm --help"):
        shown = kernel.run(asking).stdout
        for option in ("--max-tokens", "--temperature", "--top-p", "--seed", "--system", "--raw", "--stop", "--out"):
            assert option in shown


@pytest.mark.parametrize(
    ("code", "name", "words"),
    [
        ("%%llm --max-token 5\nword", "UsageError", ["--max-token", "did you mean --max-tokens?"]),
        ("%%llm --temprature 0\nword", "UsageError", ["did you mean --temperature?"]),
        ("%%llm --max-tokens many\nword", "UsageError", ["--max-tokens", "'many'"]),
        ("%%llm --top-p 3\nword", "UsageError", ["--top-p", "3"]),
        ("%%llm --out 3x\nword", "UsageError", ["--out", "'3x'"]),
        ("%%llm --system 'open\nword", "UsageError", ["quote"]),
        ("%%llm\n  \n", "UsageError", ["empty"]),
        ("%llm lod x.gguf", "UsageError", ["did you mean load?"]),
        ("%llm", "UsageError", ["needs a command"]),
        ("%llm load nothing.gguf", "ModelNotFoundError", ["nothing.gguf"]),
        ("%%llm --model nothing.gguf\nword", "ModelNotFoundError", ["nothing.gguf"]),
        ("%llm load .", "ModelFileError", ["directory"]),
        ("%%llm --raw\n" + "word " * 2000, "ContextOverflow", ["6,001", "2,048"]),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_fails_the_cell(
    kernel: Kernel, code: str, name: str, words: list[str]
) -> None:
    assert_fails_in_one_line(kernel.run(code), name, *words)
    assert kernel.run("%%llm --max-tokens 1\nword").reply["status"] == "ok"


def test_off_the_main_thread_it_works(kernel: Kernel) -> None:
    cell = kernel.run(
        "import threading\n"
        "t = threading.Thread(target=get_ipython().run_cell_magic, args=('llm', '--max-tokens 4', 'word'))\n"
        "t.start(); t.join()"
    )
    assert cell.reply["status"] == "ok"
    assert kernel.value("_llm.stats.generated_tokens") == "4"


def test_unloading_the_extension_takes_everything_away(kernel: Kernel) -> None:
    kernel.run("from cyllama_jupyter.notebook import magics")
    kernel.run("llm = next(iter(magics._registered.values()))._session.shelf.current")
    assert kernel.run("%unload_ext cyllama_jupyter").reply["status"] == "ok"
    assert kernel.value("llm.closed") == "True"
    assert kernel.run("%%llm\nword").reply["status"] == "error"
    assert kernel.run("%load_ext cyllama_jupyter").reply["status"] == "ok"
    assert kernel.run("%%llm --max-tokens 1\nword").reply["status"] == "ok"
