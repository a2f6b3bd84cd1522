"""A table from end to end: what is measured beside scikit-learn's own numbers, what is said, what is drawn."""

from __future__ import annotations

import html
import json
import sys
from dataclasses import replace

import numpy as np
import pytest

import pellucid as pl
from pellucid.datasets.splits import k_fold_indices
from pellucid.tables.fitting import Settings
from pellucid.tables.recipes import recipe_for
from pellucid.tables.report import baselines
from pellucid.tables.report.baselines import Fold, gradient_boosting, linear_model, matrices, ridge
from pellucid.tables.report.intervals import Interval
from pellucid.tables.report.metrics import LOG_LOSS, R2, measures_of
from pellucid.tables.report.scores import ModelScore
from pellucid.tables.report.verdict import verdict
from pellucid.tables.table import Table
from pellucid.tables.targets import find_target
from pellucid.tables.training import Trained, train_table
from pellucid.tables.weights import balanced
from support.pages import without_pictures

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
    chosen = report.answers[np.arange(300), report.truth]
    assert score.value == pytest.approx(-np.log(chosen).mean())
    assert score.low < score.value < score.high
    assert len(report.contenders[0].folds) == 3


def test_the_columns_that_matter_come_first(trained: Trained) -> None:
    importance = trained.report.importance
    assert list(importance)[:2] in (["price", "colour"], ["colour", "price"])
    assert abs(importance["noise"]) < 0.3 * importance["price"]
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
    assert "http" not in without_pictures(page).replace("http-equiv", "")
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


def test_a_rare_class_is_ranked_and_not_counted() -> None:
    """Six in a hundred, with a faint signal: the constant's accuracy is everybody's, and the network ranks worse than a
    line through the columns, which is how the rows were drawn.
    """
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 12))
    rare = np.where(rng.random(2000) < 1 / (1 + np.exp(3.2 - 0.7 * x[:, 0] - 0.5 * x[:, 1])), "yes", "no")
    assert 0.04 < (rare == "yes").mean() < 0.09
    table, target = Table.of({f"x{k}": column for k, column in enumerate(x.T)}), find_target(rare, "rare")
    assert target.rare == ("yes",)
    assert [measure.name for measure in measures_of(target)] == ["auc", "log_loss", "accuracy"]
    settings = Settings(replace(recipe_for("plain", "classes"), best_epoch=False), epochs=60)  # memorizes its rows
    report = train_table(table, target.encode(rare), target, settings, folds=3).report
    network, linear = report.contenders[0], report.contender("linear model")
    assert linear is not None
    assert linear.lead["auc"].high < 0
    assert "A linear model is better than the network here (AUC higher by 0." in report.verdict
    assert "worth it here" not in report.verdict
    assert report.to_plain()["compared_by"] == "auc"
    assert "Models are compared by AUC, how well rows are ranked" in str(report)
    (caution,) = report.cautions
    assert caution.startswith("One class is rare ('yes' ")
    assert "--class-weight balanced" in caution
    assert next(iter(report.importance)) in ("x0", "x1")
    assert "AUC lost without the column" in str(report)
    roc_auc_score = pytest.importorskip("sklearn.metrics").roc_auc_score
    assert network.scores["auc"].value == pytest.approx(roc_auc_score(report.truth, report.answers[:, 1]))


def test_a_balanced_class_is_not_rare_any_more() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=600)
    rare = np.where(x + rng.normal(size=600) > 2.2, "yes", "no")
    target = find_target(rare, "rare")
    y = target.encode(rare)
    weight = balanced(target.counts)[y]
    settings = Settings(recipe_for("plain", "classes"), epochs=2)
    table = Table.of({"x": x, "z": rng.normal(size=600)})
    for each, words in ((None, 1), (weight, 0)):
        cautions = train_table(table, y, target, settings, folds=2, weight=each).report.cautions
        assert sum("One class is rare" in caution for caution in cautions) == words


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


def fold_of(columns: dict[str, np.ndarray], values: np.ndarray, asked: str, weight: np.ndarray | None = None) -> Fold:
    """The first three quarters to learn from, the others to be measured on."""
    table, target = Table.of(columns), find_target(values, asked=asked)
    y, known = target.encode(values), 3 * len(values) // 4
    train, test = table.take(slice(0, known)), table.take(slice(known, len(values)))
    part = None if weight is None else weight[:known]
    return Fold(train, y[:known], test, part, target, Settings(recipe_for("plain", target.task)))


