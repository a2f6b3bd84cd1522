"""Networks of scikit-learn's become ours and go back: they predict the same, and training goes on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import neural_network
from sklearn.exceptions import ConvergenceWarning, NotFittedError

import pellucid as pl
from pellucid.estimators import MLPClassifier, MLPRegressor, NetworkClassifier, from_sklearn, to_sklearn

from .conftest import Data, short

FIT = {"random_state": 0, "max_iter": 8, "batch_size": 50, "shuffle": False}
SOLVERS: list[dict[str, Any]] = [
    {},
    {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.1},
    {"solver": "sgd", "momentum": 0, "activation": "tanh"},
]


@short
@pytest.mark.parametrize("parameters", SOLVERS, ids=str)
@pytest.mark.parametrize("labels", ["ten", "two", "several"])
def test_classifiers_go_both_ways_and_go_on(digits: Data, parameters: dict[str, Any], labels: str) -> None:
    x, y = digits
    y = {"ten": np.array(list("abcdefghij"))[y], "two": y % 2, "several": np.stack([y % 2, y > 4], axis=1)}[labels]
    theirs = neural_network.MLPClassifier(**FIT, **parameters).fit(x, y)
    ours = from_sklearn(theirs)
    for _ in range(2):  # as it was fitted, and after another epoch
        np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), atol=1e-10)
        np.testing.assert_array_equal(ours.predict(x), theirs.predict(x))
        np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, atol=1e-10)
        assert (ours.n_iter_, ours.t_) == (theirs.n_iter_, theirs.t_)
        back = to_sklearn(ours)
        np.testing.assert_allclose(back.predict_proba(x), theirs.predict_proba(x), atol=1e-10)
        np.testing.assert_array_equal(back.predict(x), theirs.predict(x))
        assert back.get_params() == theirs.get_params() | {"hidden_layer_sizes": (100,)}
        theirs.partial_fit(x, y)
        ours.partial_fit(x, y)
    back.partial_fit(x, y)


@short
@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("columns", [1, 2])
def test_regressors(numbers: Data, loss: str, solver: str, columns: int) -> None:
    x, y = numbers
    y = np.round(np.exp(np.stack([y, -y], axis=1)[:, :columns])) if loss == "poisson" else np.stack([y, -y], 1)
    y = y[:, 0] if columns == 1 else y
    theirs = neural_network.MLPRegressor(loss=loss, solver=solver, **FIT).fit(x, y)
    ours = from_sklearn(theirs)
    np.testing.assert_allclose(ours.predict(x), theirs.predict(x), atol=1e-10)
    np.testing.assert_allclose(to_sklearn(ours).predict(x), theirs.predict(x), atol=1e-10)


@short
def test_what_scikit_learn_can_hold(digits: Data) -> None:
    x, y = digits
    x = x * 255 + np.arange(64)
    more = {"n_layers": 2, "width": 20, "solver": "adamw", "learning_rate": "cosine"}
    for dtype, tolerance in (("float64", 1e-10), ("float32", 1e-3)):
        ours = MLPClassifier(standardize=True, dropout=0.2, activation="sigmoid", random_state=0, max_iter=20, **more)
        ours.fit(x.astype(dtype), y)
        theirs = to_sklearn(ours)
        np.testing.assert_allclose(theirs.predict_proba(x), ours.predict_proba(x), atol=tolerance)
        assert theirs.coefs_[0].dtype == dtype
        assert (theirs.activation, theirs.hidden_layer_sizes) == ("logistic", (20, 20))


@short
@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"batch_normalization": True}, "scikit-learn's networks have no BatchNormalization(): to_sklearn cannot take"),
        ({"activation": "gelu"}, "scikit-learn's networks have no GELU()"),
        (
            {"activation": ["relu", "tanh"], "n_layers": 2},
            "scikit-learn's networks have one activation for all layers, but this has ['relu', 'tanh'].",
        ),
        ({"loss": "hinge"}, "scikit-learn's networks know no such prediction as that of loss='hinge'"),
        ({"loss": pl.SoftmaxCrossEntropy()}, "scikit-learn's networks know no such prediction"),
        ({"n_models": 2}, "to_sklearn writes one network, but this estimator has 2: see networks_."),
    ],
    ids=str,
)
def test_what_it_cannot_hold(digits: Data, parameters: dict[str, Any], message: str) -> None:
    model = MLPClassifier(max_iter=2, **parameters).fit(digits[0], digits[1] % 2)
    with pytest.raises(ValueError) as caught:
        to_sklearn(model)
    assert str(caught.value).startswith(message)


def test_what_is_no_fitted_network() -> None:
    with pytest.raises(TypeError, match=r"^from_sklearn takes scikit-learn's fitted MLPClassifier or MLPR"):
        from_sklearn(MLPClassifier())
    with pytest.raises(NotFittedError):
        from_sklearn(neural_network.MLPClassifier())
    with pytest.raises(TypeError, match=r"^to_sklearn takes a fitted MLPClassifier or MLPRegressor, not Ne"):
        to_sklearn(NetworkClassifier())
    with pytest.raises(NotFittedError):
        to_sklearn(MLPRegressor())


def test_scikit_learn_has_no_unit_for_its_target() -> None:
    with pytest.warns(ConvergenceWarning):
        ours = MLPRegressor(hidden_layer_sizes=(4,), max_iter=1).fit(np.eye(3), np.arange(3.0))
    ours._single("it").target = pl.TargetScaling(1.0, 2.0)
    np.testing.assert_allclose(ours.predict(np.eye(3)), ours._single("it").predict(np.eye(3)))
    with pytest.raises(ValueError, match="networks have no unit for their target, but this one has TargetScaling"):
        to_sklearn(ours)
