"""A chapter as a list of cells: what is said, and the code that follows."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent


class Cell(NamedTuple):
    """One cell of a script: prose in reStructuredText, the code behind it, and the line the code begins on."""

    prose: str
    code: str
    line: int


def chapter_scripts() -> list[Path]:
    """The chapters' scripts, in order."""
    return sorted(FOLDER.glob("chapter_*.py"))


def cells_of(script: Path) -> list[Cell]:
    """The cells of a script: its docstring and what follows, then one for each line `# %%`."""
    text = script.read_text(encoding="utf-8")
    docstring = ast.parse(text).body[0]
    rows = text.splitlines()
    marks = [number for number, row in enumerate(rows) if row.strip() == "# %%"]
    ends = [*marks, len(rows)]
    first = docstring.end_lineno or 1
    cells = [_cell(ast.get_docstring(ast.parse(text)) or "", rows, first, ends[0])]
    for mark, end in zip(marks, ends[1:], strict=True):
        begin = mark + 1
        while begin < end and rows[begin].startswith("#"):
            begin += 1
        prose = "\n".join(row.removeprefix("#").removeprefix(" ") for row in rows[mark + 1 : begin])
        cells.append(_cell(prose, rows, begin, end))
    return cells


def _cell(prose: str, rows: list[str], begin: int, end: int) -> Cell:
    while begin < end and not rows[begin].strip():
        begin += 1
    return Cell(prose, "\n".join(rows[begin:end]).rstrip(), begin)
