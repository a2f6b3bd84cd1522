"""Metrics in `fit` and `evaluate`: scikit-learn's numbers, and those of functions of one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pellucid as pl

sklearn_metrics = pytest.importorskip("sklearn.metrics")

RANDOM = np.random.default_rng(0)
N = 200
WEIGHT = RANDOM.uniform(0.0, 3.0, N)


def through(scores: np.ndarray, y: Any, loss: str | pl.Loss, metric: Any, weight: Any = None) -> float:
    """A metric of scores, which the network passes on as they are."""
    network = pl.Network([pl.Identity()], dtype="float64").build(scores.shape[1])
    network.link = (pl.losses.find_loss(loss)).link(network.encode(y, pl.losses.find_loss(loss)))
    values = network.evaluate(scores, y, loss=loss, metrics=[metric], sample_weight=weight)
    return list(values.values())[-1]


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weighted"])
@pytest.mark.parametrize("classes", [2, 4])
def test_of_classes(classes: int, weight: Any) -> None:
    scores, y = RANDOM.normal(size=(N, classes)).round(1), RANDOM.integers(0, classes, N)
    predicted, loss, options = scores.argmax(axis=1), "softmax_cross_entropy", {"sample_weight": weight}
    average = "binary" if classes == 2 else "macro"
    expected = {
        "accuracy": sklearn_metrics.accuracy_score(y, predicted, **options),
        "balanced_accuracy": sklearn_metrics.balanced_accuracy_score(y, predicted, **options),
        "f1": sklearn_metrics.f1_score(y, predicted, average=average, **options),
    }
    if classes == 2:  # scores rounded to tenths: many are equal
        expected["auc"] = sklearn_metrics.roc_auc_score(y, scores[:, 1] - scores[:, 0], **options)
    for name, value in expected.items():
        assert through(scores, y, loss, name, weight) == pytest.approx(value, rel=1e-12), name


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weighted"])
def test_of_a_single_yes_or_no(weight: Any) -> None:
    scores, y = RANDOM.normal(size=(N, 1)), RANDOM.integers(0, 2, N)
    options = {"sample_weight": weight}
    predicted = (scores[:, 0] > 0).astype(int)
    for name, value in {
        "f1": sklearn_metrics.f1_score(y, predicted, **options),
        "auc": sklearn_metrics.roc_auc_score(y, scores[:, 0], **options),
        "balanced_accuracy": sklearn_metrics.balanced_accuracy_score(y, predicted, **options),
    }.items():
        assert through(scores, y, "sigmoid_cross_entropy", name, weight) == pytest.approx(value, rel=1e-12), name


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weighted"])
@pytest.mark.parametrize("outputs", [1, 3])
def test_of_numbers(outputs: int, weight: Any) -> None:
    scores, y = RANDOM.normal(size=(N, outputs)), RANDOM.normal(size=(N, outputs))
    expected = {
        "rmse": np.sqrt(sklearn_metrics.mean_squared_error(y, scores, sample_weight=weight)),
        "mae": sklearn_metrics.mean_absolute_error(y, scores, sample_weight=weight),
        "r2": sklearn_metrics.r2_score(y, scores, sample_weight=weight),
    }
    for name, value in expected.items():
        assert through(scores, y, "squared_error", name, weight) == pytest.approx(value, rel=1e-12), name


def test_numbers_are_in_the_unit_of_y() -> None:
    x, y = np.arange(20.0)[:, None], 1000.0 + 50.0 * np.arange(20.0)
    trainer = pl.Trainer(pl.Network([pl.Dense(1)]), "squared_error", standardize_target=True)
    seen: list[np.ndarray] = []

    def last(y: np.ndarray, predictions: np.ndarray) -> float:
        seen.append(y)
        return float(predictions[-1])

    history = trainer.fit(x, y, epochs=1, metrics=["mae", last])
    network = trainer.network
    assert history["mae"][0] == pytest.approx(np.abs(network.predict(x) - y).mean())
    assert history["last"][0] == pytest.approx(network.predict(x)[-1])
    np.testing.assert_allclose(seen[0], y)


def test_in_fit_they_are_columns_of_training_and_validation(engine: str) -> None:
    """Each number is that of `evaluate` with the epoch's last weights."""
    moons = pl.datasets.load_toy("crescent-moons")
    after: list[tuple[float, float]] = []

    def look(trainer: pl.Trainer) -> None:
        train, held_out = (
            trainer.network.evaluate(*part, metrics=["f1"])["f1"] for part in (moons.train, moons.validation)
        )
        after.append((train, held_out))

    network = pl.Network([pl.Dense(8), pl.Tanh(), pl.Dense(2)], engine=engine)
    trainer = pl.Trainer(network, "softmax_cross_entropy", callbacks=[look])
    history = trainer.fit(*moons.train, epochs=3, validation=moons.validation, metrics=["accuracy", "f1"])
    assert list(zip(history["f1"], history["validation_f1"], strict=True)) == after
    plain = pl.Trainer(trainer.replica(fresh=True).network, "softmax_cross_entropy")
    assert plain.fit(*moons.train, epochs=3)["accuracy"] == history["accuracy"]  # still that of the batches
    assert network.training is not None
    assert network.training.metrics["validation_f1"] == after[-1][1]


