"""A tenth of `make stress`."""

from pathlib import Path

from tests.stress.answers import TEXT
from tests.stress.storm import Storm
from tests.tiny_models import write_cycle


def test_a_thousand_cancels_at_random_instants(tmp_path: Path) -> None:
    storm = Storm(write_cycle(tmp_path / "cycle.gguf", TEXT))
    storm.run(1000)
    assert set(storm.cancels) >= {"thread", "all at once", "asyncio task", "SIGINT", "thread, short answers"}
