"""Models from a Hub of our own, through the library's own code: whole, broken off, stopped, missing, offline."""

import importlib.util
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from huggingface_hub import constants

from cyllama_jupyter import LLM, DownloadError, GenerationConfig, LoadCancelled, ModelNotFoundError
from cyllama_jupyter.hub import CachedModel, HubReference, cached, download, parse
from tests.models.conftest import Serve
from tests.models.server import COMMIT, Repository

REPO = "somebody/small-GGUF"
SIZE = 3_000_000
NOISE = """
import atexit, os, sys
print('printed at the start')
def noisy(name, args):
    if name == 'socket.connect':
        print('{"path": "/printed/later"}', flush=True)
        os.write(1, b'{"path": "/from/C"}\\n')
sys.addaudithook(noisy)
"""
PROMPTLY = 1.0  # seconds: a stop ends a process, which takes a few milliseconds


def content(seed: int = 0, size: int = SIZE) -> bytes:
    return random.Random(seed).randbytes(size)


@pytest.fixture
def repository() -> Repository:
    return Repository(REPO, {"README.md": b"hello", "small-Q4_K_M.gguf": content()})


def partial_file(cache: Path) -> Path:
    [found] = cache.rglob("*.incomplete")
    return found


def children() -> list[psutil.Process]:
    mine = psutil.Process().children()
    return [child for child in mine if "cyllama_jupyter.downloading" in child.cmdline()]


def stop_when(condition: Callable[[], bool]) -> Callable[[int, int], bool]:
    return lambda *_: not condition()


class TestWhole:
    def test_a_model_is_fetched_into_the_library_s_cache_and_known_there(
        self, serving: Serve, repository: Repository, cache: Path
    ) -> None:
        serving(repository)
        path = download(parse(f"hf:{REPO}"))
        assert path.read_bytes() == repository.files["small-Q4_K_M.gguf"]
        assert path.parent == cache / "models--somebody--small-GGUF" / "snapshots" / COMMIT
        assert cached() == [CachedModel(f"hf:{REPO}:small-Q4_K_M.gguf", path, SIZE)]

    def test_it_is_fetched_once(self, serving: Serve, repository: Repository) -> None:
        serving(repository)
        assert download(parse(f"hf:{REPO}")) == download(parse(f"hf:{REPO}:q4_k_m"))
        assert repository.ranges == [("small-Q4_K_M.gguf", 0)]

    def test_progress_is_told_in_bytes_and_grows(self, serving: Serve, repository: Repository) -> None:
        repository.stalls_at = SIZE // 2
        seen: list[tuple[int, int]] = []

        def note(done: int, total: int) -> None:
            seen.append((done, total))
            if repository.stalled.is_set() and done:
                repository.stalls_at = None
                repository.over.set()

        serving(repository)
        download(parse(f"hf:{REPO}"), note)
        assert [done for done, _ in seen] == sorted(done for done, _ in seen)
        assert any(0 < done < SIZE for done, _ in seen)
        assert {total for _, total in seen} == {0, SIZE}

    def test_all_parts_of_a_split_model_are_fetched(self, serving: Serve) -> None:
        files = {f"Q8_0/big-Q8_0-0000{part}-of-00003.gguf": content(part, 70_000) for part in (1, 2, 3)}
        repository = Repository(REPO, {**files, "tiny-Q2_K.gguf": b"GGUF"})
        serving(repository)
        totals: set[int] = set()
        path = download(parse(f"hf:{REPO}:Q8_0"), lambda _, total: totals.add(total))
        assert path.name == "big-Q8_0-00001-of-00003.gguf"
        assert sorted(file.read_bytes() for file in path.parent.iterdir()) == sorted(files.values())
        assert [name for name, _ in repository.ranges] == list(files)
        assert totals <= {0, 210_000}

    def test_an_llm_loads_it_by_its_name(self, serving: Serve, tiny_model: Path) -> None:
        serving(Repository(REPO, {"tiny.gguf": tiny_model.read_bytes()}))
        fractions: list[float] = []
        with LLM(f"hf:{REPO}", on_progress=fractions.append) as llm:
            assert llm("word", GenerationConfig(max_tokens=2)).finish_reason == "length"
            assert Path(llm.model_path).name == "tiny.gguf"
        assert all(0 <= fraction <= 1 for fraction in fractions)


