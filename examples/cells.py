"""A chapter as a list of cells: a script in the percent format, which editors and jupytext open as a notebook.

A cell begins with the line `# %%`, one of prose (Markdown in comments) with `# %% [markdown]`. Two comments are for the
programs of this folder, and no reader is shown them:

    epochs = 2_000  # quick: 40                   the value of a quick run
    assert accuracy >= 0.96, "accuracy"  # in full      a promise of the full run alone; every other assert always holds
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent
QUICK = re.compile(r"^(?P<name>\s*\w[\w, ]* = )(?P<full>.+?)  # quick: (?P<quick>.+)$")
IN_FULL = "  # in full"
NO_DATA = ("ConnectionError", "FileNotFoundError")
"""What the loaders raise where a data set is neither on the machine nor to be downloaded."""


class Cell(NamedTuple):
    """One cell: whether it is prose, its text as a reader sees it, and the number of lines before it in the script."""

    is_prose: bool
    text: str
    lines_before: int


def chapter_scripts() -> list[Path]:
    """The chapters' scripts, in order."""
    return sorted(FOLDER.glob("chapter_*.py"))


def cells_of(script: Path, quick: bool = False) -> list[Cell]:
    """The cells of a script, in full or at the quick size."""
    rows = script.read_text(encoding="utf-8").splitlines()
    marks = [number for number, row in enumerate(rows) if row.startswith("# %%")]
    cells = []
    for mark, end in zip(marks, [*marks[1:], len(rows)], strict=True):
        is_prose, begin = rows[mark].endswith("[markdown]"), mark + 1
        while begin < end and not rows[begin].strip():
            begin += 1
        if is_prose:
            shown = [row.removeprefix("#").removeprefix(" ") for row in rows[begin:end]]
        else:
            shown = [_sized(row, quick) for row in rows[begin:end]]
        cells.append(Cell(is_prose, "\n".join(shown).rstrip(), begin))
    return cells


def fingerprint(script: Path) -> str:
    """A digest of the script: a record of another version is not shown beside its code."""
    return hashlib.sha256(script.read_bytes()).hexdigest()


MISSING = "its data is missing"


def in_one_line(kind: str, message: str) -> str:
    """An error in a line: of several lines the first, what happened, and the last, what to do."""
    rows = message.strip().splitlines() or ["no message"]
    text = " ".join(rows if len(rows) == 1 else [rows[0], rows[-1]])
    return f"{MISSING}: {text}" if kind in NO_DATA else f"{kind}: {text}"


def _sized(row: str, quick: bool) -> str:
    """A line of code at the size of the run; a promise of the full run is no line of a quick one."""
    if row.endswith(IN_FULL):
        return "" if quick else row.removesuffix(IN_FULL)
    return QUICK.sub(r"\g<name>\g<quick>" if quick else r"\g<name>\g<full>", row)
