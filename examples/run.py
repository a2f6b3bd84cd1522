"""Runs the chapters, keeps their pictures, and prints what was promised beside what was reached; `make chapters`.

    python examples/run.py                      all chapters in full; fails if a number is missed
    python examples/run.py 1 4                  two of them
    python examples/run.py --quick              at a reduced size, in seconds a chapter
    python examples/run.py --record docs/chapters/recorded      and keep what the cells print and draw, for the pages

A chapter's code runs cell by cell, as in a notebook, each chapter in a process of its own. `plt.show()` writes PNG
files and prints where; `assert value >= limit, "name"` records the number, so that all of them are compared.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cells import NO_DATA, cells_of, chapter_scripts, fingerprint, in_one_line


@dataclass(frozen=True)
class Number:
    """A number that a chapter promises: what it is, what was reached, and the limit it must be `≥` or `≤`."""

    name: str
    value: float
    sign: str
    limit: float

    @property
    def kept(self) -> bool:
        """Whether the promise is kept; NaN keeps none."""
        return self.value >= self.limit if self.sign == "≥" else self.value <= self.limit

    @property
    def promise(self) -> str:
        """The limit with its sign."""
        return f"{self.sign} {self.limit:g}"

    def __str__(self) -> str:
        """One line: the promise, what was reached, and whether that is enough."""
        return f"  {self.name:<72}{self.promise:>12}{self.value:>12.6g}  {'kept' if self.kept else 'MISSED'}"


class Tee(io.StringIO):
    """Keeps what is printed, and passes it on."""

    def write(self, text: str) -> int:
        """Write to both."""
        assert sys.__stdout__ is not None
        sys.__stdout__.write(text)
        sys.__stdout__.flush()
        return super().write(text)


class Promises(ast.NodeTransformer):
    """Turns each `assert value >= limit, "name"` into `promise("name", value, "≥", limit)`."""

    def visit_Assert(self, node: ast.Assert) -> ast.Expr:
        """The call in place of the assertion."""
        match node:
            case ast.Assert(
                test=ast.Compare(left=value, ops=[ast.GtE() | ast.LtE() as sign], comparators=[limit]), msg=name
            ) if name is not None:
                side = ast.Constant("≥" if isinstance(sign, ast.GtE) else "≤")
                call = ast.Call(ast.Name("promise", ast.Load()), [name, value, side, limit], [])
                return ast.fix_missing_locations(ast.copy_location(ast.Expr(call), node))
        raise SyntaxError(f'line {node.lineno}: a chapter asserts `value >= limit, "name"`, or the same with <=.')


def run_one(script: Path, folder: Path, quick: bool) -> dict[str, Any]:
    """Run a chapter here; return its numbers, what its cells printed and drew, and the error that ended it, if any."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    numbers: list[Number] = []
    pictures: list[str] = []
    shown: list[dict[str, Any]] = []

    def promise(name: str, value: float, sign: str, limit: float) -> None:
        numbers.append(Number(name, float(value), sign, float(limit)))

    def show() -> None:
        for number in plt.get_fignums():
            figure = plt.figure(number)
            name = f"{figure.get_label() or f'picture-{len(pictures) + 1}'}.png"
            figure.savefig(folder / name, dpi=110, metadata={"Software": None})
            plt.close(figure)
            pictures.append(name)
            print(f"picture: {folder / name}", file=sys.__stdout__, flush=True)

    plt.show = show
    names: dict[str, Any] = {"__name__": "__main__", "promise": promise}
    error, began = None, time.perf_counter()
    for cell in cells_of(script, quick):
        drawn = len(pictures)
        with contextlib.redirect_stdout(Tee()) as printed:
            if not cell.is_prose and error is None:
                try:
                    tree = ast.parse("\n" * cell.lines_before + cell.text, str(script))
                    exec(compile(Promises().visit(tree), str(script), "exec"), names)
                except Exception as failure:
                    error = explained(failure, script, folder)
        shown.append({"output": printed.getvalue(), "pictures": pictures[drawn:]})
    return {
        "code": fingerprint(script),
        "quick": quick,
        "seconds": round(time.perf_counter() - began, 1),
        "error": error,
        "numbers": [asdict(number) for number in numbers],
        "cells": shown,
    }


