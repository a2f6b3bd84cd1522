"""Training that goes on: partial fits, warm starts, pickles, weights of one's own."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.base import clone

import pellucid as pl
from pellucid.estimators import MLPClassifier, MLPRegressor, NetworkClassifier

from .conftest import Data, short

SOLVERS: list[dict[str, Any]] = [
    {"solver": "adam"},
    {"solver": "sgd", "learning_rate_init": 0.1},
    {"solver": "sgd", "learning_rate_init": 0.1, "learning_rate": "invscaling"},
    {"solver": "lion", "learning_rate": "cosine", "dropout": 0.3, "batch_normalization": True},
    {"solver": "adam", "standardize": True, "n_models": 2},
]


def weights(model: Any) -> list[float]:
    return [number for network in model.networks_ for number in network.parameters.tolist()]


@short
@pytest.mark.parametrize("parameters", SOLVERS, ids=str)
def test_n_partial_fits_are_a_fit_of_n_epochs_to_the_bit(digits: Data, parameters: dict[str, Any]) -> None:
    x, y = digits
    common = {**parameters, "random_state": 0, "max_iter": 6, "batch_size": 40}
    whole = MLPClassifier(**common).fit(x, y)
    pieces = MLPClassifier(**common)
    for _ in range(6):
        pieces.partial_fit(x, y, classes=np.arange(10))
    assert weights(pieces) == weights(whole)
    assert pieces.loss_curve_ == whole.loss_curve_
    assert pieces.t_ == whole.t_
    assert pieces.n_iter_ == 1


@short
@pytest.mark.parametrize("parameters", SOLVERS, ids=str)
@pytest.mark.parametrize("packing", ["pickle", "joblib", "deepcopy"])
def test_packed_and_unpacked_it_goes_on_as_if_it_had_never_stopped(
    digits: Data, parameters: dict[str, Any], packing: str, tmp_path: Any
) -> None:
    x, y = digits
    model = MLPClassifier(**parameters, random_state=0, max_iter=3, batch_size=40).fit(x, y)
    if packing == "joblib":
        joblib.dump(model, tmp_path / "model")
        other = joblib.load(tmp_path / "model")
    else:
        other = copy.deepcopy(model) if packing == "deepcopy" else pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(other.predict_proba(x), model.predict_proba(x))
    for _ in range(2):
        model.partial_fit(x, y)
        other.partial_fit(x, y)
    assert weights(other) == weights(model)
    assert other.loss_curve_ == model.loss_curve_
    assert other.history_["loss"] == model.history_["loss"]


def test_a_pickle_holds_no_rows(digits: Data) -> None:
    x, y = digits
    small = MLPClassifier(early_stopping=True, random_state=0, hidden_layer_sizes=2, max_iter=20, tol=1).fit(x, y)
    assert len(pickle.dumps(small)) < 30_000 < x.nbytes


@short
@pytest.mark.parametrize("parameters", SOLVERS, ids=str)
def test_the_same_seed_gives_the_same_bits(digits: Data, parameters: dict[str, Any]) -> None:
    model = MLPClassifier(**parameters, random_state=5, max_iter=3)
    first = weights(model.fit(*digits))
    assert weights(model.fit(*digits)) == first
    assert weights(clone(model).fit(*digits)) == first
    assert weights(clone(model).set_params(random_state=6).fit(*digits)) != first


@short
def test_a_warm_start_goes_on_from_the_weights_with_a_fresh_optimizer(digits: Data) -> None:
    """As in scikit-learn: Adam's first step after a warm start is a first step."""
    x, y = digits
    model = MLPClassifier(warm_start=True, max_iter=4, random_state=0, batch_size=251, alpha=0).fit(x, y)
    before, curve = model.network_.parameters, list(model.loss_curve_)
    _, gradient = model.network_.loss_and_gradient(x, y)
    model.set_params(max_iter=1).fit(x, y)
    clear = abs(gradient) > 1e-4
    np.testing.assert_allclose((before - model.network_.parameters)[clear], 1e-3 * np.sign(gradient)[clear], rtol=5e-3)
    assert model.loss_curve_[:4] == curve
    assert len(model.loss_curve_) == 5
    assert (model.n_iter_, model.t_) == (1, 5 * 251)
    assert len(model.history_) == 5


@short
def test_rates_of_warm_starts() -> None:
    x, y = [[3, 2], [1, 6], [5, 6], [-2, -4]], [1, 1, 1, 0]
    model = MLPClassifier(solver="sgd", learning_rate="invscaling", power_t=0.25, max_iter=2, warm_start=True)
    for _ in range(2):
        model.fit(x, y)
    falls = [1.0, 5**-0.25, 1.0, 13**-0.25]  # after 4 rows; the rate starts anew; after 12 rows
    np.testing.assert_allclose(model.history_["learning_rate"], 0.001 * np.array(falls), rtol=1e-12)