class TestBrokenOff:
    def test_a_server_that_breaks_off_is_asked_for_the_rest(self, serving: Serve, repository: Repository) -> None:
        repository.breaks_at, repository.breaks = SIZE // 2, 1
        serving(repository)
        assert download(parse(f"hf:{REPO}")).read_bytes() == repository.files["small-Q4_K_M.gguf"]
        (_, first), (_, second) = repository.ranges
        assert first == 0 < second <= SIZE // 2

    def test_one_that_is_gone_leaves_what_came_and_the_next_call_goes_on(
        self, serving: Serve, repository: Repository, cache: Path
    ) -> None:
        repository.stalls_at = SIZE // 2
        serving(repository)
        with pytest.raises(LoadCancelled):
            download(parse(f"hf:{REPO}"), stop_when(repository.stalled.is_set))
        kept = partial_file(cache).stat().st_size
        repository.stalls_at = None
        assert download(parse(f"hf:{REPO}")).read_bytes() == repository.files["small-Q4_K_M.gguf"]
        assert repository.ranges == [("small-Q4_K_M.gguf", 0), ("small-Q4_K_M.gguf", kept)]
        assert not list(cache.rglob("*.incomplete"))

    def test_what_is_not_what_it_should_be_is_deleted(
        self, serving: Serve, repository: Repository, cache: Path
    ) -> None:
        repository.etags["small-Q4_K_M.gguf"] = "0" * 64
        serving(repository)
        with pytest.raises(DownloadError, match=r"not what the Hub says that it is \(SHA-256\)"):
            download(parse(f"hf:{REPO}"))
        assert not list(cache.rglob("*.incomplete"))
        assert cached() == []

    @pytest.mark.parametrize("etag", ["../../evil", "/etc/passwd", "..", "a" * 200])
    def test_an_etag_that_is_no_name_of_a_file_is_refused(
        self, serving: Serve, repository: Repository, cache: Path, etag: str
    ) -> None:
        repository.etags["small-Q4_K_M.gguf"] = etag
        serving(repository)
        with pytest.raises(DownloadError, match=r"does not say what small-Q4_K_M\.gguf is"):
            download(parse(f"hf:{REPO}"))
        assert repository.ranges == []
        assert not cache.exists()


class TestStopped:
    def test_a_stop_ends_it_at_once_though_the_server_says_nothing(
        self, serving: Serve, repository: Repository, cache: Path
    ) -> None:
        repository.stalls_at = SIZE // 2
        serving(repository)
        asked: list[float] = []

        def stop(done: int, _: int) -> bool:
            if repository.stalled.is_set() and done:
                asked.append(time.monotonic())
            return not asked

        with pytest.raises(
            LoadCancelled, match=r"stopped fetching hf:somebody/small-GGUF at [\d,]+ of 3,000,000 bytes"
        ):
            download(parse(f"hf:{REPO}"), stop)
        assert time.monotonic() - asked[0] < PROMPTLY
        assert children() == []
        assert 0 < partial_file(cache).stat().st_size <= SIZE // 2

    def test_an_interrupt_ends_it_too(self, serving: Serve, repository: Repository) -> None:
        repository.stalls_at = 1000

        def interrupt(*_: int) -> None:
            raise KeyboardInterrupt

        serving(repository)
        with pytest.raises(KeyboardInterrupt):
            download(parse(f"hf:{REPO}"), interrupt)
        assert children() == []

    def test_it_ends_with_the_process_that_wanted_it(self, serving: Serve, repository: Repository, cache: Path) -> None:
        repository.stalls_at = SIZE // 2
        endpoint = serving(repository)
        code = f"from cyllama_jupyter.hub import download, parse\ndownload(parse('hf:{REPO}'))"
        environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HUB_CACHE": str(cache)}
        with subprocess.Popen([sys.executable, "-c", code], env=environment) as parent:
            assert repository.stalled.wait(60)
            [child] = psutil.Process(parent.pid).children()
            parent.kill()
        child.wait(10)
        assert not child.is_running()

    def test_a_load_is_stopped_in_its_download_too(self, serving: Serve, repository: Repository) -> None:
        repository.stalls_at = 1000
        serving(repository)
        with pytest.raises(LoadCancelled):
            LLM(f"hf:{REPO}", on_progress=lambda _: not repository.stalled.is_set())
        assert children() == []


