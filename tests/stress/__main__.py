"""Cancel many times and print the figures: `python -m tests.stress COUNT [SEED]`."""

import sys
import tempfile
import time
from pathlib import Path

from tests.stress.answers import TEXT
from tests.stress.storm import Storm
from tests.tiny_models import write_cycle


def main(count: int, seed: int = 0) -> None:
    """Run one storm; an answer that is lost or wrong is an error, one that hangs ends the process."""
    with tempfile.TemporaryDirectory() as folder:
        storm = Storm(write_cycle(Path(folder) / "cycle.gguf", TEXT), seed)
        begin = time.perf_counter()
        storm.run(count)
        seconds = time.perf_counter() - begin
    lines = [f"{storm.cancels.total()} cancels in {seconds:.0f} s: none lost, none hung, every next answer right"]
    for name, counter in ("from", storm.cancels), ("ended", storm.ends):
        lines.append(f"{name}: " + ", ".join(f"{number} {what}" for what, number in counter.most_common()))
    sys.stdout.write("\n".join(lines) + "\n")


main(*map(int, sys.argv[1:]))
