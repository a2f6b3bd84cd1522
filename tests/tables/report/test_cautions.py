"""What makes one look twice at a score: columns that give the target away, copies, rare classes."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid.tables.fitting import Settings
from pellucid.tables.recipes import recipe_for
from pellucid.tables.report.cautions import cautions_of, copies_in
from pellucid.tables.table import Table
from pellucid.tables.targets import Target, find_target
from pellucid.tables.training import Trained, train_table

RNG = np.random.default_rng(0)
NUMBERS = find_target(np.arange(30) / 7, "wage")
X, Y = RNG.normal(size=(400, 3)), RNG.normal(size=400)


def trained(columns: dict[str, np.ndarray], values: np.ndarray, name: str) -> Trained:
    table, target = Table.of(columns), find_target(values, name)
    return train_table(table, target.encode(values), target, Settings(recipe_for("plain", target.task)), folds=2)


def test_a_column_that_is_made_from_the_target_is_named_with_the_way_out() -> None:
    wage = RNG.lognormal(size=300)
    report = trained({"age": RNG.normal(size=300), "logwage": np.log(wage)}, wage, "wage").report
    (caution,) = report.cautions
    assert caution.startswith("Nearly all of what the network knows comes from one column, 'logwage'")
    assert "Is it known before 'wage' is?" in caution
    assert "--kinds logwage=ignore" in caution
    assert report.to_plain()["cautions"] == [caution]
    assert f"Caution: {caution}" in str(report)
    assert "Caution: Nearly all" in report.to_html()


def test_columns_that_share_the_work_are_nothing_to_warn_of() -> None:
    a, b = RNG.normal(size=(2, 300))
    assert trained({"a": a, "b": b}, a + b, "sum").report.cautions == ()


@pytest.mark.parametrize(
    ("importance", "words"),
    [
        ({"a": 0.96, "b": 0.04}, "Nearly all .* 'a' \\(96%"),
        ({"a": 0.89, "b": 0.11, "c": -0.5}, "Most .* 'a' \\(89%"),
        ({"a": 0.85, "b": 0.15}, None),  # such as the weight of a diamond for its price
        ({"a": 0.5, "b": 0.5}, None),
        ({"a": 0.9}, None),  # there is no other column
        ({"a": 0.0, "b": -0.1}, None),
        ({}, None),
    ],
)
def test_the_share_of_a_column_decides(importance: dict[str, float], words: str | None) -> None:
    import re

    said = cautions_of(X, Y, NUMBERS, importance)
    assert len(said) == (words is not None)
    assert all(re.match(words or "", each) for each in said)


def test_copies_are_counted_by_their_rows_and_targets() -> None:
    x = RNG.integers(0, 3, size=(500, 4)).astype(np.float32)
    x[RNG.random(x.shape) < 0.1] *= -1.0  # −0 and 0 are the same number
    y = RNG.integers(0, 2, 500)
    together = np.c_[x + 0.0, y]
    assert copies_in(x, y) == 500 - len(np.unique(together, axis=0))
    assert copies_in(X, Y) == 0


def test_copied_rows_are_said_where_they_cannot_be_chance() -> None:
    twice = np.r_[X, X[:40]], np.r_[Y, Y[:40]]
    (caution,) = cautions_of(*twice, NUMBERS, {})
    assert caution.startswith("40 of 440 rows (9%) are copies of others")
    assert cautions_of(np.r_[X, X[:1]], np.r_[Y, Y[:1]], NUMBERS, {}) == ()  # one in four hundred changes no score
    coarse = RNG.integers(0, 2, size=(400, 2))
    assert cautions_of(coarse, coarse[:, 0], NUMBERS, {}) == ()  # four different rows must come again


def test_rare_classes_are_named_with_their_rows() -> None:
    classes = np.array(["a"] * 250 + ["b"] * 147 + ["c"] * 3)
    target: Target = find_target(classes, "kind")
    (caution,) = cautions_of(X, target.encode(classes), target, {})
    assert caution.startswith("One class has fewer than 10 rows ('c' has 3): it can hardly be learnt")


def test_classes_that_are_written_alike_but_for_capitals_are_named() -> None:
    classes = np.array(["Yes", "yes", "no", "No way"] * 100)
    target = find_target(classes, "kind")
    (caution,) = cautions_of(X, target.encode(classes), target, {})
    assert caution.startswith("Classes differ in capitals or spaces alone ('Yes' and 'yes'): where they mean")


def test_a_network_that_knows_nothing_is_not_asked_where_it_knows_it_from() -> None:
    noise = {"a": RNG.normal(size=200), "b": RNG.normal(size=200)}
    assert trained(noise, RNG.normal(size=200), "noise").report.cautions == ()
