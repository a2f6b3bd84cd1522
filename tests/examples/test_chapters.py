"""The chapters at a reduced size, as a reader would run them, and the pages made of them."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import pellucid as pl

pytest.importorskip("matplotlib")

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "examples").glob("chapter_*.py"))
NEED_MNIST = ("chapter_3", "chapter_4")


def module(path: Path) -> ModuleType:
    """A module of `examples`, which is no package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = loaded  # dataclasses look their module up
    spec.loader.exec_module(loaded)
    return loaded


def test_there_are_five() -> None:
    assert [script.stem.split("_")[1] for script in SCRIPTS] == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_runs_quickly_without_a_warning(script: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if script.stem.startswith(NEED_MNIST):
        request.getfixturevalue("mnist_folder")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script), "--quick", "--output", str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "agg", "PYTHONPATH": str(Path(pl.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    folder = tmp_path / script.stem
    record = json.loads((folder / "numbers.json").read_text(encoding="utf-8"))
    assert record["quick"]
    assert record["numbers"], "a chapter promises something"
    pictures = list(folder.glob("*.png"))
    assert len(pictures) >= 2
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in pictures)
    assert [path.name for path in tmp_path.iterdir()] == [script.stem]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_cells_are_the_whole_script(script: Path) -> None:
    cells = module(ROOT / "examples" / "cells.py").cells_of(script)
    rows = script.read_text(encoding="utf-8").splitlines()
    for cell in cells:
        assert cell.prose.strip()
        code = cell.code.splitlines()
        assert rows[cell.line : cell.line + len(code)] == code
    kept = sum(len(cell.code.splitlines()) + len(cell.prose.splitlines()) for cell in cells)
    assert kept >= 0.8 * len(rows)
    recorded = ROOT / "docs" / "chapters" / "recorded" / script.stem / "record.json"
    if recorded.exists():
        record = json.loads(recorded.read_text(encoding="utf-8"))
        assert len(record["cells"]) == len(cells), "the pages are out of date: run `make chapters`"
        assert record["quick"] or all(number["kept"] for number in record["numbers"])


def run_chapter(tmp_path: Path, arguments: list[str], value: float) -> ModuleType:
    """A chapter that promises at least 1."""
    helper = module(ROOT / "examples" / "chapter.py")
    chapter = helper.Chapter("chapter_0_test.py", [*arguments, "--output", str(tmp_path)])
    chapter.check("a number", value, at_least=1.0)
    chapter.finish()
    return helper


def test_a_missed_number_fails_the_full_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="1 of 1 numbers were missed"):
        run_chapter(tmp_path, [], 0.5)
    assert "MISSED" in capsys.readouterr().err


def test_no_number_is_a_missed_number(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="1 of 1 numbers were missed"):
        run_chapter(tmp_path, [], float("nan"))


def test_a_quick_run_promises_nothing(tmp_path: Path) -> None:
    run_chapter(tmp_path, ["--quick"], 0.5)


def test_a_kept_number(tmp_path: Path) -> None:
    run_chapter(tmp_path, [], 1.0)
