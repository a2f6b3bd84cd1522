"""The chapters at a reduced size, as a reader would run them; as notebooks; and the runner's words."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pellucid as pl
from pellucid.initializers import INITIALIZERS
from pellucid.layers import LAYERS
from pellucid.optimizers import OPTIMIZERS
from pellucid.penalties import PENALTIES
from pellucid.schedules import SCHEDULES

pytest.importorskip("matplotlib")

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("chapter_*.py"))
NEED_MNIST = ("chapter_3", "chapter_4")
each_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)


@pytest.fixture(scope="module")
def cells() -> Iterator[Any]:
    yield from module("cells")


@pytest.fixture(scope="module")
def runner() -> Iterator[Any]:
    yield from module("run")


def module(name: str) -> Iterator[Any]:
    """A module of `examples`, which is no package."""
    before = list(sys.path)
    sys.path.insert(0, str(EXAMPLES))
    yield __import__(name)
    sys.path[:] = before


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python examples/run.py …` in an empty folder."""
    return subprocess.run(
        [sys.executable, str(EXAMPLES / "run.py"), *arguments, "--output", str(folder / "pictures")],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(pl.__file__).parents[1]), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_there_are_five() -> None:
    assert [script.stem.split("_")[1] for script in SCRIPTS] == ["1", "2", "3", "4", "5"]


@each_script
def test_runs_quickly_without_a_warning(script: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if script.stem.startswith(NEED_MNIST):
        request.getfixturevalue("mnist_folder")
    done = run(tmp_path, "--quick", script.stem.split("_")[1])
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "1 of 1 chapters ran" in done.stdout
    assert "MISSED" not in done.stdout
    assert "NumPy takes " in done.stdout  # the tutorial's kind of program has been run beside ours
    folder = tmp_path / "pictures" / script.stem
    record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    assert record["quick"]
    assert record["numbers"], "a chapter promises something at any size"
    pictures = list(folder.glob("*.png"))
    assert len(pictures) >= 2
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in pictures)
    assert all(f"picture: {path}" in done.stdout for path in pictures)
    assert [path.name for path in tmp_path.iterdir()] == ["pictures"]
    if script.stem.startswith("chapter_5"):
        every_part_is_tried(done.stdout)


def every_part_is_tried(printed: str) -> None:
    """The fifth chapter tries all activations, initializers, optimizers, schedules and penalties there are."""
    first_words = {line.split(" ")[0].split("(")[0] for line in printed.splitlines()}
    activations = [name for name, cls in LAYERS.items() if cls.__module__.endswith(("activations", "rectifiers"))]
    assert len(activations) > 10
    starts = [name for name, cls in INITIALIZERS.items() if cls.for_weights]
    penalties = [cls.__name__ for cls in PENALTIES.values()]
    others = ["Maxout", "ReduceOnPlateau", "Backtracking", "MaxNorm"]
    assert {*activations, *starts, *OPTIMIZERS, *SCHEDULES, *penalties, *others} <= first_words


@each_script
def test_what_is_shown_needs_no_harness(script: Path, cells: Any) -> None:
    shown = [cell for cell in cells.cells_of(script) if not cell.is_prose]
    code = "\n".join(cell.text for cell in shown)
    assert "# quick" not in code
    assert "# in full" not in code
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            roots = {name.split(".")[0] for name in names}
            assert roots <= {"numpy", "matplotlib", "pellucid", *sys.stdlib_module_names}, names
    assert "__file__" not in code


@each_script
def test_cells_are_the_whole_script(script: Path, cells: Any) -> None:
    rows = script.read_text(encoding="utf-8").splitlines()
    assert rows[0] == "# %% [markdown]"
    for quick in (False, True):
        covered = {number for number, row in enumerate(rows) if not row.strip() or row.startswith("# %%")}
        if quick:
            covered |= {number for number, row in enumerate(rows) if row.endswith("  # in full")}
        for cell in cells.cells_of(script, quick):
            assert cell.text.strip()
            lines = cell.text.splitlines()
            covered.update(range(cell.lines_before, cell.lines_before + len(lines)))
            if not cell.is_prose:
                ast.parse(cell.text)
        assert covered == set(range(len(rows)))