def test_the_linear_model_finds_a_sum_that_is_exact() -> None:
    rng = np.random.default_rng(0)
    casual, registered = rng.poisson(30.0, 800).astype(float), rng.gamma(1.0, 150.0, 800).round()
    columns = {"casual": casual, "registered": registered, "season": rng.choice(["a", "b", "c"], 800)}
    fold = fold_of(columns, casual + registered, "numbers")
    truth = (casual + registered)[600:]
    assert R2(truth, linear_model(fold)) > 1 - 1e-10
    table = Table.of(columns)
    report = train_table(
        table, casual + registered, fold.target, Settings(recipe_for("plain", "numbers"), epochs=3), folds=2
    ).report
    assert report.verdict.startswith("A linear model is better than the network here (R² higher by")


@pytest.mark.parametrize("weight", [None, np.arange(400.0) % 4 + 1], ids=["alike", "weighed"])
@pytest.mark.parametrize("strength", [1e-6, 0.1, 30.0])
def test_ridge_is_scikit_learns(monkeypatch, weight, strength: float) -> None:
    rng = np.random.default_rng(0)
    linear = pytest.importorskip("sklearn.linear_model")
    x = rng.normal(size=(400, 5)) @ rng.normal(size=(5, 7))  # two columns too many
    y = x @ rng.normal(size=7) + rng.normal(size=400) + 50
    monkeypatch.setattr(baselines, "_STRENGTHS", np.array([strength]))
    model = linear.Ridge(alpha=400 * strength)
    shares = None if weight is None else weight * 400 / weight.sum()
    expected = model.fit(x, y, sample_weight=shares).predict(x[:50])
    assert np.allclose(ridge(x, x[:50], y, weight), expected, rtol=1e-7)


@pytest.mark.parametrize("noise", [0.01, 1.0, 30.0])
def test_the_ridge_is_as_strong_as_leaving_rows_out_would_make_it(noise: float) -> None:
    rng = np.random.default_rng(0)
    linear = pytest.importorskip("sklearn.linear_model")
    x, slopes = rng.normal(size=(260, 30)), rng.normal(size=30)
    y = x @ slopes + noise * rng.normal(size=260)
    model = linear.RidgeCV(alphas=baselines._STRENGTHS * 130).fit(x[:130], y[:130])
    ours, theirs = (np.mean((answer - x[130:] @ slopes) ** 2) for answer in (
        ridge(x[:130], x[130:], y[:130]), model.predict(x[130:])
    ))  # fmt: skip
    assert ours == pytest.approx(theirs, rel=0.15)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_linear_model_is_logistic_regression(classes: int) -> None:
    rng = np.random.default_rng(0)
    linear = pytest.importorskip("sklearn.linear_model")
    x = rng.standard_t(5, size=(1200, 2))  # with outliers, which are not clipped
    scores = x @ rng.normal(size=(2, classes)) + rng.gumbel(size=(1200, classes))
    y = scores.argmax(axis=1)
    found = linear_model(fold_of({"a": x[:, 0], "b": x[:, 1]}, y, "classes"))
    expected = linear.LogisticRegression(C=np.inf).fit(x[:900], y[:900]).predict_proba(x[900:])
    assert np.abs(found - expected).max() < 0.02
    assert LOG_LOSS(y[900:], found) == pytest.approx(LOG_LOSS(y[900:], expected), abs=0.003)


def test_the_penalty_of_logistic_regression_is_chosen() -> None:
    """Of forty columns of noise and few rows, the penalized model is nearly the constant, the free one far off."""
    rng = np.random.default_rng(0)
    linear = pytest.importorskip("sklearn.linear_model")
    x, y = rng.normal(size=(160, 40)), rng.integers(0, 2, 160)
    free = linear.LogisticRegression(C=np.inf).fit(x[:120], y[:120]).predict_proba(x[120:])
    fold = fold_of({f"x{k}": column for k, column in enumerate(x.T)}, y, "classes")
    assert LOG_LOSS(y[120:], linear_model(fold)) < 0.8 < LOG_LOSS(y[120:], free) - 0.1  # log 2 is 0.69


def test_the_linear_model_of_counts_is_poisson_regression() -> None:
    rng = np.random.default_rng(0)
    linear = pytest.importorskip("sklearn.linear_model")
    x = rng.normal(size=(1200, 2))
    y = rng.poisson(np.exp(1.0 + x @ [0.5, -0.8])).astype(float)
    found = linear_model(fold_of({"a": x[:, 0], "b": x[:, 1]}, y, "counts"))
    expected = linear.PoissonRegressor(alpha=0, max_iter=1000).fit(x[:900], y[:900]).predict(x[900:])
    assert np.allclose(found, expected, rtol=0.02)


