"""Runs the benchmarks and rewrites the tables of benchmarks/README.md.

Usage: python -m benchmarks [foundation] [prediction] [memory] [cold] [estimators] [W0 … W5]   (nothing: all of them)
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks import estimators, foundation, peers, training
from benchmarks.measure import machine
from benchmarks.workloads import WORKLOADS

README = Path(__file__).parent / "README.md"
SUITES: dict[str, Callable[[], Iterable[tuple[str, str, str, str]]]] = {
    **{name: (lambda name=name: training.rows([name])) for name in WORKLOADS},
    "prediction": peers.prediction,
    "memory": peers.memory,
    "cold": peers.cold,
    "foundation": foundation.rows,
    "estimators": estimators.rows,
}
TABLES = {
    "training": tuple(WORKLOADS),
    "other": ("prediction", "memory", "cold", "foundation"),
    "estimators": ("estimators",),
}


def main() -> None:
    chosen = sys.argv[1:] or list(SUITES)
    for name in chosen:
        if name not in SUITES:
            sys.exit(f"There is no benchmark {name!r}: {', '.join(SUITES)}.")
    for table, suites in TABLES.items():
        lines = []
        for name in suites:
            if name in chosen:
                for row in SUITES[name]():
                    lines.append("| " + " | ".join(row) + " |")
                    print(lines[-1], flush=True)
        if set(suites) <= set(chosen):
            rewrite(table, [machine(), "", "| what | Pellucid | beside | wanted |", "|---|---|---|---|", *lines])


def rewrite(table: str, lines: list[str]) -> None:
    """Put new lines between the marks of a table."""
    text = README.read_text()
    begin, end = f"<!-- begin {table} -->", f"<!-- end {table} -->"
    body = "\n".join([begin, *lines, end])
    README.write_text(re.sub(f"{begin}.*?{end}", lambda _: body, text, flags=re.S))


if __name__ == "__main__":
    main()
