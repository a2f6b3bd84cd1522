"""scikit-learn's checks of what calls itself an estimator: every one of them, none expected to fail."""

from __future__ import annotations

import pytest
from sklearn.base import BaseEstimator
from sklearn.utils.estimator_checks import check_param_validation

import pellucid as pl
from pellucid.estimators import MLPClassifier, MLPRegressor, NetworkClassifier, NetworkRegressor
from support.sklearn_checks import parametrize_with_all_checks

ESTIMATORS = [
    MLPClassifier(),
    MLPRegressor(),
    NetworkClassifier(),
    NetworkRegressor(),
    MLPClassifier(solver="lbfgs", alpha=0.3),
    MLPRegressor(solver="lbfgs"),
    MLPClassifier(n_models=2, max_iter=50),
    MLPClassifier(standardize=True, width=30, n_layers=1),
    NetworkClassifier([pl.Dense(20), pl.LayerNormalization(), pl.GELU()], loss="hinge", optimizer=pl.Adam(0.01)),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_all_checks(ESTIMATORS)
def test_every_check_of_scikit_learn(estimator: BaseEstimator, check: object) -> None:
    check(estimator)  # type: ignore[operator]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("estimator", ESTIMATORS[:4], ids=lambda e: type(e).__name__)
def test_wrong_parameters_are_answered_in_scikit_learns_words(estimator: BaseEstimator) -> None:
    """A check that scikit-learn keeps for its own estimators."""
    check_param_validation(type(estimator).__name__, estimator)
