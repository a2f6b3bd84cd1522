"""When training ends, which weights are kept, and what is said about it."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import make_scorer, roc_auc_score

import pellucid as pl
from pellucid.estimators import MLPClassifier, MLPRegressor, NetworkRegressor
from support.engines import needs_native

from .conftest import Data, short


def test_an_adaptive_rate_is_divided_by_5_until_it_is_too_small() -> None:
    model = MLPClassifier(tol=0.5, max_iter=3000, solver="sgd", learning_rate="adaptive", random_state=0)
    model.fit([[3, 2], [1, 6]], [1, 0])
    rates = model.history_["learning_rate"]
    steps = sorted(set(np.round(np.log(np.array(rates) / 1e-3) / np.log(5)).astype(int)))
    assert steps == [-5, -4, -3, -2, -1, 0]
    assert model.n_iter_ < 3000
    assert model.history_.stopped.startswith("Training loss did not improve")


@short
def test_the_best_weights_come_back(digits: Data) -> None:
    x, y = digits
    model = MLPClassifier(validation_set=(x[200:], y[200:]), early_stopping=True, learning_rate_init=0.05, tol=0)
    model.set_params(max_iter=30, n_iter_no_change=5, random_state=0).fit(x[:200], y[:200])
    scores = model.validation_scores_
    assert model.score(x[200:], y[200:]) == max(scores) == model.best_validation_score_
    assert model.history_.best_epoch == 1 + int(np.argmax(scores))
    assert len(scores) == len(model.loss_curve_) == len(model.validation_loss_curve_) == model.n_iter_
    assert model.history_["validation_score"] == scores
    assert model.network_.evaluate(x[200:], y[200:])["loss"] == pytest.approx(
        model.validation_loss_curve_[model.history_.best_epoch - 1]
    )


@short
def test_the_best_weights_stay_the_best_over_warm_starts(digits: Data) -> None:
    x, y = digits
    model = MLPClassifier(early_stopping=True, warm_start=True, random_state=0, learning_rate_init=0.01, max_iter=40)
    model.fit(x, y)
    best, epoch, proba = model.best_validation_score_, model.history_.best_epoch, model.predict_proba(x)
    model.set_params(solver="sgd", learning_rate_init=1.0, momentum=0, max_iter=3, n_iter_no_change=50).fit(x, y)
    assert max(model.validation_scores_[-3:]) <= best
    assert (model.best_validation_score_, model.history_.best_epoch) == (best, epoch)
    np.testing.assert_array_equal(model.predict_proba(x), proba)


@short
def test_a_validation_set_may_be_given_to_fit_and_does_not_change_training(digits: Data) -> None:
    x, y = digits
    plain = MLPClassifier(random_state=0, max_iter=5).fit(x, y)
    watched = MLPClassifier(random_state=0, max_iter=5).fit(x, y, validation_set=(x[:50], y[:50]))
    assert watched.loss_curve_ == plain.loss_curve_
    assert watched.coefs_[0].tolist() == plain.coefs_[0].tolist()
    assert watched.best_loss_ == plain.best_loss_
    assert len(watched.validation_loss_curve_) == 5
    assert plain.validation_loss_curve_ is None
    assert watched.validation_scores_[-1] == watched.score(x[:50], y[:50])


@short
@pytest.mark.parametrize(
    "scoring", ["roc_auc", make_scorer(roc_auc_score, response_method="predict_proba"), lambda model, x, y: 0.5]
)
def test_any_scorer(digits: Data, scoring: Any) -> None:
    x, y = digits
    model = MLPClassifier(validation_scoring=scoring, validation_set=(x[:60], y[:60] % 2), max_iter=4, random_state=0)
    model.fit(x[60:], y[60:] % 2)
    expected = 0.5 if getattr(scoring, "__name__", "") == "<lambda>" else None
    expected = roc_auc_score(y[:60] % 2, model.predict_proba(x[:60])[:, 1]) if expected is None else expected
    assert model.validation_scores_[-1] == pytest.approx(expected)
    assert "validation_accuracy" in model.history_


def test_a_scorer_without_rows_to_score() -> None:
    with pytest.raises(ValueError, match=r"^validation_scoring needs rows to score: give a validation_set, or "):
        MLPClassifier(validation_scoring="accuracy").fit(np.eye(4), [0, 1, 0, 1])


@short
def test_sample_weights_count_in_the_score_of_the_rows_held_out(digits: Data) -> None:
    x, y = digits
    weight = np.random.default_rng(0).uniform(0.1, 3, len(x))
    seen: list[Any] = []

    def scorer(model: Any, rows: np.ndarray, labels: np.ndarray) -> float:
        where = [int(np.flatnonzero((x == row).all(axis=1))[0]) for row in rows]
        seen.append(np.average(model.predict(rows) == labels, weights=weight[where]))
        return 0.0

    common = {"early_stopping": True, "max_iter": 3, "random_state": 0}
    MLPClassifier(**common, validation_scoring=scorer).fit(x, y, sample_weight=weight)
    model = MLPClassifier(**common).fit(x, y, sample_weight=weight)
    np.testing.assert_allclose(model.validation_scores_, seen, rtol=1e-12)
    named = MLPClassifier(**common, validation_scoring="accuracy").fit(x, y, sample_weight=weight)
    np.testing.assert_allclose(named.validation_scores_, seen, rtol=1e-12)


BAD_SETS = [
    ("one row", lambda x, y: (x[:1], y[:1]), "validation_set has a single row, which is too few to score"),
    (
        "a class that is only there",
        lambda x, y: (x[:9], np.full(9, 77)),
        "validation_set holds the class 77, which is not among those of the training rows, [0 1 2 3 4 5 6 7 8 9]: give "
        "it training rows, or leave its rows out of the validation set.",
    ),
    ("three parts", lambda x, y: (x, y, y), "validation_set must be a pair (X, y)."),
    ("other features", lambda x, y: (x[:9, :5], y[:9]), "X has 5 features, but MLPClassifier is expecting 64"),
    ("no number", lambda x, y: (x[:9] * np.nan, y[:9]), "Input X contains NaN."),
]


@pytest.mark.parametrize(("make", "message"), [bad[1:] for bad in BAD_SETS], ids=[bad[0] for bad in BAD_SETS])
def test_validation_sets_that_cannot_be(digits: Data, make: Any, message: str) -> None:
    x, y = digits
    model = MLPClassifier(validation_set=make(x, y))
    with pytest.raises(ValueError) as caught:
        model.fit(x, y)
    assert str(caught.value).startswith(message)
    assert "networks_" not in vars(model)


def test_a_fraction_too_small_to_score() -> None:
    with pytest.raises(ValueError, match=r"^The validation set is too small\. Increase 'validation_fraction'"):
        MLPClassifier(early_stopping=True).fit(np.eye(5), [0, 1, 2, 3, 4])


def test_where_the_validation_target_is_constant_the_loss_decides() -> None:
    """R² of a constant is 0 until it is met to all digits: by it the first epoch would be the best."""
    random = np.random.default_rng(0)
    x = random.normal(size=(60, 3))
    model = MLPRegressor(early_stopping=True, validation_set=(x[:20], np.full(20, 2.0)), learning_rate_init=0.01)
    model.set_params(random_state=0, tol=1e-4, max_iter=500).fit(x, np.full(60, 2.0))
    assert model.history_.best_epoch > 20
    assert abs(model.predict(x) - 2).max() < 0.3
    assert model.history_.stopped.startswith("The validation target is constant, so that R² says nothing")
    assert np.isfinite(model.validation_scores_).all()


def test_an_explosion_is_an_error_that_says_where_and_what_to_do() -> None:
    x = np.random.default_rng(0).normal(size=(50, 3)) * 1e8
    model = MLPRegressor(solver="sgd", learning_rate_init=1.0, random_state=0)
    with pytest.raises(ValueError) as caught:
        model.fit(x, x[:, 0])
    message = str(caught.value)
    assert message.startswith("Solver produced non-finite parameter weights. The input data may contain large values")
    assert "in epoch" in message
    assert "the inputs are not scaled" in message
    assert not hasattr(model, "networks_")


def test_an_explosion_with_early_stopping_leaves_the_best_weights() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 4))
    model = NetworkRegressor(
        [],
        optimizer=pl.GradientDescent(lambda step: 0.01 if step < 20 else 1e4),
        batch_size=180,
        early_stopping=True,
        n_iter_no_change=np.inf,
        random_state=0,
    )
    with pytest.warns(ConvergenceWarning, match=r"^Training diverged, and was stopped; the weights with the best"):
        model.fit(x, x @ [1, 2, 3, 4])
    assert np.isfinite(model.predict(x)).all()
    assert model.history_.best_epoch <= 20
    assert np.isnan(model.validation_scores_[-1])
    assert len(model.validation_scores_) == len(model.loss_curve_) == model.n_iter_
    assert np.isfinite(model.best_validation_score_)


def test_one_warning_calm_and_with_what_to_try(digits: Data) -> None:
    for model in (MLPClassifier(max_iter=2), MLPClassifier(max_iter=2, n_models=3)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(*digits)
        assert [str(warning.message) for warning in caught] == [
            "Stochastic Optimizer: Maximum iterations (2) reached and the optimization hasn't converged yet. The model "
            "can be used as it is; a larger max_iter or learning_rate_init lets it go on."
        ]
        assert caught[0].filename == __file__
    for parameters, words in (({"max_iter": 2}, "number of iterations (max_iter=2)"), ({"max_fun": 5}, "(max_fun=5)")):
        with pytest.warns(ConvergenceWarning, match=r"^lbfgs failed to converge after") as records:
            MLPClassifier(solver="lbfgs", **parameters).fit(*digits)
        assert words in str(records[0].message)
        assert str(records[0].message).endswith("or scale the inputs (standardize=True).")


@pytest.mark.parametrize("n_models", [1, 2])
def test_an_interrupt_leaves_a_model_that_can_be_used(digits: Data, n_models: int) -> None:
    def interrupt(trainer: pl.Trainer) -> None:
        if trainer.epoch == 3:
            raise KeyboardInterrupt

    model = MLPClassifier(callbacks=[interrupt], n_models=n_models, random_state=0)
    with pytest.warns(UserWarning, match=r"^Training interrupted by user\.$"):
        model.fit(*digits)
    assert model.n_iter_ == 3
    assert model.predict(digits[0]).shape == (251,)


@needs_native
def test_an_interrupt_of_lbfgs(digits: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    from pellucid.engines.native import NativeEngine

    calls = []
    plain = NativeEngine.loss_and_gradient

    def counted(self: Any, *arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 20:
            raise KeyboardInterrupt
        return plain(self, *arguments)

    monkeypatch.setattr(NativeEngine, "loss_and_gradient", counted)
    model = MLPClassifier(solver="lbfgs", random_state=0, engine="native")
    with pytest.warns(UserWarning, match=r"^Training interrupted by user\.$"):
        model.fit(*digits)
    assert model.n_iter_ > 5
    assert model.score(*digits) > 0.3


@needs_native
def test_lbfgs_ends_after_the_iteration_in_which_it_is_asked_to(digits: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    from pellucid.engines.native import NativeEngine

    calls = []
    plain = NativeEngine.loss_and_gradient
    model = MLPClassifier(solver="lbfgs", random_state=0, engine="native")

    def stopping(self: Any, *arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 20:
            model._members[0].stop()  # as the main thread does on Ctrl-C
        return plain(self, *arguments)

    monkeypatch.setattr(NativeEngine, "loss_and_gradient", stopping)
    model.fit(*digits)
    assert 20 <= len(calls) < 40  # a line search takes some
    assert 5 < model.n_iter_ <= 20


def test_verbose_prints_every_epoch(digits: Data, capsys: pytest.CaptureFixture[str]) -> None:
    model = MLPClassifier(verbose=True, tol=0.5, n_iter_no_change=1, early_stopping=True, random_state=0).fit(*digits)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Iteration 1, loss = {model.loss_curve_[0]:.8f}"
    assert lines[1] == f"Validation score: {model.validation_scores_[0]:f}"
    assert lines[-1] == "Validation score did not improve more than tol=0.500000 for 1 consecutive epochs. Stopping."
    MLPRegressor(solver="lbfgs", verbose=True, random_state=0, hidden_layer_sizes=3).fit(np.eye(4), [0, 1, 2, 3])
    assert capsys.readouterr().out.startswith("Iteration 1, loss = ")


def test_epochs_run_in_blocks_where_nothing_can_happen(digits: Data) -> None:
    """At most n_iter_no_change + 1 epochs pass between two looks, and the run ends in the very epoch it should."""
    blocks: list[int] = []

    def train(self: Any, task: Any, state: Any, safe: Any, epochs: int) -> Any:
        blocks.append(epochs)
        return plain(self, task, state, safe, epochs)

    from pellucid.engines import ReferenceEngine

    plain = ReferenceEngine.train
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ReferenceEngine, "train", train)
        model = MLPClassifier(random_state=0, engine="reference", tol=0.01, n_iter_no_change=4).fit(*digits)
    assert max(blocks) == 5
    assert sum(blocks) == model.n_iter_ == len(model.loss_curve_)
    curve = np.array(model.loss_curve_)
    best = np.minimum.accumulate(np.concatenate([[np.inf], curve[:-1]]))
    assert (curve > best - 0.01)[-5:].all()
    assert not (curve > best - 0.01)[-6]
