"""The same weights, batches and solver give scikit-learn's numbers: outputs, loss, gradient, and whole runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import neural_network
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer

import pellucid as pl
from pellucid import estimators

from .conftest import Data, short

TOLERANCE = 1e-9
"""Far below the 1e-6 that is promised: what differs is the order of sums."""


def both(kind: str, x: np.ndarray, y: np.ndarray, weight: Any = None, **parameters: Any) -> tuple[Any, Any]:
    """scikit-learn's and our estimator, fitted alike."""
    made = [getattr(module, kind)(random_state=3, **parameters) for module in (neural_network, estimators)]
    for model in made:
        model.fit(x, y, sample_weight=weight)
    return made[0], made[1]


def assert_same_run(theirs: Any, ours: Any, tolerance: float = TOLERANCE) -> None:
    assert theirs.n_iter_ == ours.n_iter_
    assert theirs.n_layers_ == ours.n_layers_
    assert theirs.n_outputs_ == ours.n_outputs_
    assert theirs.out_activation_ == ours.out_activation_
    assert theirs.loss_ == pytest.approx(ours.loss_, abs=tolerance)
    for name in ("coefs_", "intercepts_"):
        for expected, values in zip(getattr(theirs, name), getattr(ours, name), strict=True):
            assert values.dtype == expected.dtype
            np.testing.assert_allclose(values, expected, atol=tolerance)
    if hasattr(theirs, "loss_curve_"):
        np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, atol=tolerance)
        assert theirs.t_ == ours.t_
        for name in ("best_loss_", "best_validation_score_", "validation_scores_"):
            expected = getattr(theirs, name)
            if expected is None:
                assert getattr(ours, name) is None
            else:
                np.testing.assert_allclose(getattr(ours, name), expected, atol=tolerance)


STEPS = [
    {"solver": "adam"},
    {"solver": "adam", "alpha": 1.0, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
    {"solver": "sgd", "learning_rate_init": 0.1, "alpha": 0.1},
    {"solver": "sgd", "learning_rate_init": 0.1, "nesterovs_momentum": False, "momentum": 0.5},
    {"solver": "sgd", "learning_rate_init": 0.1, "momentum": 0},
    {"solver": "sgd", "learning_rate_init": 0.3, "learning_rate": "invscaling", "power_t": 0.2},
    {"solver": "sgd", "learning_rate_init": 0.1, "learning_rate": "adaptive", "tol": 0.05, "n_iter_no_change": 1},
]


@short
@pytest.mark.parametrize("parameters", STEPS, ids=str)
@pytest.mark.parametrize("labels", ["ten classes", "two classes", "several labels"])
def test_classes_step_by_step(digits: Data, parameters: dict[str, Any], labels: str) -> None:
    x, y = digits
    y = {"ten classes": y, "two classes": y % 2, "several labels": np.stack([y % 2, y % 3 == 0], axis=1)}[labels]
    theirs, ours = both("MLPClassifier", x, y, shuffle=False, batch_size=50, max_iter=25, **parameters)
    assert_same_run(theirs, ours)
    np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), atol=TOLERANCE)
    np.testing.assert_array_equal(ours.predict(x), theirs.predict(x))
    assert ours.score(x, y, np.arange(251.0)) == pytest.approx(theirs.score(x, y, np.arange(251.0)))


@short
@pytest.mark.parametrize("parameters", STEPS[:3], ids=str)
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_numbers_step_by_step(numbers: Data, parameters: dict[str, Any], loss: str, activation: str) -> None:
    x, y = numbers
    y = np.round(np.exp(y)) if loss == "poisson" else y
    more = {**parameters, "learning_rate_init": 0.01, "loss": loss, "activation": activation}
    theirs, ours = both("MLPRegressor", x, y, shuffle=False, batch_size=40, max_iter=15, **more)
    assert_same_run(theirs, ours)
    np.testing.assert_allclose(ours.predict(x), theirs.predict(x), atol=TOLERANCE)


@short
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_single_precision(digits: Data, activation: str) -> None:
    x, y = digits
    x = x.astype(np.float32)
    theirs, ours = both("MLPClassifier", x, y, shuffle=False, max_iter=10, activation=activation)
    assert_same_run(theirs, ours, tolerance=1e-5)
    assert ours.predict_proba(x).dtype == np.float32


@short
def test_a_full_batch_is_the_same_in_any_order(digits: Data) -> None:
    theirs, ours = both("MLPClassifier", *digits, batch_size=251, max_iter=10)
    assert_same_run(theirs, ours)


@short
@pytest.mark.parametrize("classes", [2, 10])
def test_early_stopping_splits_scores_and_stops_alike(digits: Data, classes: int) -> None:
    x, y = digits
    theirs, ours = both("MLPClassifier", x, y % classes, early_stopping=True, shuffle=False, learning_rate_init=0.01)
    assert ours.n_iter_ < 100
    assert_same_run(theirs, ours)
    theirs, ours = both("MLPRegressor", x, y * 0.1, early_stopping=True, shuffle=False, n_iter_no_change=3)
    assert_same_run(theirs, ours)


