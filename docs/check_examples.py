"""Runs the examples of Markdown pages as a reader would type them.

A page's ```python blocks run one after the other in one interpreter; what a block prints must be what the ```text block
behind it shows, digit for digit; only white space may differ. (Processors round differently: an example prints no more
digits than they have in common.) In a ```console block every line that begins with "$ " is run by the shell in the same
folder, an empty one, and must succeed. `<!-- not run -->` on the line before a block omits it, `<!-- needs torch -->`
omits it where that module is not installed.

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


def same(shown: str, printed: str) -> bool:
    """Whether two texts are the same but for white space."""
    return shown.split() == printed.split()


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


def check(page: Path) -> tuple[int, list[str]]:
    """Run one page; return how many blocks were run, and what they printed otherwise than the page shows."""
    text, names, printed, count, differences = page.read_text(), {"__name__": "__main__"}, None, 0, []
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
                        differences.append(f"{where}: the page shows\n{body}\nbut the example printed\n{printed}")
                    printed = None
                elif kind == "console":
                    run_console(body, folder)
                    count += 1
        finally:
            os.chdir(home)
    return count, differences


if __name__ == "__main__":
    found = []
    for argument in sys.argv[1:]:
        ran, differing = check(Path(argument).resolve())
        print(f"{argument}: {ran} examples ran", flush=True)
        found += differing
    sys.exit("\n".join(found) or None)
