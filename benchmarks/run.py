"""Measures what the project promises, as a table: ``make bench``, or ``python -m benchmarks.run NAME ...``."""

import argparse
import os
import platform
from collections.abc import Callable

import psutil

from benchmarks import (
    cancelling,
    contention,
    conversations,
    grammars,
    importing,
    loading,
    memory,
    page,
    parallel,
    reuse,
    serving,
    speed,
    streaming,
)
from benchmarks.figure import Figure, table

SUITES: dict[str, Callable[[], list[Figure]]] = {
    "cancelling": cancelling.measure,
    "contention": contention.measure,
    "conversations": conversations.measure,
    "grammars": grammars.measure,
    "importing": importing.measure,
    "loading": loading.measure,
    "memory": memory.measure,
    "page": page.measure,
    "parallel": parallel.measure,
    "reuse": reuse.measure,
    "serving": serving.measure,
    "speed": speed.measure,
    "streaming": streaming.measure,
}


def main() -> None:
    """Run the suites that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="NAME", help=f"of {', '.join(SUITES)}; all without one")
    names = parser.parse_args().suites or list(SUITES)
    unknown = set(names) - set(SUITES)
    if unknown:
        parser.error(f"there is no suite {', '.join(sorted(unknown))}: choose of {', '.join(SUITES)}")
    figures: list[Figure] = []
    for name in names:
        print(f"measuring {name} ...", flush=True)
        figures += SUITES[name]()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"\n{psutil.cpu_count(logical=False)} cores, Python {platform.python_version()}, load average {load}\n")
    print(table(figures))


if __name__ == "__main__":
    main()