def test_functions_get_what_their_second_argument_names() -> None:
    scores, y = np.array([[0.0, 3.0], [1.0, 0.0]]), [1, 1]
    got: dict[str, np.ndarray] = {}

    def of_scores(y: np.ndarray, scores: np.ndarray) -> float:
        got["scores"] = scores
        return 1.0

    def of_probabilities(y: np.ndarray, probabilities: np.ndarray) -> float:
        got["probabilities"] = probabilities
        return 2.0

    network = pl.Network([pl.Identity()]).build(2)
    metrics = {"a": of_scores, "b": of_probabilities, "c": lambda y, p: float((p == y).mean())}
    values = network.evaluate(scores, y, loss="softmax_cross_entropy", metrics=metrics)
    assert (values["a"], values["b"], values["c"]) == (1.0, 2.0, 0.5)
    np.testing.assert_array_equal(got["scores"], scores)
    np.testing.assert_allclose(got["probabilities"][0], np.exp([0.0, 3.0]) / (1 + np.exp(3.0)), rtol=1e-6)


def test_functions_of_scikit_learn_go_as_they_are() -> None:
    scores, y = RANDOM.normal(size=(N, 3)), RANDOM.integers(0, 3, N)
    value = through(scores, y, "softmax_cross_entropy", sklearn_metrics.matthews_corrcoef)
    assert value == pytest.approx(sklearn_metrics.matthews_corrcoef(y, scores.argmax(axis=1)))


def rounded(y: np.ndarray, predictions: np.ndarray) -> float:
    return float(np.abs(y - predictions).max())


def test_early_stopping_must_be_told_which_values_are_better() -> None:
    def fit(**options: Any) -> pl.History:
        stopping = pl.EarlyStopping(patience=2, monitor="rounded", **options)
        trainer = pl.Trainer(pl.Network([pl.Dense(1)]), "squared_error", "gradient_descent", callbacks=[stopping])
        return trainer.fit(np.eye(4), np.arange(4.0), epochs=9, metrics=[rounded])

    with pytest.raises(ValueError, match=r"^Whether higher or lower values of 'rounded' are better is not"):
        fit()
    lower, higher = fit(higher_is_better=False), fit(higher_is_better=True)
    assert lower.best_epoch == 9  # it falls all the way
    assert (higher.best_epoch, len(higher)) == (1, 3)


def test_in_sweeps() -> None:
    moons = pl.datasets.load_toy("crescent-moons")

    def make(rate: float) -> pl.Trainer:
        return pl.Trainer(pl.Network([pl.Dense(4), pl.Tanh(), pl.Dense(2)]), "softmax_cross_entropy", pl.Adam(rate))

    rates = pl.grid(rate=[0.0, 0.1])
    results = pl.sweep(make, rates, *moons.train, epochs=10, validation=moons.validation, metrics=["auc", cost])
    assert results.best("validation_auc").parameters["rate"] == 0.1
    with pytest.raises(ValueError, match=r"'validation_cost' are better is not known: give highest=True or False\.$"):
        results.best("validation_cost")
    assert results.best("validation_cost", highest=False).parameters["rate"] == 0.1


def cost(y: np.ndarray, predictions: np.ndarray) -> float:
    return float((y != predictions).sum())


CASES: list[tuple[type[Exception], Any, str]] = [
    (ValueError, ["f2"], r"^metric 'f2' is unknown\. Did you mean 'r2'\? Allowed: accuracy, auc, "),
    (ValueError, ["acc"], r"It is called 'accuracy' here\."),
    (TypeError, "f1", r"^metrics must be a list of names and functions, or functions by name, not 'f1'\.$"),
    (TypeError, [3], r"^A metric must be a name or a function of \(y, predictions\), not 3\.$"),
    (ValueError, [lambda y, p: 0.0], r"^A metric needs a name for its column: metrics=\{'cost': lambda "),
    (TypeError, {"all": lambda y, p: p}, r"^The metric 'all' must return a number, not array\("),
    (ValueError, ["r2"], r"^The metric 'r2' is for numbers; with SoftmaxCrossEntropy\(.*\) take accuracy\.$"),
    (ValueError, ["mae"], r"^The metrics 'rmse' and 'mae' are for numbers, which SoftmaxCrossEntropy"),
    (ValueError, ["auc"], r"^The metric 'auc' is for two classes, and there are 3\.$"),
]


@pytest.mark.parametrize(("error", "metrics", "message"), CASES, ids=range(len(CASES)))
def test_what_is_no_metric(error: type[Exception], metrics: Any, message: str) -> None:
    network = pl.Network([pl.Identity()]).build(3)
    with pytest.raises(error, match=message):
        network.evaluate(np.eye(3), [0, 1, 2], loss="softmax_cross_entropy", metrics=metrics)


def test_of_classes_where_numbers_are_predicted() -> None:
    with pytest.raises(ValueError, match=r"^The metric 'accuracy' is for classes; with SquaredError\(\) take r2\.$"):
        through(np.eye(2), np.eye(2), "squared_error", "accuracy")
    with pytest.raises(ValueError, match=r"^The metric 'f1' is for one class a row, which SquaredError\(\) does not"):
        through(np.eye(2), np.eye(2), "squared_error", "f1")


def test_an_unknown_name_is_an_error_before_the_first_step() -> None:
    trainer = pl.Trainer(pl.Network([pl.Dense(1)]), "squared_error")
    act: Callable[[], Any] = lambda: trainer.fit(np.eye(2), [0.0, 1.0], epochs=1, metrics=["f3"])  # noqa: E731
    with pytest.raises(ValueError, match="metric 'f3' is unknown"):
        act()
    assert trainer.step == 0