def explained(failure: Exception, script: Path, folder: Path) -> str:
    """What ended a chapter, in one line; its traceback goes to a file, unless it is data that is not here."""
    said = in_one_line(type(failure).__name__, str(failure))
    if type(failure).__name__ in NO_DATA:
        return f"did not run: {said}"
    path = folder / "traceback.txt"
    path.write_text("".join(traceback.format_exception(failure)), encoding="utf-8")
    frames = traceback.extract_tb(failure.__traceback__)
    line = next((frame.lineno for frame in reversed(frames) if frame.filename == str(script)), 0)
    return f"failed in line {line}: {said} (traceback: {path})"


def run_apart(script: Path, folder: Path, quick: bool) -> dict[str, Any]:
    """Run a chapter in a process of its own, in which every warning is an error."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = [sys.executable, "-W", "error", __file__, "--output", str(folder), "--here", str(script)]
    done = subprocess.run([*command, *(["--quick"] if quick else [])], env={**os.environ, "PYTHONUNBUFFERED": "1"})
    if done.returncode != 0:
        return {"error": f"ended with status {done.returncode}.", "seconds": 0.0, "numbers": []}
    return dict(json.loads((folder / "record.json").read_text(encoding="utf-8")))


def keep(folder: Path, kept: Path) -> None:
    """Copy what a chapter printed and drew to where the pages look for it."""
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    for path in [*folder.glob("*.png"), folder / "record.json"]:
        shutil.copy(path, kept / path.name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; 1 if a number was missed or a chapter did not come to its end."""
    parser = argparse.ArgumentParser(description="Run the chapters.")
    parser.add_argument("chapters", nargs="*", help="numbers of chapters; without any, all of them")
    parser.add_argument("--quick", action="store_true", help="at a reduced size")
    parser.add_argument("--output", type=Path, default=Path("build/chapters"), help="the folder for the pictures")
    parser.add_argument("--record", type=Path, help="where to keep what was printed and drawn, for the documentation")
    parser.add_argument("--here", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.here is not None:
        text = json.dumps(run_one(options.here, options.output, options.quick), indent=1, ensure_ascii=False)
        (options.output / "record.json").write_text(text + "\n", encoding="utf-8")
        return 0
    scripts = {script.stem.split("_")[1]: script for script in chapter_scripts()}
    unknown = [number for number in options.chapters if number not in scripts]
    if unknown:
        parser.error(f"there is no chapter {', '.join(unknown)}; there are {', '.join(scripts)}.")
    records = {}
    for script in [scripts[number] for number in options.chapters or scripts]:
        print(f"\n=== {script.stem}", flush=True)
        folder = options.output / script.stem
        records[script.stem] = record = run_apart(script, folder, options.quick)
        if options.record is not None and record["error"] is None:
            keep(folder, options.record / script.stem)
    print(summary(records, options.quick))
    return int(any(record["error"] or not all(kept(record)) for record in records.values()))


def kept(record: dict[str, Any]) -> list[bool]:
    """For each number of a chapter, whether its promise is kept."""
    return [Number(**number).kept for number in record["numbers"]]


def summary(records: dict[str, dict[str, Any]], quick: bool) -> str:
    """Promised and reached, a line for each number; a line for each chapter that did not come to its end; the count."""
    rows = ["", "Promised and reached" + (", as far as a quick run promises" if quick else "")]
    for name, record in records.items():
        rows += [name, *(str(Number(**number)) for number in record["numbers"])]
        rows += [f"  {name} {record['error']}"] if record["error"] else []
    ended = sum(record["error"] is None for record in records.values())
    numbers = [one for record in records.values() for one in kept(record)]
    rows.append(f"\n{ended} of {len(records)} chapters ran, {sum(numbers)} of {len(numbers)} promises were kept")
    return f"{chr(10).join(rows)}, in {sum(record['seconds'] for record in records.values()):.0f} s."


if __name__ == "__main__":
    sys.exit(main())
