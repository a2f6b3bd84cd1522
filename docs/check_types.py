"""Holds the examples of Markdown pages to their types, as a reader's own checker would: mypy, strictly.

Usage: python docs/check_types.py README.md docs/training.md
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

BLOCK = re.compile(r"(?<!<!-- not typed -->\n)^```python\n(.*?)^```$", re.M | re.S)
STRICTLY = ("--strict", "--follow-imports=silent", "--ignore-missing-imports", "--cache-dir=.mypy_cache/examples")


def check(page: Path, folder: Path) -> Path:
    """The page's ```python blocks as one program; `<!-- not typed -->` on the line before a block leaves it out."""
    program = folder / f"{page.stem.lower()}.py"
    program.write_text("\n".join(BLOCK.findall(page.read_text())))
    return program


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        programs = [check(Path(page), Path(name)) for page in sys.argv[1:]]
        sys.exit(subprocess.run([sys.executable, "-m", "mypy", *STRICTLY, *map(str, programs)]).returncode)