@short
def test_a_warm_start_cannot_change_the_network(digits: Data) -> None:
    model = MLPClassifier(warm_start=True, max_iter=2, hidden_layer_sizes=5, random_state=0).fit(*digits)
    with pytest.raises(ValueError, match=r"^Training that goes on keeps its network, but the parameters ask for anoth"):
        model.set_params(hidden_layer_sizes=7).fit(*digits)
    with pytest.raises(ValueError, match=r"Call fit with warm_start=False\.$"):
        model.set_params(hidden_layer_sizes=5, n_models=2).fit(*digits)
    assert model.set_params(warm_start=False).fit(*digits).networks_[1].layers[0] == pl.Dense(5)


@short
def test_parameters_may_change_on_the_way(digits: Data) -> None:
    model = MLPClassifier(warm_start=True, max_iter=1, random_state=0, solver="sgd").fit(*digits)
    model.set_params(learning_rate_init=0.5, solver="rmsprop").partial_fit(*digits)
    assert model.history_["learning_rate"] == [0.001, 0.5]


@short
def test_weights_can_be_read_changed_and_given(digits: Data) -> None:
    x, y = digits
    model = MLPClassifier(hidden_layer_sizes=(6, 5), max_iter=2, random_state=0, standardize=True, warm_start=True)
    with pytest.raises(AttributeError, match=r"^This MLPClassifier has no coefs_ before it is fitted\.$"):
        model.coefs_  # noqa: B018
    model.fit(x, y)
    assert [w.shape for w in model.coefs_] == [(64, 6), (6, 5), (5, 10)]
    assert [b.shape for b in model.intercepts_] == [(6,), (5,), (10,)]
    with pytest.raises(ValueError, match="read-only"):
        model.coefs_[0][0, 0] = 1.0
    model.coefs_[1] = np.zeros((6, 5))  # whole weights may be set, one by one or all of them
    model.intercepts_ = [np.zeros(6), np.arange(5.0), np.zeros(10)]
    assert not model.network_.get("3.weight").any()
    assert model.network_.get("3.bias").tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match=r"^The network has 3 dense layers, but 1 arrays were given\.$"):
        model.coefs_ = [np.zeros(3)]
    proba = model.predict_proba(x)
    np.testing.assert_allclose(proba, np.broadcast_to(proba[0], proba.shape))
    before = model.coefs_[1].copy()
    model.fit(x, y)  # a warm start goes on from them
    assert 0 < abs(model.coefs_[1] - before).max() < 0.1

    given = MLPClassifier(hidden_layer_sizes=4, random_state=0, learning_rate_init=1e-9, batch_size=251)
    given.coefs_ = [np.full((64, 4), 0.5), np.full((4, 10), 0.25)]
    given.intercepts_ = [np.zeros(4), np.zeros(10)]
    given.partial_fit(x, y, classes=np.arange(10))
    np.testing.assert_allclose(given.coefs_[0], 0.5, atol=1e-8)


@short
def test_partial_fits_of_different_rows(digits: Data) -> None:
    x, y = digits
    model = MLPClassifier(random_state=0, learning_rate_init=0.01)
    for _ in range(8):
        for start in range(0, 240, 37):
            model.partial_fit(x[start : start + 37], y[start : start + 37], classes=np.arange(10))
    assert model.score(x[:240], y[:240]) > 0.85
    with pytest.raises(ValueError, match=r"^`y` has classes not in `self.classes_`"):
        model.partial_fit(x[:3], [1, 2, 77])


@short
def test_what_partial_fit_refuses(digits: Data) -> None:
    with pytest.raises(ValueError, match=r"^partial_fit does not support early_stopping=True$"):
        MLPRegressor(early_stopping=True).partial_fit(*digits)
    with pytest.raises(ValueError, match=r"^class_weight 'balanced' is not supported for partial_fit, which does"):
        NetworkClassifier(class_weight="balanced").partial_fit(*digits, classes=np.arange(10))
    with pytest.raises(AttributeError, match="partial_fit"):
        MLPRegressor(solver="lbfgs").partial_fit(*digits)
    model = MLPClassifier(validation_set=digits, random_state=0)
    for _ in range(3):
        model.partial_fit(*digits, classes=np.arange(10))
    assert len(model.validation_scores_) == len(model.validation_loss_curve_) == 3
