"""What the tests of the command line share: a way to call it, and one trained run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

pytest.importorskip("typer")
pytest.importorskip("matplotlib")

import pellucid as pl
from pellucid.cli import main
from pellucid.plots.figure import new_figure


class Answer(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def pellucid(capsys, tmp_path, monkeypatch) -> Callable[..., Answer]:
    """Call the command line in this process, in an empty folder, with its output piped."""
    monkeypatch.chdir(tmp_path)
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR", "TERMINAL_WIDTH"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: object) -> Answer:
        code = main([str(argument) for argument in arguments])
        return Answer(code, *capsys.readouterr())

    return call


@pytest.fixture
def without_pictures(monkeypatch) -> None:
    """Leave the report blank, for tests that train often and look at other things."""
    monkeypatch.setattr(pl.plots, "report", lambda *_: new_figure(1, 1))


@pytest.fixture
def process(tmp_path) -> Callable[..., subprocess.Popen]:
    """Start the command line as a process of its own, all its streams piped."""
    started = []
    home = Path(pl.__file__).parents[1]  # also where the package is not installed

    def start(*arguments: object, **environment: str) -> subprocess.Popen:
        inherited = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "FORCE_COLOR", "NO_COLOR")}
        started.append(
            subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "pellucid", *map(str, arguments)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                cwd=tmp_path,
                env={**inherited, "PYTHONUTF8": "1", "PYTHONPATH": str(home), **environment},
            )
        )
        return started[-1]

    yield start
    for each in started:
        if each.poll() is None:
            each.kill()
        each.communicate()


@pytest.fixture(scope="session")
def run(tmp_path_factory) -> Path:
    """The folder of a small run on the digits."""
    folder = tmp_path_factory.mktemp("run") / "digits"
    assert main(["train", "digits", "--hidden", "20", "--epochs", "6", "--save", str(folder)]) == 0
    return folder


@pytest.fixture(scope="session")
def plane(tmp_path_factory) -> Path:
    """The folder of a small run on two classes of points."""
    folder = tmp_path_factory.mktemp("run") / "plane"
    assert main(["train", "two-gaussians", "--epochs", "20", "--save", str(folder)]) == 0
    return folder
