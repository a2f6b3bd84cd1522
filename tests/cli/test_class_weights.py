"""`--class-weight balanced`: rare classes count as much as common ones, in training and in what is measured."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("sklearn")

import pellucid as pl
from pellucid.estimators import TableClassifier
from pellucid.tables.fitting import Settings
from pellucid.tables.recipes import recipe_for
from pellucid.tables.training import train_table


@pytest.fixture
def rare(tmp_path) -> str:
    """One row in twenty is of a class that a line through x finds, mostly."""
    x, z, noise = np.random.default_rng(0).normal(size=(3, 400))
    ill = np.where(x + 0.4 * noise > 1.75, "yes", "no")
    rows = [f"{a:.4f},{b:.4f},{word}" for a, b, word in zip(x, z, ill, strict=True)]
    (tmp_path / "rare.csv").write_text("\n".join(["x,z,ill", *rows]) + "\n")
    return "rare.csv"


def test_they_are_those_of_the_estimator(pellucid, tmp_path, rare) -> None:
    plain = ("train", rare, "--target", "ill", "--recipe", "plain", "--epochs", 6, "--folds", 2)
    code, out, err = pellucid(*plain, "--class-weight", "balanced")
    assert (code, err) == (0, "")
    model = TableClassifier(recipe="plain", epochs=2, class_weight="balanced").fit(tmp_path / rare, target="ill")
    table, codes, weight = model._seen
    no, yes = (weight[codes == code][0] for code in (0, 1))
    assert "All classes count alike (--class-weight balanced), also in what is measured:" in out
    assert f"a row of no {no:.3g}, yes {yes:.3g}\n" in out
    assert "models that had not seen it; every class counts alike" in out
    settings = Settings(recipe_for("plain", "classes"), epochs=6)
    expected = train_table(table, codes, model.target_, settings, folds=2, weight=weight).report
    report = json.loads((tmp_path / "runs/rare-1/report.json").read_text())
    assert [{**each, "seconds": 0} for each in report["contenders"]] == [
        {**each, "seconds": 0} for each in expected.to_plain()["contenders"]
    ]
    assert json.loads((tmp_path / "runs/rare-1/settings.json").read_text())["class_weight"] == "balanced"
    assert pellucid(*plain).code == 0
    weighed, alike = (pl.load(tmp_path / f"runs/rare-{number}/model.pellucid") for number in (1, 2))
    rows = weighed.preprocessing.transform({name: table[name] for name in ("x", "z")})
    assert weighed.predict(rows).sum() > alike.predict(rows).sum()  # more rows of the rare class are found


def test_the_next_commands_keep_them(pellucid, rare) -> None:
    quick = ("train", rare, "--target", "ill", "--recipe", "plain", "--epochs", 1, "--folds", 0)
    out = pellucid(*quick, "--class-weight", "balanced").out
    assert "--class-weight balanced --ensemble 8\n" in out
    assert "--class-weight balanced --minutes 5\n" in out
    assert "--to onnx\n" in out


def test_a_rare_class_that_is_not_found_leads_to_them(pellucid, rare) -> None:
    quick = ("train", rare, "--target", "ill", "--recipe", "plain", "--hidden", 1, "--epochs", 3, "--folds", 0)
    out = pellucid(*quick).out
    assert "class_imbalance" in out
    assert "Class yes has " in out
    offered = next(line for line in out.splitlines() if line.startswith("Try: pellucid "))
    assert offered.endswith("--hidden 1 --epochs 3 --class-weight balanced --folds 0")
    again = pellucid(*offered.split()[2:])
    assert again.code == 0
    assert "class_imbalance" not in again.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rare.csv", "--target", "z", "--class-weight", "balanced"], "is for classes, but z is predicted as numbers"),
        (["rare.csv", "--target", "ill", "--class-weight", "even"], "'even' is unknown. Allowed: balanced"),
        (["digits", "--class-weight", "balanced"], "is for tables: digits is a data set that knows its target"),
    ],
)
def test_they_are_for_the_classes_of_tables(pellucid, tmp_path, rare, arguments, words) -> None:
    code, _, err = pellucid("train", *arguments)
    assert code == 2
    assert "--class-weight " in err
    assert words in err
    assert not (tmp_path / "runs").exists()


def test_a_search_compares_by_them(pellucid, rare) -> None:
    pytest.importorskip("optuna")
    search = ("tune", rare, "--target", "ill", "--trials", 1, "--epochs", 3, "--recipe", "plain")
    code, out, err = pellucid(*search, "--class-weight", "balanced")
    assert (code, err) == (0, "")
    assert "All classes count alike (--class-weight balanced)" in out
    assert "Going on" not in pellucid(*search).out  # rows that count otherwise cannot be compared
    assert "Going on" in pellucid(*search, "--class-weight", "balanced").out
