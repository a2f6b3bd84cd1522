"""A table from end to end: what is measured beside scikit-learn's own numbers, what is said, what is drawn."""

from __future__ import annotations

import html
import json

import numpy as np
import pytest

import pellucid as pl
from pellucid.datasets.splits import k_fold_indices
from pellucid.tables.fitting import Settings
from pellucid.tables.recipes import recipe_for
from pellucid.tables.report.intervals import Interval
from pellucid.tables.report.metrics import AUC, LOG_LOSS, R2, measures_of
from pellucid.tables.report.report import Contender
from pellucid.tables.report.rivals import Fold, gradient_boosting, linear_model, matrices
from pellucid.tables.report.verdict import verdict
from pellucid.tables.table import Table
from pellucid.tables.targets import find_target
from pellucid.tables.training import Trained, train_table

RNG = np.random.default_rng(0)


def table_of(rows: int = 300) -> tuple[Table, np.ndarray]:
    """Whether something sells, by its price and colour; the third column says nothing."""
    price, colour = RNG.uniform(1, 9, rows), RNG.choice(["red", "blue", "green"], rows)
    noise = RNG.normal(size=rows)
    price[::15] = np.nan
    sells = np.where(np.nan_to_num(price, nan=5.0) + 3.0 * (colour == "red") + RNG.normal(size=rows) > 6, "yes", "no")
    return Table.of({"price": price, "colour": colour, "noise": noise}, name="sales"), sells


@pytest.fixture(scope="module")
def trained() -> Trained:
    table, sells = table_of()
    target = find_target(sells, "sells")
    return train_table(table, target.encode(sells), target, Settings(recipe_for("plain", "classes")), folds=3)


def test_every_row_is_measured_once_by_models_that_had_not_seen_it(trained: Trained) -> None:
    report = trained.report
    assert len(report.truth) == len(report.answers) == 300
    assert report.how.startswith("by 3 folds: each of the 300 rows")
    score = report.score
    assert score is not None
    assert score.value == pytest.approx((report.answers.argmax(axis=1) == report.truth).mean())
    assert score.low < score.value < score.high
    assert len(report.contenders[0].folds) == 3


def test_the_columns_that_matter_come_first(trained: Trained) -> None:
    importance = trained.report.importance
    assert list(importance)[:2] in (["price", "colour"], ["colour", "price"])
    assert abs(importance["noise"]) < 0.05
    price = next(effect for effect in trained.report.effects if effect.column == "price")
    assert price.number
    assert price.means[-1][1] > price.means[0][1] + 0.5  # the dearer, the more likely: as the rows were made
    colour = next(effect for effect in trained.report.effects if effect.column == "colour")
    chance = dict(zip(colour.values, (mean[1] for mean in colour.means), strict=True))
    assert chance["red"] > max(chance["blue"], chance["green"])


def test_the_report_is_json_without_what_json_has_not(trained: Trained) -> None:
    data = json.loads(trained.report.to_json())
    assert data["target"] == {
        "name": "sells",
        "task": "classes",
        "why": "it holds yes and no",
        "classes": ["no", "yes"],
        "levels": [],
    }
    assert [each["name"] for each in data["contenders"]][:3] == ["network", "constant", "linear model"]
    assert set(data["importance"]) == {"price", "colour", "noise"}