class TestNotThere:
    def test_a_repository(self, serving: Serve, repository: Repository) -> None:
        serving(repository)
        with pytest.raises(ModelNotFoundError, match="there is no repository 'somebody/else' on the Hugging Face Hub"):
            download(parse("hf:somebody/else"))

    def test_a_file(self, serving: Serve, repository: Repository) -> None:
        serving(repository)
        with pytest.raises(ModelNotFoundError, match=r"no one model 'Q8_0': name one of small-Q4_K_M\.gguf"):
            download(parse(f"hf:{REPO}:Q8_0"))

    @pytest.mark.parametrize("wrong", ["hf:", "hf:a", "hf:a/b/c", "hf:../b", "hf:a/b:", "hf:a/b:c d", "hf:a/b:c:d"])
    def test_a_reference_of_another_form(self, wrong: str) -> None:
        with pytest.raises(ModelNotFoundError, match="names no model of the Hub: write hf:owner/repo"):
            parse(wrong)

    def test_a_reference_is_what_was_written(self) -> None:
        assert parse("hf:a/b") == HubReference("a/b", "")
        assert [str(parse(text)) for text in ("hf:a/b", "hf:a/b-1.5:x/y.gguf")] == ["hf:a/b", "hf:a/b-1.5:x/y.gguf"]


class TestOffline:
    def test_what_lies_in_the_cache_is_used(
        self, serving: Serve, repository: Repository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        serving(repository)
        path = download(parse(f"hf:{REPO}"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        assert download(parse(f"hf:{REPO}:Q4_K_M")) == path
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
        assert download(parse(f"hf:{REPO}")) == path

    def test_else_the_error_says_so_and_what_there_is(
        self, serving: Serve, repository: Repository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        serving(repository)
        download(parse(f"hf:{REPO}"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        with pytest.raises(
            DownloadError, match=rf"HF_HUB_OFFLINE is set\), and its cache holds hf:{REPO}:small-Q4_K_M.gguf: go online"
        ):
            download(parse("hf:somebody/else"))

    @pytest.mark.usefixtures("cache")
    def test_nor_is_there_a_connection_without_a_server(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # the port of "discard"
        with pytest.raises(DownloadError, match=r"127.0.0.1:9 cannot be reached \(Connect.*its cache holds no model"):
            download(parse(f"hf:{REPO}"))


class TestProcess:
    def test_a_cache_with_a_relative_path_is_the_one_from_here(
        self, serving: Serve, repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        serving(repository)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", "near/hub")
        monkeypatch.setenv("HF_HOME", "near")  # where a token is read
        token = tmp_path / "near" / "token"
        token.parent.mkdir()
        token.write_text("hf_secret")
        path = download(parse(f"hf:{REPO}"))
        assert path.is_relative_to(tmp_path / "near" / "hub")
        assert [each.path for each in cached()] == [path]
        assert "Bearer hf_secret" in repository.tokens

    def test_what_others_print_there_is_no_message(
        self, serving: Serve, repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        serving(repository)
        (tmp_path / "sitecustomize.py").write_text(NOISE)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        assert download(parse(f"hf:{REPO}")).read_bytes() == content()


def test_without_the_library_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr("cyllama_jupyter.hub.find_spec", lambda name: None if name == "huggingface_hub" else find(name))
    with pytest.raises(DownloadError, match=r'pip install "cyllama-jupyter\[hub\]"'):
        download(parse(f"hf:{REPO}"))
    assert cached() == []


def test_a_process_that_dies_is_an_error_with_its_last_words(
    monkeypatch: pytest.MonkeyPatch, serving: Serve, repository: Repository
) -> None:
    serving(repository)
    monkeypatch.setenv("PYTHONHOME", "/nowhere")  # Python itself gives up
    with pytest.raises(DownloadError, match=r"the process that fetches has ended: .*; try again"):
        download(parse(f"hf:{REPO}"))