@pytest.mark.parametrize("asked", ["classes", "counts", "quantiles"])
def test_without_scikit_learn_the_linear_model_is_a_network_without_hidden_layers(monkeypatch, asked: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1200, 2))
    y = rng.poisson(np.exp(1.0 + x @ [0.5, -0.8])).astype(float) if asked == "counts" else x @ [1.0, -2.0]
    y = (y + rng.logistic(size=1200) > 0).astype(int) if asked == "classes" else y
    fold = fold_of({"a": x[:, 0], "b": x[:, 1]}, y, asked)
    expected = linear_model(fold)
    pytest.importorskip("sklearn.ensemble")  # needs the module itself while it is loaded
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    found = linear_model(fold)
    assert np.allclose(found, expected, rtol=0.1, atol=0.05)
    assert gradient_boosting(fold) is not None


def test_of_many_categories_the_commonest_have_a_column(monkeypatch) -> None:
    rng = np.random.default_rng(0)
    monkeypatch.setattr(baselines, "_MOST_ONE_HOT", 4)
    names = np.array([f"name {k}" for k in np.minimum(rng.geometric(0.3, 900), 40)])
    columns = {"name": names, "x": rng.normal(size=900)}
    fold = fold_of(columns, (names == "name 1") * 5.0 + columns["x"], "numbers")
    x, asked = baselines.standardized(fold.train, fold.test)
    assert x.shape == (675, 5)
    assert asked.shape == (225, 5)
    assert np.allclose([x.mean(axis=0), x.std(axis=0)], [[0] * 5, [1] * 5], atol=1e-4)
    assert R2((names == "name 1")[675:] * 5.0 + columns["x"][675:], linear_model(fold)) > 1 - 1e-9


def contender(name: str, lead: tuple[float, float, float]) -> ModelScore:
    interval = Interval(*lead)
    return ModelScore(name, {"r2": Interval(0.9, 0.8, 1.0)}, (0.9,), {"r2": interval}, 1.0)


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
            (0.0006, 0.00004, 0.0012),
            r"gradient boosting \(R² higher by 0.0006 \[0.0000, 0.0012\]\); it",
        ),
        (
            (0.2, 0.1, 0.3),
            (-0.1, -0.2, -0.05),
            r"Gradient boosting is better than the network here \(R² higher by 0.100 \[0.050, 0.200",
        ),
    ],
)
def test_the_verdict_follows_the_intervals(linear: tuple, boosting: tuple, words: str) -> None:
    import re

    own = ModelScore("network", {"r2": Interval(0.9, 0.8, 1.0)}, (0.9,), {}, 1.0)
    others = [contender("constant", (0.9, 0.8, 1.0)), contender("linear model", linear)]
    assert re.search(words, verdict([own, *others, contender("gradient boosting", boosting)], R2))


def test_columns_that_tell_nothing_are_said_to_tell_nothing() -> None:
    own = ModelScore("network", {"r2": Interval(0.0, -0.1, 0.1)}, (0.0,), {}, 1.0)
    said = verdict([own, contender("constant", (0.0, -0.1, 0.1))], R2)
    assert said.startswith("The network is not measurably better than a constant answer (R² higher by 0.000")
    assert "these columns do not tell the target" in said


def test_a_network_that_is_no_better_than_a_constant_where_a_rival_is() -> None:
    own = ModelScore("network", {"r2": Interval(0.0, -0.1, 0.1)}, (0.0,), {}, 1.0)
    others = [contender("constant", (0.0, -0.1, 0.1)), contender("linear model", (-0.5, -0.6, -0.4))]
    said = verdict([own, *others], R2)
    assert said.endswith(". A linear model is better than the network here (R² higher by 0.500 [0.400, 0.600]).")
    assert "do not tell" not in said


def test_a_search_says_whether_it_was_worth_it() -> None:
    own = ModelScore("network", {"r2": Interval(0.9, 0.8, 1.0)}, (0.9,), {}, 1.0)
    others = [contender("constant", (0.9, 0.8, 1.0)), contender("recipe as it was", (0.1, -0.1, 0.2))]
    said = verdict([own, *others], R2)
    assert "not measurably better than the recipe as it was (R² higher by 0.100 [−0.100, 0.200])" in said
    assert "nothing else to compare it with" in said


def test_losses_are_lower_and_shares_higher() -> None:
    own = ModelScore("network", {"log_loss": Interval(0.3, 0.2, 0.4)}, (0.3,), {}, 1.0)

    def rival(name: str, *lead: float) -> ModelScore:
        return ModelScore(name, {}, (), {"log_loss": Interval(*lead)}, 1.0)

    said = verdict([own, rival("constant", 0.5, 0.4, 0.6), rival("linear model", -0.2, -0.3, 0.1)], LOG_LOSS)
    assert "and a linear model (log loss higher by 0.200 [−0.100, 0.300])" in said


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