def test_the_page_holds_everything_and_loads_nothing(trained: Trained, tmp_path) -> None:
    pytest.importorskip("matplotlib")
    page = trained.report.to_html(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text() == page
    assert page.count("<img") == 5  # scores, confusion, calibration, importance, effects
    assert "http:" not in page  # with the colon, which no picture in base64 has
    assert "https:" not in page
    assert "<script" not in page
    for words in ("gradient boosting", "sells", "What the columns are", trained.report.verdict[:20]):
        assert words in page


def test_names_from_the_table_are_escaped(tmp_path) -> None:
    pytest.importorskip("matplotlib")
    evil = "<script>alert(1)</script>"
    x = RNG.normal(size=60)
    table, y = Table.of({evil: x, "other": RNG.normal(size=60)}), (x > 0).astype(int)
    target = find_target(np.where(y, evil, "no"), evil)
    settings = Settings(recipe_for("plain", "classes"), epochs=2)
    page = train_table(table, target.encode(np.where(y, evil, "no")), target, settings, folds=1).report.to_html()
    assert "<script" not in page


def test_names_that_no_picture_has_room_or_letters_for_leave_the_page_whole() -> None:
    names = ["x" * 200, "a $ and a $", "日本語の列", "tab\tand\x07bell"]
    table = Table.of({name: RNG.normal(size=60) for name in names} | {"w" * 150: RNG.choice(["u" * 90, "v" * 90], 60)})
    classes = RNG.choice(["k" * 120, "l $ 5", "m\x1b[31m"], 60)
    target = find_target(classes, "t" * 150)
    report = train_table(
        table, target.encode(classes), target, Settings(recipe_for("plain", "classes"), epochs=2), folds=1
    ).report
    page = report.to_html()  # a warning of matplotlib would be an error
    assert all(html.escape(name) in page for name in names)


def test_importance_is_told_in_a_measure_that_beats_a_constant() -> None:
    x = RNG.normal(size=(600, 2))
    rare = (RNG.random(600) < 0.12 / (1 + np.exp(-3 * x[:, 0]))).astype(float)  # more than nine in ten are of one class
    table, target = Table.of({"a": x[:, 0], "b": x[:, 1]}), find_target(rare, "rare")
    report = train_table(
        table, target.encode(rare), target, Settings(recipe_for("plain", "classes"), epochs=20), folds=5
    ).report
    constant = report.contender("constant")
    assert constant is not None
    assert constant.lead["accuracy"].low <= 0 < constant.lead["auc"].low
    assert report.telling is AUC
    assert report.to_plain()["importance_by"] == "auc"
    assert report.importance["a"] > 0.1 > report.importance["b"]
    assert "AUC lost without the column" in str(report)


def test_the_same_seed_gives_the_same_report() -> None:
    table, sells = table_of(80)
    target = find_target(sells, "sells")
    settings = Settings(recipe_for("plain", "classes"), epochs=3, seed=5)
    first, second = (train_table(table, target.encode(sells), target, settings, folds=2).report for _ in range(2))
    data, again = (
        {**r.to_plain(), "seconds": 0, "contenders": [c.scores for c in r.contenders]} for r in (first, second)
    )
    assert data == again


@pytest.mark.parametrize("task", ["numbers", "quantiles", "counts"])
def test_numbers_quantiles_and_counts(task: str) -> None:
    pytest.importorskip("matplotlib")
    x = RNG.uniform(-1, 1, 200)
    y = RNG.poisson(np.exp(2 + x)).astype(float) if task == "counts" else x + 0.1 * RNG.normal(size=200)
    target = find_target(y, "y", asked=task)
    table = Table.of({"x": x, "z": RNG.normal(size=200)})
    settings = Settings(recipe_for("plain", target.task))
    report = train_table(table, target.encode(y), target, settings, folds=2).report
    assert report.score is not None
    assert report.score.value > 0.3
    assert next(iter(report.importance)) == "x"
    assert len(report.contenders) >= 3
    assert report.to_html().count("<img") >= 5


def test_gradient_boosting_is_scikit_learns_with_its_defaults() -> None:
    ensemble = pytest.importorskip("sklearn.ensemble")
    table, sells = table_of(200)
    target = find_target(sells)
    y = target.encode(sells)
    training, testing = k_fold_indices(y, 3)[0]
    train, test = table.take(training), table.take(testing)
    fold = Fold(train, y[training], test, None, target, Settings(recipe_for("plain", "classes")))
    a, b, categories = matrices(train, test)
    assert categories == [False, True, False]
    assert np.isnan(a[:, 0]).any()
    model = ensemble.HistGradientBoostingClassifier(categorical_features=categories, random_state=0)
    expected = model.fit(a, y[training]).predict_proba(b)
    assert np.allclose(gradient_boosting(fold), expected)


def test_the_linear_model_is_logistic_regression() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    x = RNG.normal(size=(400, 2))
    y = (x @ [1.0, -2.0] + RNG.logistic(size=400) > 0).astype(int)
    table, target = Table.of({"a": x[:, 0], "b": x[:, 1]}), find_target(y, asked="classes")
    fold = Fold(
        table.take(slice(0, 300)),
        y[:300],
        table.take(slice(300, 400)),
        None,
        target,
        Settings(recipe_for("plain", "classes")),
    )
    expected = linear.LogisticRegression(C=np.inf).fit(x[:300], y[:300]).predict_proba(x[300:])
    found = linear_model(fold)
    assert np.abs(found - expected).max() < 0.08  # its inputs are clipped, the other's are not
    assert LOG_LOSS(y[300:], found) == pytest.approx(LOG_LOSS(y[300:], expected), abs=0.02)


def contender(name: str, lead: tuple[float, float, float]) -> Contender:
    interval = Interval(*lead)
    return Contender(name, {"r2": Interval(0.9, 0.8, 1.0)}, (0.9,), {"r2": interval}, 1.0)


@pytest.mark.parametrize(
    ("linear", "boosting", "words"),
    [
        ((0.2, 0.1, 0.3), (0.1, 0.05, 0.2), "A network is worth it here"),
        (
            (0.2, 0.1, 0.3),
            (0.0, -0.05, 0.05),
            "No difference can be measured between the network and gradient boosting",
        ),
        ((0.0, -0.1, 0.1), (0.1, 0.05, 0.2), "The simpler one will do"),
        (
            (0.2, 0.1, 0.3),
            (-0.1, -0.2, -0.05),
            r"Gradient boosting is better than the network here \(R² \+0.100 \[\+0.050",
        ),
    ],
)
def test_the_verdict_follows_the_intervals(linear: tuple, boosting: tuple, words: str) -> None:
    import re

    own = Contender("network", {"r2": Interval(0.9, 0.8, 1.0)}, (0.9,), {}, 1.0)
    others = [contender("constant", (0.9, 0.8, 1.0)), contender("linear model", linear)]
    assert re.search(words, verdict([own, *others, contender("gradient boosting", boosting)], [R2]))


def test_columns_that_tell_nothing_are_said_to_tell_nothing() -> None:
    own = Contender("network", {"r2": Interval(0.0, -0.1, 0.1)}, (0.0,), {}, 1.0)
    said = verdict([own, contender("constant", (0.0, -0.1, 0.1))], [R2])
    assert "not measurably better than a constant answer" in said


def test_the_doctor_sees_counts_in_the_unit_that_they_are_predicted_in() -> None:
    x = RNG.normal(size=(400, 2))
    counts = RNG.poisson(np.exp(3.0 + 0.5 * x[:, 0] - 0.3 * x[:, 1])).astype(float)
    table, target = Table.of({"a": x[:, 0], "b": x[:, 1]}), find_target(counts, "visits", asked="counts")
    report = train_table(table, counts, target, Settings(recipe_for("fast", "counts"), epochs=60), folds=0).report
    assert [each["name"] for each in report.findings["findings"] if each["severity"] == "error"] == []


def test_few_rows_are_not_measured() -> None:
    table = Table.of({"x": np.arange(12.0) ** 2, "z": RNG.normal(size=12)})
    target = find_target(np.arange(12.0) + 0.5)
    trained = train_table(table, np.arange(12.0) + 0.5, target, Settings(recipe_for("plain", "numbers"), epochs=2))
    assert trained.report.contenders == ()
    assert trained.report.score is None
    assert measures_of(target)[0] == R2
    assert isinstance(trained.model.networks[0], pl.Network)
