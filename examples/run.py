"""Runs the chapters and prints what was promised beside what was reached; `make chapters`.

    python examples/run.py                      all chapters in full; fails if a number is missed
    python examples/run.py --quick              at a reduced size, which promises nothing
    python examples/run.py --record docs/chapters/recorded      and keep what the cells print and draw, for the pages

A chapter's code runs cell by cell, as in a notebook, each chapter in a process of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from cells import cells_of, chapter_scripts
from chapter import Number


class Tee(io.StringIO):
    """Keeps what is printed, and passes it on."""

    def write(self, text: str) -> int:
        """Write to both."""
        assert sys.__stdout__ is not None
        sys.__stdout__.write(text)
        sys.__stdout__.flush()
        return super().write(text)


def run_one(script: Path, arguments: list[str]) -> dict[str, Any]:
    """Run a chapter here, and answer what its cells printed and drew."""
    sys.argv = [str(script), *arguments]
    names: dict[str, Any] = {"__name__": "__main__", "__file__": str(script)}
    recorded: list[dict[str, Any]] = []
    began = time.perf_counter()
    for cell in cells_of(script):
        drawn = len(names["chapter"].pictures) if "chapter" in names else 0
        with contextlib.redirect_stdout(Tee()) as printed:
            exec(compile("\n" * cell.line + cell.code, str(script), "exec"), names)
        pictures = [path.name for path in names["chapter"].pictures[drawn:]]
        recorded.append({"output": printed.getvalue(), "pictures": pictures})
    chapter = names["chapter"]
    numbers = json.loads((chapter.folder / "numbers.json").read_text(encoding="utf-8"))["numbers"]
    seconds = round(time.perf_counter() - began, 1)
    return {"quick": chapter.quick, "seconds": seconds, "numbers": numbers, "cells": recorded}


def table(numbers: list[dict[str, Any]]) -> str:
    """Promised and reached, a line for each number."""
    fields = ("name", "value", "at_least", "at_most")
    return "\n".join(str(Number(**{field: number[field] for field in fields})) for number in numbers)


def main() -> int:
    """Run what the command line says; 1 if a number was missed or a chapter failed."""
    parser = argparse.ArgumentParser(description="Run the chapters.")
    parser.add_argument("chapters", nargs="*", help="numbers of chapters; without any, all of them")
    parser.add_argument("--quick", action="store_true", help="at a reduced size")
    parser.add_argument("--output", type=Path, default=Path("build/chapters"), help="the folder for the pictures")
    parser.add_argument("--record", type=Path, help="where to keep what was printed and drawn, for the documentation")
    parser.add_argument("--here", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    passed_on = [*(["--quick"] if options.quick else []), "--output", str(options.output)]
    if options.here is not None:
        record = run_one(options.here, passed_on)
        (options.output / options.here.stem / "record.json").write_text(
            json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        return 0
    failed, lines, seconds = False, [], 0.0
    for script in chapter_scripts():
        if options.chapters and script.stem.split("_")[1] not in options.chapters:
            continue
        print(f"\n=== {script.stem}", flush=True)
        began = time.perf_counter()
        command = [sys.executable, "-W", "error", str(Path(__file__).resolve()), *passed_on, "--here", str(script)]
        done = subprocess.run(command, env={**os.environ, "PYTHONUNBUFFERED": "1"}, check=False)
        seconds += time.perf_counter() - began
        failed = failed or done.returncode != 0
        folder = options.output / script.stem
        written = folder / "numbers.json"
        if written.exists():
            numbers = json.loads(written.read_text(encoding="utf-8"))["numbers"]
            lines += [
                "",
                f"{script.stem}{', a quick run: nothing is promised' if options.quick else ''}",
                table(numbers),
            ]
        if options.record is not None and done.returncode == 0:
            kept = options.record / script.stem
            shutil.rmtree(kept, ignore_errors=True)
            kept.mkdir(parents=True)
            for path in [*folder.glob("*.png"), folder / "record.json"]:
                shutil.copy(path, kept / path.name)
    print("\n".join(lines))
    print(f"\n{'A number was missed, or a chapter failed. ' if failed else ''}{seconds:.0f} s in all.")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