@each_script
def test_a_chapter_names_its_source_and_its_pictures(script: Path, cells: Any) -> None:
    first = cells.cells_of(script)[0]
    assert first.is_prose
    assert "This chapter rebuilds " in first.text
    assert f"build/chapters/{script.stem}`" in first.text.replace("\n", " ")


def test_the_size_of_a_line(tmp_path: Path, cells: Any) -> None:
    script = tmp_path / "chapter_0.py"
    script.write_text(
        '# %% [markdown]\n# Prose.\n\n# %%\nn = 50  # quick: 5\nassert n >= 9, "n"  # in full\nprint(n)\n'
    )
    prose, full = cells.cells_of(script)
    assert (prose.is_prose, prose.text) == (True, "Prose.")
    assert full.text == 'n = 50\nassert n >= 9, "n"\nprint(n)'
    assert cells.cells_of(script, quick=True)[1].text == "n = 5\n\nprint(n)"


def run_code(tmp_path: Path, runner: Any, code: str, quick: bool = False) -> dict[str, Any]:
    """The record of a chapter of one cell."""
    script = tmp_path / "chapter_0_test.py"
    script.write_text(f"# %%\n{code}\n", encoding="utf-8")
    return runner.run_one(script, tmp_path, quick)


@pytest.mark.parametrize(("value", "word"), [("1.0", "kept"), ("0.5", "MISSED"), ("float('nan')", "MISSED")])
def test_a_promise(tmp_path: Path, runner: Any, value: str, word: str) -> None:
    record = run_code(tmp_path, runner, f'assert {value} >= 1.0, "a number"\nlast = 1')
    assert record["error"] is None
    assert [number["name"] for number in record["numbers"]] == ["a number"]
    said = runner.summary({"chapter_0_test": record}, quick=False)
    assert word in said
    assert f"1 of 1 chapters ran, {int(word == 'kept')} of 1 promises were kept" in said


def test_a_quick_run_drops_what_only_the_full_run_promises(tmp_path: Path, runner: Any) -> None:
    record = run_code(tmp_path, runner, 'assert 0.5 >= 1.0, "a number"  # in full', quick=True)
    assert record["numbers"] == []
    assert "MISSED" not in runner.summary({"chapter_0_test": record}, quick=True)


def test_an_assertion_that_promises_no_number(tmp_path: Path, runner: Any) -> None:
    record = run_code(tmp_path, runner, "\nassert True")
    assert "line 3: a chapter asserts `value >= limit" in record["error"]


def test_a_chapter_that_fails_says_where(tmp_path: Path, runner: Any) -> None:
    record = run_code(tmp_path, runner, "def broken():\n    raise ValueError('no such thing')\n\nbroken()")
    trace = tmp_path / "traceback.txt"
    assert record["error"] == f"failed in line 3: ValueError: no such thing (traceback: {trace})"
    assert trace.read_text(encoding="utf-8").startswith("Traceback")
    assert "chapter_0_test failed in line 3" in runner.summary({"chapter_0_test": record}, quick=False)


def test_without_data_one_line_tells_what_is_missing(tmp_path: Path) -> None:
    nowhere = {"PELLUCID_DATA": str(tmp_path / "none"), "XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    closed = dict.fromkeys(("https_proxy", "http_proxy", "HTTPS_PROXY", "HTTP_PROXY"), "http://127.0.0.1:9")
    done = run(tmp_path, "--quick", "3", **nowhere, **closed, no_proxy="", NO_PROXY="")
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert "MISSED" not in done.stdout
    [line] = [line for line in done.stdout.splitlines() if "missing" in line]
    assert (
        "chapter_3_a_matrix_network did not run: its data is missing: train-images-idx3-ubyte.gz could not be" in line
    )
    assert "by hand" in line
    assert "0 of 1 chapters ran" in done.stdout


def test_an_unknown_chapter(tmp_path: Path) -> None:
    done = run(tmp_path, "9")
    assert done.returncode == 2
    assert "there is no chapter 9; there are 1, 2, 3, 4, 5." in done.stderr


@each_script
def test_notebooks_are_the_chapters(script: Path, cells: Any) -> None:
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("nbclient")
    notebooks = __import__("notebooks")
    notebook = notebooks.notebook_of(script)
    nbformat.validate(notebook)
    assert [cell.source for cell in notebook.cells] == [cell.text for cell in cells.cells_of(script)]
    assert nbformat.writes(notebook) == nbformat.writes(notebooks.notebook_of(script))