def test_training_loss_stops_alike(digits: Data) -> None:
    theirs, ours = both("MLPClassifier", *digits, tol=1e-2, n_iter_no_change=3, shuffle=False)
    assert ours.n_iter_ < 200
    assert_same_run(theirs, ours)
    assert ours.history_.stopped.startswith("Training loss did not improve more than tol=0.010000 for 3 consecutive")


@short
def test_sample_weights_in_one_batch(digits: Data) -> None:
    """In several batches scikit-learn's loss curve is another mean: batches count by rows, and not by weights."""
    x, y = digits
    weight = np.random.default_rng(0).uniform(size=251)
    theirs, ours = both("MLPClassifier", x, y, weight, shuffle=False, batch_size=251, max_iter=20, alpha=1.0)
    assert_same_run(theirs, ours)


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("MLPClassifier", {"alpha": 0.1, "activation": "tanh"}),
        ("MLPClassifier", {"max_iter": 20}),
        ("MLPClassifier", {"max_fun": 15}),
        ("MLPRegressor", {"max_iter": 30}),
        ("MLPRegressor", {"max_iter": 30, "loss": "poisson", "hidden_layer_sizes": 5}),
    ],
    ids=str,
)
@pytest.mark.parametrize("weighted", [False, True])
def test_lbfgs(digits: Data, numbers: Data, kind: str, parameters: dict[str, Any], weighted: bool) -> None:
    x, y = digits if kind == "MLPClassifier" else numbers
    y = np.round(np.exp(y)) if "loss" in parameters else y
    weight = np.random.default_rng(0).uniform(size=len(x)) if weighted else None
    theirs, ours = both(kind, x, y, weight, solver="lbfgs", **parameters)
    assert_same_run(theirs, ours)
    assert ours.history_["loss"][-1] == pytest.approx(ours.loss_)
    assert not hasattr(ours, "loss_curve_")


@short
@pytest.mark.parametrize("labels", [2, 10])
def test_loss_and_gradient(digits: Data, labels: int, engine: str) -> None:
    """Of the weights scikit-learn drew, against its private function, in its layout."""
    x, y = digits
    y = y % labels
    theirs, _ = both("MLPClassifier", x, y, solver="adam", max_iter=1, hidden_layer_sizes=(7, 5), alpha=0.3)
    targets = theirs._label_binarizer.transform(y)
    empty = [np.empty(0)] * 4
    value, (coefs, intercepts) = _their_gradient(theirs, x, targets, empty)
    network = estimators.from_sklearn(theirs).network_
    network = pl.Network(network.layers, "float64", engine).build(64)
    pairs = zip(theirs.coefs_, theirs.intercepts_, strict=True)
    network.parameters = np.concatenate([a.ravel() for pair in pairs for a in pair])
    loss = pl.SoftmaxCrossEntropy() if labels > 2 else pl.SigmoidCrossEntropy()
    ours_value, gradient = network.loss_and_gradient(x, y, loss=loss, penalty=pl.L2(0.3, per_example=True))
    assert ours_value == pytest.approx(value, abs=1e-12)
    expected = np.concatenate([a.ravel() for pair in zip(coefs, intercepts, strict=True) for a in pair])
    np.testing.assert_allclose(gradient, expected, atol=1e-12)


def _their_gradient(model: Any, x: np.ndarray, targets: np.ndarray, empty: list[Any]) -> tuple[float, Any]:
    layers = model.n_layers_ - 1
    coefs, intercepts = list(empty[:layers]), list(empty[:layers])
    value, coefs, intercepts = model._backprop(
        x, targets, None, [x] + [None] * layers, [None] * layers, coefs, intercepts
    )
    return value, (coefs, intercepts)


def test_adam_with_epsilon_hat_is_scikit_learns() -> None:
    random = np.random.default_rng(0)
    start = random.normal(size=50)
    parameters, theirs = start.copy(), start.copy()
    optimizer = pl.Adam(0.01, epsilon=1e-3, epsilon_hat=True)
    slots = (np.zeros(50), np.zeros(50))
    other = AdamOptimizer([theirs], 0.01, epsilon=1e-3)
    for step in range(10):
        gradient = random.normal(size=50)
        parameters, slots = optimizer.update(parameters, gradient, slots, 0.01, step)
        other.update_params([theirs], [gradient])
    np.testing.assert_allclose(parameters, theirs, rtol=1e-12)


def test_the_first_weights_follow_random_state_in_all_its_forms(digits: Data) -> None:
    for state in (7, np.random.RandomState(7)):
        ours = estimators.MLPClassifier(random_state=state, max_iter=1, learning_rate_init=1e-300, alpha=0)
        with pytest.warns(match="Maximum iterations"):
            ours.fit(*digits)
        bound = np.sqrt(6 / 164)
        expected = np.random.RandomState(7).uniform(-bound, bound, (64, 100))
        np.testing.assert_array_equal(ours.coefs_[0], expected)
