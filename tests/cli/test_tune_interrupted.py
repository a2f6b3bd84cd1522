"""Ctrl-C ends `pellucid tune` at any moment: what was found is kept, whole, and the same command goes on."""

from __future__ import annotations

import json
import re
import signal
import sys
import time

import numpy as np
import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("sklearn")
pytest.importorskip("optuna")

import pellucid as pl

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")


@pytest.fixture
def search(tmp_path) -> tuple[str, ...]:
    x, z = np.random.default_rng(0).normal(size=(2, 120))
    rows = [f"{a:.4f},{b:.4f},{'yes' if a + b > 0.2 else 'no'}" for a, b in zip(x, z, strict=True)]
    (tmp_path / "points.csv").write_text("\n".join(["x,z,inside", *rows]) + "\n")
    return "tune", "points.csv", "--target", "inside"


def test_what_was_found_is_kept_and_the_same_command_goes_on(process, pellucid, tmp_path, search) -> None:
    short = (*search, "--epochs", 3, "--save", "tune")
    going = process(*short, "--trials", 100_000)
    lines = []
    for line in going.stdout:
        lines.append(line)
        if line.startswith("trial 3:"):
            break
    going.send_signal(signal.SIGINT)
    out, err = going.communicate(timeout=600)
    out = "".join(lines) + out
    assert (going.returncode, err) == (130, "")
    assert "\nInterrupted: what was found until then is kept.\n" in out
    assert "pellucid predict tune new.csv\n" in out
    assert {path.name for path in (tmp_path / "tune").iterdir()} == {
        "study.journal", "settings.json", "model.pellucid", "history.json", "report.json", "report.html",
    }  # fmt: skip
    told = [line for line in out.splitlines() if line.startswith("trial ")]
    best = [float(line.split()[4]) for line in told if "best so far" in line]
    measured = [float(line.split()[4]) for line in told if "log loss" in line and "not kept" not in line]
    assert min(measured) == best[-1]
    score = json.loads((tmp_path / "tune/report.json").read_text())["contenders"][0]["scores"]["log_loss"][0]
    assert f"Measured: log loss {score:.4f} " in out
    kept = (tmp_path / "tune/model.pellucid").read_bytes()
    assert pl.load(tmp_path / "tune/model.pellucid").preprocessing.column_names == ("x", "z")
    code, out, _ = pellucid(*short, "--trials", 1)
    assert code == 0
    words = rf"Going on with the search in tune/: (\d+) trials were made, the best log loss is {best[-1]:.4f}\."
    made = int(re.search(words, out)[1])
    assert made - len(told) in (0, 1)  # one may have been interrupted
    line = next(line for line in out.splitlines() if line.startswith("trial "))
    assert line.startswith(f"trial {made + 1}: ")
    assert ((tmp_path / "tune/model.pellucid").read_bytes() != kept) == ("best so far" in line)


def test_the_first_trial_is_made_again_where_it_was_interrupted(process, pellucid, tmp_path, search) -> None:
    going = process(*search, "--epochs", 1_000_000, "--save", "tune")
    for line in going.stdout:
        if "rows to train" in line:
            break
    journal = tmp_path / "tune/study.journal"
    while not re.search(r'"param_name": ?"label_smoothing"', journal.read_text()):  # all that the first trial asks for
        assert going.poll() is None
        time.sleep(0.02)
    going.send_signal(signal.SIGINT)
    out, err = going.communicate(timeout=600)
    assert (going.returncode, err) == (130, "")
    assert "No trial has come to its end: there is no network yet." in out
    assert [path.name for path in (tmp_path / "tune").iterdir()] == ["study.journal"]
    code, out, _ = pellucid(*search, "--epochs", 2, "--save", "tune", "--trials", 1)
    assert code == 0
    assert "best so far   as it was" in out


def test_what_is_kept_is_kept_whole(tmp_path, monkeypatch) -> None:
    """Ctrl-C between the network and what is said of it waits until both are written."""
    from pellucid.tables.fitting import Settings
    from pellucid.tables.recipes import recipe_for
    from pellucid.tables.table import Table
    from pellucid.tables.targets import find_target
    from pellucid.tables.tuning import Search

    x = np.random.default_rng(0).normal(size=80)
    y = (x > 0).astype(np.int64)
    settings = Settings(recipe_for("plain", "classes"), epochs=2)
    search = Search(Table.of({"x": x}), y, find_target(y, "y"), settings, tmp_path / "study.journal")
    written = []

    def kept(*_: object) -> None:
        written.append("network")
        signal.raise_signal(signal.SIGINT)
        written.append("words")

    assert search.run(trials=5, kept=kept, on_progress=lambda tried: written.append(tried.state))
    assert written == ["network", "words", "done"]
    assert search.tried == 1
    assert search.best is not None
    again = Search(Table.of({"x": x}), y, find_target(y, "y"), settings, tmp_path / "study.journal")
    assert again.goes_on
    assert again.best_value == search.best_value
