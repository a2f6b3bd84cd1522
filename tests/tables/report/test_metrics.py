"""The report's numbers beside scikit-learn's functions, weights included."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid.tables.report.calibration import calibration_of
from pellucid.tables.report.intervals import bootstrap, interval
from pellucid.tables.report.metrics import measures_of
from pellucid.tables.targets import Target, find_target

metrics = pytest.importorskip("sklearn.metrics")
RNG = np.random.default_rng(0)
N = 400
WEIGHTS = [None, RNG.integers(0, 4, N).astype(float)]


def classes(k: int) -> tuple[Target, np.ndarray, np.ndarray]:
    truth = RNG.integers(0, k, N)
    scores = RNG.normal(size=(N, k)).round(1) + 1.5 * np.eye(k)[truth]  # rounded: ties
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return find_target(truth, asked="classes"), truth, probabilities


def by_name(target: Target, truth: np.ndarray, answers: np.ndarray, weight: np.ndarray | None) -> dict[str, float]:
    return {measure.name: measure(truth, answers, weight) for measure in measures_of(target)}


@pytest.mark.parametrize("weight", WEIGHTS, ids=["alike", "weighed"])
def test_two_classes(weight: np.ndarray | None) -> None:
    target, truth, answers = classes(2)
    found = by_name(target, truth, answers, weight)
    predicted = answers.argmax(axis=1)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(truth, predicted, sample_weight=weight))
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(truth, answers[:, 1], sample_weight=weight))
    assert found["log_loss"] == pytest.approx(metrics.log_loss(truth, answers, sample_weight=weight))


@pytest.mark.parametrize("weight", WEIGHTS, ids=["alike", "weighed"])
def test_five_classes(weight: np.ndarray | None) -> None:
    target, truth, answers = classes(5)
    found = by_name(target, truth, answers, weight)
    assert set(found) == {"accuracy", "log_loss"}
    assert found["log_loss"] == pytest.approx(metrics.log_loss(truth, answers, sample_weight=weight))


@pytest.mark.parametrize("weight", WEIGHTS, ids=["alike", "weighed"])
def test_numbers(weight: np.ndarray | None) -> None:
    truth = RNG.normal(size=N)
    answers = truth + 0.5 * RNG.normal(size=N)
    found = by_name(find_target(truth), truth, answers, weight)
    assert found["r2"] == pytest.approx(metrics.r2_score(truth, answers, sample_weight=weight))
    assert found["rmse"] == pytest.approx(metrics.root_mean_squared_error(truth, answers, sample_weight=weight))
    assert found["mae"] == pytest.approx(metrics.mean_absolute_error(truth, answers, sample_weight=weight))


@pytest.mark.parametrize("weight", WEIGHTS, ids=["alike", "weighed"])
def test_counts(weight: np.ndarray | None) -> None:
    truth = RNG.poisson(3.0, N).astype(float)
    answers = np.exp(RNG.normal(size=N))
    found = by_name(find_target(truth, asked="counts"), truth, answers, weight)
    expected = metrics.mean_poisson_deviance(truth, answers, sample_weight=weight)
    assert found["deviance"] == pytest.approx(expected)
    assert found["d2"] == pytest.approx(metrics.d2_tweedie_score(truth, answers, sample_weight=weight, power=1))


def test_quantiles() -> None:
    truth = RNG.normal(size=N)
    target = find_target(truth, asked="quantiles", quantiles=(0.1, 0.5, 0.9))
    answers = np.sort(RNG.normal(size=(N, 3)), axis=1)
    found = by_name(target, truth, answers, None)
    each = [metrics.mean_pinball_loss(truth, answers[:, k], alpha=level) for k, level in enumerate(target.levels)]
    assert found["pinball"] == pytest.approx(np.mean(each))
    assert found["coverage"] == pytest.approx(np.mean((truth >= answers[:, 0]) & (truth <= answers[:, 2])))
    single = find_target(truth, asked="quantiles", quantiles=(0.3,))
    expected = metrics.d2_pinball_score(truth, answers[:, 0], alpha=0.3)
    assert by_name(single, truth, answers[:, 0], None)["d2"] == pytest.approx(
        expected, abs=0.01
    )  # its constant interpolates


def test_a_bootstrapped_interval_is_that_of_theory() -> None:
    """Of a share p of n rows: p ± 1.96·√(p(1 − p)/n)."""
    target, truth, answers = classes(2)
    accuracy = measures_of(target)[1]
    drawn = bootstrap([accuracy.of(truth, answers)], N)
    found = interval(drawn[:, 0])
    half = 1.96 * np.sqrt(found.value * (1 - found.value) / N)
    assert found.value == accuracy(truth, answers)
    assert found.low == pytest.approx(found.value - half, abs=0.25 * half)
    assert found.high == pytest.approx(found.value + half, abs=0.25 * half)
    assert np.array_equal(drawn, bootstrap([accuracy.of(truth, answers)], N))


def test_paired_differences_are_narrower_than_their_parts() -> None:
    truth = RNG.normal(size=N)
    first = truth + 0.5 * RNG.normal(size=N)
    second = first + 0.01 * RNG.normal(size=N)  # nearly the same answers
    r2 = measures_of(find_target(truth))[0]
    drawn = bootstrap([r2.of(truth, first), r2.of(truth, second)], N)
    lead, own = interval(drawn[:, 0] - drawn[:, 1]), interval(drawn[:, 0])
    assert lead.high - lead.low < 0.1 * (own.high - own.low)


def test_calibration_is_scikit_learns() -> None:
    calibration_curve = pytest.importorskip("sklearn.calibration").calibration_curve
    probability = RNG.random(N)
    truth = (RNG.random(N) < probability).astype(np.int64)
    target = find_target(truth, asked="classes")
    found = calibration_of(target, truth, np.stack([1 - probability, probability], axis=1))
    observed, predicted = calibration_curve(truth, probability, n_bins=10, strategy="quantile")
    assert found is not None
    assert found.predicted == pytest.approx(predicted)
    assert found.observed == pytest.approx(observed)
    assert sum(found.rows) == N
    assert found.error < 0.1


def test_calibration_of_quantiles_and_of_numbers() -> None:
    truth = np.arange(100.0)
    target = find_target(truth, asked="quantiles", quantiles=(0.1, 0.9))
    found = calibration_of(target, truth, np.tile([9.0, 89.0], (100, 1)))
    assert found is not None
    assert found.observed == (0.1, 0.9)
    assert calibration_of(find_target(truth), truth, truth) is None


def test_the_columns_of_a_measure_say_which_way_is_better() -> None:
    names = {measure.name: measure.higher for measure in measures_of(find_target(np.array([1.5, 2.5, 3.0])))}
    assert names == {"r2": True, "rmse": False, "mae": False}
    assert [measure.compares for measure in measures_of(Target("y", "numbers", pl.Quantile((0.1, 0.9)), 2))] == [
        True,
        True,
        False,
    ]
