"""Writes the chapters as notebooks and executes each at the quick size; `make notebooks`.

    python examples/notebooks.py                        into build/notebooks
    python examples/notebooks.py --output elsewhere

The written ones are those of the full size, without results: the reader's kernel makes them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import nbformat
from cells import MISSING, cells_of, chapter_scripts, in_one_line
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError


def notebook_of(script: Path, quick: bool = False) -> nbformat.NotebookNode:
    """A chapter as a notebook; the same script gives the same bytes."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": kernel, "language_info": {"name": "python"}})
    for number, cell in enumerate(cells_of(script, quick)):
        make = nbformat.v4.new_markdown_cell if cell.is_prose else nbformat.v4.new_code_cell
        notebook.cells.append(make(cell.text, id=f"cell-{number}"))
    return notebook


def execute(notebook: nbformat.NotebookNode) -> str | None:
    """Execute a notebook in an empty folder; return what ended it in one line, None if it came to its end."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            client = NotebookClient(notebook, timeout=None, startup_timeout=600, extra_arguments=["--log-level=ERROR"])
            client.execute(cwd=folder)
        except CellExecutionError as error:
            return in_one_line(error.ename, error.evalue)
    return None


def main() -> int:
    """Write and execute; 1 if a notebook did not come to its end, though its data is there."""
    parser = argparse.ArgumentParser(description="Write the chapters as notebooks, and execute them at a reduced size.")
    parser.add_argument("--output", type=Path, default=Path("build/notebooks"), help="the folder for the notebooks")
    folder = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    failed = False
    for script in chapter_scripts():
        path = folder / f"{script.stem}.ipynb"
        nbformat.write(notebook_of(script), path)
        error = execute(notebook_of(script, quick=True))
        print(f"{path}: written; {error or 'executed at the quick size'}", flush=True)
        failed = failed or not (error is None or error.startswith(MISSING))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
