"""scikit-learn's tools, Optuna and skops use the estimators as they use scikit-learn's own."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import AdaBoostClassifier, BaggingRegressor, StackingClassifier, VotingRegressor
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import pellucid as pl
from pellucid.estimators import MLPClassifier, MLPRegressor, NetworkClassifier, NetworkRegressor

from .conftest import Data

pytestmark = pytest.mark.filterwarnings("ignore:.*Maximum iterations:sklearn.exceptions.ConvergenceWarning")

QUICK = {"max_iter": 15, "learning_rate_init": 0.02, "batch_size": 32, "random_state": 0, "hidden_layer_sizes": 16}


def test_searches(digits: Data) -> None:
    x, y = digits
    grid = {"width": [2, 16], "activation": ["relu", "gelu"]}
    for search in (
        GridSearchCV(MLPClassifier(**QUICK), grid, cv=2),
        RandomizedSearchCV(MLPClassifier(**QUICK), grid, n_iter=3, cv=2, random_state=0),
        HalvingGridSearchCV(MLPClassifier(**QUICK), grid, cv=2, random_state=0, min_resources=80),
    ):
        search.fit(x, y)
        assert search.best_params_["width"] == 16
        assert search.best_score_ > 0.5
    layers = [[pl.Dense(4), pl.Tanh()], [pl.Dense(32), pl.ReLU()]]
    network = NetworkClassifier(max_iter=8, random_state=0, optimizer=pl.Adam(0.01))
    search = GridSearchCV(network, {"layers": layers}, cv=2)
    assert search.fit(x, y).best_params_["layers"] == layers[1]


def test_a_pipeline_with_parameters_of_its_steps(numbers: Data) -> None:
    x, y = numbers
    pipeline = make_pipeline(StandardScaler(), MLPRegressor(random_state=0, max_iter=30, learning_rate_init=0.02))
    pipeline.set_params(mlpregressor__width=40)
    assert cross_val_score(pipeline, x, y, cv=3).mean() > 0.6
    assert clone(pipeline).get_params()["mlpregressor__width"] == 40


def test_meta_estimators(digits: Data, numbers: Data) -> None:
    x, y = digits
    model = MLPClassifier(**QUICK)
    calibrated = CalibratedClassifierCV(model, cv=2).fit(x, y)
    assert calibrated.score(x, y) > 0.8
    boosted = AdaBoostClassifier(model, n_estimators=3, random_state=0).fit(x, y)  # gives sample_weight
    assert boosted.score(x, y) > 0.9
    stacked = StackingClassifier([("a", model), ("b", clone(model).set_params(width=8))], LogisticRegression(), cv=2)
    assert stacked.fit(x, y).score(x, y) > 0.8
    assert OneVsRestClassifier(model).fit(x, y).score(x, y) > 0.8
    x, y = numbers
    regressor = MLPRegressor(**QUICK)
    assert BaggingRegressor(regressor, n_estimators=3, random_state=0).fit(x, y).predict(x).shape == y.shape
    voting = VotingRegressor([("a", regressor), ("b", NetworkRegressor(max_iter=5, random_state=0))]).fit(x, y)
    assert voting.score(x, y) > 0


def test_inspection() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 3))
    y = 2 * x[:, 1] + 0.01 * random.normal(size=200)
    model = MLPRegressor(**{**QUICK, "max_iter": 100}).fit(x, y)
    importance = permutation_importance(model, x, y, n_repeats=3, random_state=0)
    assert importance.importances_mean.argmax() == 1
    curve = partial_dependence(model, x, [1], grid_resolution=5)["average"][0]
    assert (np.diff(curve) > 0).all()


@pytest.mark.parametrize("estimator", [MLPClassifier(**QUICK), MLPClassifier(n_models=2, **QUICK)], ids=str)
def test_the_same_bits_in_any_number_of_workers(digits: Data, estimator: Any) -> None:
    """Also in processes of their own, to which estimators and layers travel in pickles."""
    scores = [cross_val_score(estimator, *digits, cv=3, n_jobs=n_jobs) for n_jobs in (1, 2)]
    np.testing.assert_array_equal(scores[0], scores[1])


def test_workers_together_take_no_more_threads_than_there_are_cores() -> None:
    import joblib

    def threads(_: int) -> int:
        from pellucid.engines.cores import usable_cores

        return usable_cores()

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    in_workers = joblib.Parallel(n_jobs=2)(joblib.delayed(threads)(i) for i in range(2))
    assert sum(in_workers) <= max(cores, 2)


def test_metadata_routing(digits: Data) -> None:
    x, y = digits
    weight = np.where(y < 5, 0.0, 1.0)
    with sklearn.config_context(enable_metadata_routing=True):
        model = MLPClassifier(**QUICK).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        search = GridSearchCV(model, {"alpha": [1e-4]}, cv=2).fit(x, y, sample_weight=weight)
        assert (search.predict(x) >= 5).all()
        asked = MLPClassifier().set_fit_request(validation_set=True).get_metadata_routing()
        assert asked.fit.requests["validation_set"] is True


def test_optuna_prunes_through_partial_fit(digits: Data) -> None:
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    x, y = digits

    def objective(trial: Any) -> float:
        model = MLPClassifier(
            n_layers=trial.suggest_int("n_layers", 1, 2),
            width=trial.suggest_int("width", 4, 32),
            learning_rate_init=trial.suggest_float("rate", 1e-6, 1e-1, log=True),
            random_state=0,
        )
        for epoch in range(6):
            model.partial_fit(x[:200], y[:200], classes=np.arange(10))
            trial.report(model.score(x[200:], y[200:]), epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return float(model.score(x[200:], y[200:]))

    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.RandomSampler(seed=0),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=2, n_warmup_steps=1),
    )
    study.optimize(objective, n_trials=8)
    states = [trial.state.name for trial in study.trials]
    assert "PRUNED" in states
    assert study.best_value > 0.5


def test_skops_keeps_an_estimator(digits: Data) -> None:
    io = pytest.importorskip("skops.io")
    x, y = digits
    model = MLPClassifier(**QUICK, standardize=True).fit(x, y)
    packed = io.dumps(model)
    untrusted = io.get_untrusted_types(data=packed)
    assert all(name.startswith(("pellucid.", "numpy.", "sklearn.")) for name in untrusted)
    other = io.loads(packed, trusted=untrusted)
    np.testing.assert_array_equal(other.predict_proba(x), model.predict_proba(x))
    model.partial_fit(x, y)
    other.partial_fit(x, y)
    np.testing.assert_array_equal(other.predict_proba(x), model.predict_proba(x))
