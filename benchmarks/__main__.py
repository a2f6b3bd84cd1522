"""Runs the benchmarks and rewrites the tables of benchmarks/README.md.

Usage: python -m benchmarks [--quick] [SUITE …]     suites: W0 … W5, W5N, C0 … C4, products, floor, prediction, memory,
                                                    cold, foundation, files, exports, estimators, playground;
                                                    nothing: all of these
       python -m benchmarks kill                    two hundred killed trainings, when asked for
       python -m benchmarks tables table-speed      networks for tables beside other models, when asked for
       python -m benchmarks streaming               a file of 5 GB, when asked for
       python -m benchmarks ablation                the recipe for tables without each of its tricks, when asked for
       python -m benchmarks profile WORKLOAD [THREADS]

A table is rewritten when all of its suites were measured: a failure erases nothing. --quick tries everything at a small
size and writes nothing.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import (
    estimators,
    exports,
    files,
    foundation,
    kill,
    peers,
    playground,
    products,
    profile,
    streaming,
    training,
)
from benchmarks import (
    tables as of_tables,
)
from benchmarks.measure import NotMeasured, machine
from benchmarks.workloads import CONVOLUTIONS, WORKLOADS

README = Path(__file__).parent / "README.md"
DOCS = Path(__file__).parent.parent / "docs"
Rows = Iterable[tuple[str, ...]]


@dataclass(frozen=True)
class Table:
    """Between the marks of its name: what its columns are called, and the suites whose rows stand in it."""

    columns: tuple[str, ...]
    suites: dict[str, Callable[[bool], Rows]]
    only_asked: bool = False
    page: Path = README


def tables(chosen: list[str]) -> dict[str, Table]:
    """All tables. The floor takes our times from the run beside the peers, if all of those are chosen."""
    usual = ("what", "Pellucid", "beside", "wanted")
    with_peers = set(products.WORKLOADS_OF_PRODUCTS) <= set(chosen)
    return {
        "training": Table(usual, {name: (lambda quick, name=name: training.rows(name, quick)) for name in WORKLOADS}),
        "convolution": Table(
            usual, {name: (lambda quick, name=name: training.rows(name, quick)) for name in CONVOLUTIONS}
        ),
        "products": Table(
            ("product", "1 thread, µs", "beside", "ratio", "2 threads, µs", "beside", "ratio", "wanted"),
            {"products": products.rows},
        ),
        "floor": Table(
            ("step of", "threads", "µs", "our products, µs", "ratio", "MKL's products, µs", "ratio", "wanted"),
            {"floor": lambda quick: products.floor(with_peers, quick)},
        ),
        "other": Table(
            usual,
            {
                "prediction": peers.prediction,
                "memory": peers.memory,
                "cold": peers.cold,
                "foundation": foundation.rows,
            },
        ),
        "files": Table(usual, {"files": lambda _: files.rows()}),
        "exports": Table(usual, {"exports": lambda _: exports.rows()}),
        "estimators": Table(usual, {"estimators": lambda _: estimators.rows()}),
        "playground": Table(usual, {"playground": playground.rows}),
        "streaming": Table(usual, {"streaming": streaming.rows}, only_asked=True),
        "tables": Table(("table", *of_tables.CONTENDERS), {"tables": of_tables.rows}, only_asked=True),
        "table_speed": Table(usual, {"table-speed": of_tables.speed}, only_asked=True),
        "kill": Table(usual, {"kill": lambda _: kill.rows()}, only_asked=True),
        "ablation": Table(
            of_tables.ABLATION_COLUMNS, {"ablation": of_tables.ablation}, only_asked=True, page=DOCS / "tables.md"
        ),
    }


def main() -> int:
    words = sys.argv[1:]
    if words[:1] == ["profile"]:
        return profile.main(words[1:])
    quick = "--quick" in words
    chosen = [word for word in words if word != "--quick"]
    names = [name for table in tables([]).values() for name in table.suites]
    for name in chosen:
        if name not in names:
            sys.exit(f"There is no benchmark {name!r}: {', '.join(names)}, profile.")
    chosen = chosen or [name for table in tables([]).values() if not table.only_asked for name in table.suites]
    failures, took = [], {}
    for name, table in tables(chosen).items():
        lines = []
        for suite, rows in table.suites.items():
            if suite not in chosen:
                continue
            began = time.monotonic()
            try:
                for row in rows(quick):
                    lines.append("| " + " | ".join(row) + " |")
                    print(lines[-1], flush=True)
            except (NotMeasured, subprocess.CalledProcessError, ImportError, OSError) as error:
                failures.append(suite)
                print(f"{suite} was not measured: {error}", file=sys.stderr, flush=True)
            took[suite] = time.monotonic() - began
            print(f"({suite} took {took[suite]:.0f} s)", flush=True)
        if set(table.suites) <= set(chosen).difference(failures) and not quick:
            head = ["| " + " | ".join(table.columns) + " |", "|" + "---|" * len(table.columns)]
            rewrite(name, [machine(), "", *head, *lines], table.page)
    minutes = sum(took.values()) / 60
    print(f"All of it took {minutes:.1f} minutes.", flush=True)
    if not words and not failures:
        each = ", ".join(f"{suite} {seconds:.0f} s" for suite, seconds in took.items())
        rewrite("time", [f"The whole run took {minutes:.1f} minutes: {each}."])
    return 1 if failures else 0


def rewrite(table: str, lines: list[str], page: Path = README) -> None:
    """Put new lines between the marks of a table."""
    text = page.read_text()
    begin, end = f"<!-- begin {table} -->", f"<!-- end {table} -->"
    body = "\n".join([begin, *lines, end])
    page.write_text(re.sub(f"{begin}.*?{end}", lambda _: body, text, flags=re.S))


if __name__ == "__main__":
    sys.exit(main())
