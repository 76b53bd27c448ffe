"""The design document's third example and docs/serving.md, under real uvicorn: who hangs up ends whose answer."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.examples.serving import Client, Served, client, hang_up_mid_prefill, wait_for_phase

LONG = "word " * 1500
SEVERAL, ONE = "Several clients", "One client"


@pytest.fixture
def several(slow_model: Path) -> Iterator[Served]:
    with Served(SEVERAL, slow_model) as served:
        yield served


@pytest.fixture
def one(slow_model: Path) -> Iterator[Served]:
    with Served(ONE, slow_model) as served:
        yield served


def read_chunks(asking: Client, count: int) -> None:
    for _ in range(count):
        asking.read_until(b"data: ")


@pytest.mark.parametrize("heading", [SEVERAL, ONE])
def test_a_client_that_hangs_up_mid_prefill_ends_its_answer(heading: str, slow_model: Path) -> None:
    with Served(heading, slow_model) as served:
        generation, _ = hang_up_mid_prefill(served, LONG)
        assert generation.cancelled()
        assert generation.text == ""
        assert generation.progress.prompt_tokens_read < generation.progress.prompt_tokens


@pytest.mark.parametrize("heading", [SEVERAL, ONE])
def test_a_client_that_hangs_up_between_chunks_ends_its_answer(heading: str, slow_model: Path) -> None:
    with Served(heading, slow_model) as served, client(served, "a") as (asking, generation):
        read_chunks(asking, 3)
        asking.hang_up()
        assert generation.wait(60)
        assert generation.cancelled()


def test_a_chunk_is_json_and_the_answer_its_sum(tiny_model: Path) -> None:
    with Served(SEVERAL, tiny_model) as served, client(served, "Once upon a time") as (asking, generation):
        body = asking.read_all()
        chunks = [json.loads(line.removeprefix("data: ")) for line in body.splitlines() if line.startswith("data: ")]
        assert "".join(chunks) == generation.result(60)
        assert generation.result().finish_reason in ("stop", "length")


def test_with_several_clients_the_others_go_on(several: Served) -> None:
    with client(several, "a") as (staying, theirs):
        read_chunks(staying, 1)
        gone, _ = hang_up_mid_prefill(several, LONG)
        assert gone.cancelled()
        read_chunks(staying, 5)
        assert not theirs.done()


def test_the_document_s_own_form_ends_the_others_too(one: Served) -> None:
    with client(one, "a") as (staying, theirs):
        read_chunks(staying, 1)
        gone, _ = hang_up_mid_prefill(one, LONG)
        assert gone.cancelled()
        assert theirs.wait(60)
        assert theirs.cancelled()
        staying.read_all()


def test_the_server_answers_while_a_prompt_is_read(several: Served) -> None:
    with client(several, LONG) as (_, reading):
        wait_for_phase(reading, "prefill")
        with client(several, "a") as (asking, _):
            read_chunks(asking, 1)
            assert not reading.done()
