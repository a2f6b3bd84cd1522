"""Runs the examples of Markdown pages as a reader would type them.

A page's ```python blocks run one after the other in one interpreter; what a block prints must be what the ```text block
behind it says, numbers within a tolerance (other processors round otherwise). In a ```console block every line that
begins with "$ " is run by the shell in the same folder, an empty one, and must succeed. `<!-- not run -->` on the line
before a block leaves it out, `<!-- needs torch -->` leaves it out where that module is not installed.

Usage: python docs/check_examples.py README.md docs/*.md
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

BLOCK = re.compile(
    r"(?P<skip><!-- (?:not run|needs (?P<module>\w+)) -->\n)?^```(?P<kind>\w+)[^\n]*\n(?P<body>.*?)^```$", re.M | re.S
)
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
RELATIVE, ABSOLUTE = 0.05, 0.02


def same(expected: str, printed: str) -> bool:
    """Whether two texts are the same but for white space and small differences of their numbers."""
    if NUMBER.sub("#", expected).split() != NUMBER.sub("#", printed).split():
        return False
    pairs = zip(NUMBER.findall(expected), NUMBER.findall(printed), strict=True)
    return all(abs(float(a) - float(b)) <= ABSOLUTE + RELATIVE * abs(float(a)) for a, b in pairs)


def run_python(code: str, names: dict[str, object]) -> str:
    """What a block prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "<example>", "exec"), names)
    return out.getvalue()


def run_console(body: str, folder: str) -> None:
    """Type the lines behind "$ "."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for line in body.splitlines():
        if line.startswith("$ "):
            subprocess.run(["bash", "-c", line[2:]], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)


def check(page: Path) -> int:
    """Run one page; return how many blocks were run."""
    text, names, printed, count = page.read_text(), {"__name__": "__main__"}, None, 0
    home = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for block in BLOCK.finditer(text):
                kind, body = block["kind"], block["body"]
                where = f"{page}:{text.count(chr(10), 0, block.start('body'))}"
                if block["skip"] and not (block["module"] and importlib.util.find_spec(block["module"])):
                    printed = None
                elif kind == "python":
                    printed, count = run_python(body, names), count + 1
                elif kind == "text" and printed is not None:
                    if not same(body, printed):
                        sys.exit(f"{where}: the page says\n{body}\nbut the example printed\n{printed}")
                    printed = None
                elif kind == "console":
                    run_console(body, folder)
                    count += 1
        finally:
            os.chdir(home)
    return count


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(f"{argument}: {check(Path(argument).resolve())} examples ran")
