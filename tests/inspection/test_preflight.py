"""Checks before training: what each says, and that none leaves a trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.inspection.data_checks import (
    duplicate_columns,
    leaking_columns,
    neighbourhood_purity,
    repeated_outlier,
    rows_in_both,
)
from pellucid.inspection.dry_run import DryRun
from pellucid.inspection.ridge_baseline import reach
from support.fingerprints import fingerprint
from support.samples import classification

X, Y = classification(rows=200)
DIGITS = pl.datasets.load_digits()


def trainer_of(**options: Any) -> pl.Trainer:
    network = pl.Network([pl.Dense(12), pl.BatchNormalization(), pl.Tanh(), pl.Dropout(0.2), pl.Dense(3)])
    return pl.Trainer(
        network, **{"loss": pl.SoftmaxCrossEntropy(), "optimizer": pl.Momentum(0.05), "seed": 2, **options}
    )


CHECKS: dict[str, Callable[[pl.Trainer], Any]] = {
    "preflight": lambda trainer: pl.preflight(trainer, X, Y, validation=(X[:50], Y[:50])),
    "range_test": lambda trainer: pl.range_test(trainer, X, Y),
    "overfit_small": lambda trainer: pl.overfit_small(trainer, X, Y),
    "diagnose": lambda trainer: pl.diagnose(trainer, X, Y),
}


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("epochs", [0, 3])
def test_a_check_leaves_no_trace_in_the_trainer(name: str, epochs: int) -> None:
    trainer, other = trainer_of(), trainer_of()
    for each in (trainer, other):
        if epochs:
            each.fit(X, Y, epochs=epochs)
    before = fingerprint(trainer)
    CHECKS[name](trainer)
    assert fingerprint(trainer) == before
    for each in (trainer, other):  # and training goes on with the same bits
        each.fit(X, Y, epochs=2)
    np.testing.assert_array_equal(trainer.network.parameters, other.network.parameters)


def digits_trainer(**options: Any) -> pl.Trainer:
    network = pl.Network(options.pop("layers", [pl.Standardize(), pl.Dense(32), pl.ReLU(), pl.Dense(10)]))
    return pl.Trainer(network, **{"loss": pl.SoftmaxCrossEntropy(), "optimizer": pl.Adam(0.003), **options})


def verdicts(report: pl.Preflight) -> dict[str, str]:
    return {check.name: check.verdict for check in report}


def test_a_sound_training_passes_and_the_report_prints() -> None:
    report = pl.preflight(digits_trainer(), *DIGITS.train, validation=DIGITS.validation)
    assert report.passed, str(report)
    assert len(str(report).splitlines()) >= len(report) == 11
    assert "a network that knows nothing has 2.303" in str(report)  # log 10


@pytest.mark.parametrize(
    ("change", "name", "verdict"),
    [
        ({"optimizer": pl.Adam(30.0)}, "learning rate", "error"),
        ({"optimizer": pl.Adam(1e-9)}, "learning rate", "warning"),
        ({"layers": [pl.Dense(10), pl.Softmax()]}, "output and loss", "warning"),
        ({"layers": [pl.Rescale(100.0), pl.Dense(10)]}, "inputs", "warning"),
        ({"layers": [pl.Dense(10, bias_initializer=pl.Normal(50.0))]}, "initial loss", "warning"),
        ({"layers": [pl.Dense(8, weight_initializer="zeros"), pl.ReLU(), pl.Dense(10)]}, "overfit a few rows", "error"),
    ],
)
def test_each_check_says_what_is_wrong(change: dict[str, Any], name: str, verdict: str) -> None:
    report = pl.preflight(digits_trainer(**change), *DIGITS.train, validation=DIGITS.validation)
    assert verdicts(report)[name] == verdict, str(report)
    assert not report.passed


def test_shuffled_targets_leaks_and_missing_classes_are_told() -> None:
    x, y = DIGITS.train
    shuffled = np.random.default_rng(0).permutation(y)
    assert verdicts(pl.preflight(digits_trainer(), x, shuffled))["signal"] == "warning"
    report = pl.preflight(digits_trainer(), x, y, validation=(x[:40], y[:40]))
    assert verdicts(report)["rows in both parts"] == "error"
    few = y < 9
    with pytest.warns(UserWarning, match="no example of class 9"):
        report = pl.preflight(digits_trainer(), x[few], y[few])
    assert verdicts(report)["classes"] == "warning"


# -- the range test ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", [pl.Adam(30.0), pl.GradientDescent(1e-9), pl.Momentum(1.0), pl.RMSProp(5.0)])
def test_the_rate_that_is_suggested_trains_from_wherever_one_came(optimizer: pl.Optimizer) -> None:
    trainer = digits_trainer(optimizer=optimizer)
    test = pl.range_test(trainer, *DIGITS.train)
    assert test.suggestion is not None, test
    trained = trainer.replica(optimizer=type(optimizer)(test.suggestion))
    trained.fit(*DIGITS.train, epochs=5)
    assert trained.network.evaluate(*DIGITS.validation)["accuracy"] > 0.85


def test_it_says_that_there_is_no_rate_and_why() -> None:
    x, y = DIGITS.train
    nothing = digits_trainer(layers=[pl.Dense(8, weight_initializer="zeros"), pl.ReLU(), pl.Dense(10)])
    cases = {
        "falls at none of the rates": pl.range_test(nothing, x, y),
        "says the same of every row": pl.range_test(digits_trainer(), x, np.random.default_rng(0).permutation(y)),
        "is not finite": pl.range_test(digits_trainer(layers=[pl.Rescale(1e38), pl.Dense(9), pl.Dense(10)]), x, y),
    }
    for words, test in cases.items():
        assert test.suggestion is None
        assert words in str(test)
        assert str(test).startswith("No rate to suggest.")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"lowest": 0.0}, "lowest must be a number above 0"),
        ({"highest": 1e-9}, "highest must"),
        ({"steps": 3}, "steps must"),
    ],
)
def test_the_range_test_refuses_what_makes_no_sense(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        pl.range_test(digits_trainer(), *DIGITS.train, **options)


# -- what the checks are made of -----------------------------------------------------------------------------------


def test_one_step_of_a_rehearsal_is_the_trainers_own() -> None:
    trainer = trainer_of(batch_size=200)
    rehearsal, state = DryRun.of(trainer, trainer.examples(X, Y))
    made = rehearsal.step(state, 0)
    assert made is not None
    trainer.fit(X, Y, epochs=1)
    np.testing.assert_array_equal(made[1].parameters, trainer.network.parameters)
    assert made[0] == trainer.history["loss"][0]


def test_the_baseline_is_log_k_and_half_the_variance() -> None:
    of_classes, _ = DryRun.of(trainer_of(), trainer_of().examples(X, Y))
    assert of_classes.baseline() == pytest.approx(np.log(3))
    y = X @ [1.0, 2.0, 3.0] + 7
    regression = pl.Trainer(pl.Network([pl.Dense(1)]), pl.SquaredError())
    of_numbers, _ = DryRun.of(regression, regression.examples(X, y))
    assert of_numbers.baseline() == pytest.approx(y.var() / 2)


def test_the_yardstick_without_signal_does_no_better_than_a_constant() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(2000, 5))
    noise = reach(x, generator.normal(size=(2000, 1)), False)
    assert noise.signal < 0.02
    assert noise.unexplained == pytest.approx(1.0, abs=0.05)
    clear = reach(x, x @ np.ones((5, 1)), False)
    assert clear.unexplained < 0.01


def test_rows_in_both_are_those_that_sets_find() -> None:
    generator = np.random.default_rng(1)
    x = generator.integers(0, 3, (300, 4))
    other = generator.integers(0, 3, (100, 4))
    known = {tuple(row) for row in other.tolist()}
    own = {tuple(row) for row in x.tolist()}
    shared = rows_in_both(x, other)
    assert shared.training.tolist() == [i for i, row in enumerate(x.tolist()) if tuple(row) in known]
    assert shared.share == pytest.approx(np.mean([tuple(row) in own for row in other.tolist()]))


def test_columns_that_are_equal_or_give_the_target_away_are_named() -> None:
    generator = np.random.default_rng(2)
    x = generator.normal(size=(100, 5))
    x[:, 3], x[:, 4] = x[:, 1], 7.0
    assert duplicate_columns(x) == [(1, 3)]
    target = generator.normal(size=(100, 1))
    x[:, 2] = 3 * target[:, 0] - 1
    (leak,) = leaking_columns(x, target)
    assert leak.column == 2
    assert leak.explained == pytest.approx(1.0)


def test_a_code_among_the_targets_is_found_and_a_heavy_tail_is_not() -> None:
    generator = np.random.default_rng(3)
    y = generator.normal(size=(200, 1))
    assert repeated_outlier(y) is None
    assert repeated_outlier(np.exp(2 * y)) is None
    y[:5] = -999.0
    found = repeated_outlier(y)
    assert found is not None
    assert (found.value, found.rows) == (-999.0, 5)
    assert found.variance > 0.99


def test_neighbours_agree_where_labels_are_right() -> None:
    y = np.arange(900) % 3
    x = 4.0 * np.eye(3)[y] + np.random.default_rng(6).normal(size=(900, 3))
    wrong = np.random.default_rng(4).random(900) < 0.4
    noisy = np.where(wrong, np.random.default_rng(5).integers(0, 3, 900), y)
    assert neighbourhood_purity(x, y).core > 0.95
    assert neighbourhood_purity(x, noisy).core < 0.9


def test_overfitting_a_few_rows_says_whose_fault_it_is() -> None:
    good = pl.overfit_small(digits_trainer(penalty=pl.L2(10.0)), *DIGITS.train)
    assert (good.verdict, good.rows) == ("good", 32)
    slow = pl.overfit_small(digits_trainer(optimizer=pl.GradientDescent(1e-9)), *DIGITS.train, steps=600)
    assert slow.verdict == "warning"
    assert "learning rate" in str(slow)
    stuck = digits_trainer(layers=[pl.Dense(4, weight_initializer="zeros"), pl.ReLU(), pl.Dense(10)])
    assert pl.overfit_small(stuck, *DIGITS.train, steps=400).verdict == "error"
