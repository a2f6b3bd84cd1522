"""Divergence that no later loss would show: after the last step, on validation rows only, and in what is predicted."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.estimators import MLPClassifier
from support.samples import classification

X, Y = classification(rows=60, features=3, classes=3)
HUGE = np.full((4, 3), 3e38, np.float32)


def trainer(engine: str, rate: float = 1e25, **options: Any) -> pl.Trainer:
    network = pl.Network([pl.Dense(8), pl.ReLU(), pl.Dense(3)], engine=engine)
    options = {"batch_size": "full", **options}
    return pl.Trainer(network, pl.SoftmaxCrossEntropy(), pl.GradientDescent(rate), seed=1, **options)


def test_a_single_step_whose_weights_are_finite_and_whose_scores_are_not(engine: str) -> None:
    begun, diverging, longer = (trainer(engine) for _ in range(3))
    first = begun.initialize(X, Y).network.parameters
    match = (
        r"^The loss became (NaN|infinite) in epoch 1, after step 1 \(batch 1 of 1\): the first values that are not "
        r"finite are the outputs of layer 2, Dense\(3\)\. .* The weights are back at the start of epoch 1\.$"
    )
    with pytest.raises(pl.DivergenceError, match=match):
        diverging.fit(X, Y, epochs=1)
    np.testing.assert_array_equal(diverging.network.parameters, first)
    assert (diverging.epoch, len(diverging.history), diverging.history.diverged) == (0, 0, 1)
    assert np.isfinite(diverging.network.predict_proba(X)).all()
    with pytest.raises(pl.DivergenceError, match=r"in epoch 2, at step 2 \(batch 1 of 1\)"):  # with a step behind it
        longer.fit(X, Y, epochs=2)
    assert longer.divergence is not None
    assert diverging.divergence is not None
    assert diverging.divergence.better_rate == longer.divergence.better_rate


@pytest.mark.parametrize("weight", [None, np.linspace(0.5, 2.0, len(X))])
def test_the_last_of_many_steps(weight: Any, engine: str) -> None:
    """A rate that is too high in the last step alone; the callbacks are not told of an epoch that is taken back."""
    steps, told = 3 * 4, []
    schedule = lambda step: 0.1 if step < steps - 1 else 1e25  # noqa: E731
    smooth = trainer(engine, schedule, batch_size=16)
    smooth.fit(X, Y, epochs=2, sample_weight=weight)
    diverging = trainer(engine, schedule, batch_size=16, callbacks=[lambda each: told.append(each.epoch)])
    with pytest.raises(pl.DivergenceError, match=r"in epoch 3, after step 12 \(batch 4 of 4\): .* \(it is 1e\+25; "):
        diverging.fit(X, Y, epochs=3, sample_weight=weight)
    assert told == [1, 2]
    assert diverging.history["epoch"] == [1, 2]
    np.testing.assert_array_equal(diverging.network.parameters, smooth.network.parameters)


def test_a_callback_that_stops_training_there(engine: str) -> None:
    stopping = trainer(engine, callbacks=[lambda each: each.stop("enough")])
    with pytest.raises(pl.DivergenceError, match=r"in epoch 1, after step 1 "):
        stopping.fit(X, Y, epochs=5)
    assert stopping.epoch == 0


def test_what_would_train_on_is_left_alone(engine: str) -> None:
    """The state is looked at as by the next step: running statistics that lag behind are no divergence."""
    layers = [pl.BatchNormalization(momentum=0.001), pl.Dense(1)]
    network = pl.Network(layers, dtype="float32", engine=engine)
    x = 1e4 * X + 1e6
    late = pl.Trainer(network, pl.Poisson(), pl.GradientDescent(1e-3), batch_size="full", seed=2)
    late.initialize(x, Y + 1.0)
    network.set("1.weight", np.ones((3, 1)))
    late.fit(x, Y + 1.0, epochs=1)
    assert late.epoch == 1
    with np.errstate(over="ignore"):
        assert np.exp(network.scores(x)).max() == np.inf  # in prediction


def test_a_validation_loss_that_is_nan(engine: str) -> None:
    diverging = trainer(engine, 0.1).initialize(X, Y)
    diverging.network.assign({"0.weight": np.full((3, 8), 2.0), "2.weight": np.resize([1.0, -1.0], (8, 3))})
    match = r"^The validation loss became NaN in epoch 1, after step 1 .*: the first values .* outputs of layer \d, "
    with pytest.raises(pl.DivergenceError, match=match):
        diverging.fit(X, Y, epochs=3, validation=(np.concatenate([X[:4], HUGE]), Y[:8]))
    assert (diverging.epoch, len(diverging.history)) == (0, 0)
    history = diverging.fit(X, Y, epochs=2)
    assert history["epoch"] == [1, 2]
    assert history.diverged is None


def test_a_validation_loss_that_is_infinite_stands_in_the_history(engine: str) -> None:
    network = pl.Network([pl.Dense(1)], engine=engine)
    numbers = pl.Trainer(network, pl.SquaredError(), pl.GradientDescent(0.01), batch_size="full")
    history = numbers.fit(X, X[:, 0], epochs=2, validation=(X[:4] * 1e30, X[:4, 0]))
    assert history["validation_loss"] == [np.inf, np.inf]


# -- what is predicted -------------------------------------------------------------------------------------------

NAN = (
    r"^The network's output is NaN for 4 of 64 rows, first row 60, though their numbers are finite: the first values "
    r"that are not finite are the outputs of layer 0, Dense\(8\)\. Usually its training diverged: train it again with "
    r"a lower learning rate, or load an earlier one\. Or these rows are far larger than those it was trained on\.$"
)


@pytest.fixture
def spoilt(engine: str) -> pl.Network:
    """A network whose outputs are NaN for huge rows, ∞ − ∞ in the second layer."""
    network = trainer(engine, 0.1).initialize(X, Y).network
    network.assign({"0.weight": np.full((3, 8), 2.0), "2.weight": np.resize([1.0, -1.0], (8, 3))})
    return network


ROWS, CLASSES = np.concatenate([X, HUGE]), np.concatenate([Y, Y[:4]])
QUESTIONS = {
    "scores": lambda network: network.scores(ROWS),
    "predict": lambda network: network.predict(ROWS),
    "predict_proba": lambda network: network.predict_proba(ROWS),
    "evaluate": lambda network: network.evaluate(ROWS, CLASSES),
    "together": lambda network: pl.Ensemble([network, network]).predict(ROWS),
    "together, measured": lambda network: pl.Ensemble([network, network]).evaluate(ROWS, CLASSES),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_nan_is_not_an_answer(question: str, spoilt: pl.Network) -> None:
    with pytest.raises(FloatingPointError, match=NAN):
        QUESTIONS[question](spoilt)
    assert np.isfinite(spoilt.predict_proba(X)).all()
    if question != "predict_proba":
        spoilt.loss, spoilt.link = pl.Hinge(), "argmax"
        with pytest.raises(FloatingPointError, match=NAN):
            QUESTIONS[question](spoilt)


def test_infinite_scores(engine: str) -> None:
    """They are numbers; but a softmax of +∞ is none, and that of −∞ is 0."""
    network = pl.Network([pl.Dense(2, bias=True)], engine=engine).build(1)
    network.parameters = [0.0, 0.0, np.inf, 0.0]
    np.testing.assert_array_equal(network.scores([[1.0]]), [[np.inf, 0.0]])
    np.testing.assert_array_equal(network.predict([[1.0]]), [[np.inf, 0.0]])
    network.link, network.loss = "softmax", pl.SoftmaxCrossEntropy()
    for question in (network.predict, network.predict_proba, lambda x: network.evaluate(x, [0])):
        with pytest.raises(FloatingPointError, match=r"NaN for 1 of 1 rows, first row 0, .*: the bias of layer 0, "):
            question([[1.0]])
    network.parameters = [0.0, 0.0, -np.inf, 0.0]
    np.testing.assert_array_equal(network.predict_proba([[1.0]]), [[0.0, 1.0]])
    np.testing.assert_array_equal(network.predict([[1.0]]), [1])


def test_inputs_that_are_nan_are_refused_as_such(spoilt: pl.Network) -> None:
    with pytest.raises(ValueError, match="x holds nan at row 1, column 2: every number must be finite"):
        spoilt.predict(np.array([[0.0, 0.0, 0.0], [0.0, 0.0, np.nan]]))


@pytest.mark.parametrize("batch_size", [60, 20])
def test_an_estimator_whose_last_step_diverges_is_not_fitted(batch_size: int) -> None:
    model = MLPClassifier(
        (8,), solver="sgd", learning_rate_init=1e25, max_iter=1, batch_size=batch_size, random_state=0
    )
    with pytest.raises(ValueError, match=r"^Solver produced non-finite parameter weights\. .*The loss became "):
        model.fit(X.astype(np.float32), Y)
    assert not hasattr(model, "networks_")


def test_an_estimator_says_so_in_the_networks_words() -> None:
    model = MLPClassifier((8,), tol=100.0, n_iter_no_change=1, random_state=0).fit(X.astype(np.float32), Y)
    model.network_.set("0.weight", np.full((3, 8), 1e30))
    for question in (model.predict, model.predict_proba):
        with pytest.raises(FloatingPointError, match=r"^The network's output is NaN for \d+ of 60 rows, first row "):
            question(X.astype(np.float32) * 1e8)


def test_a_saved_network_says_so_on_the_command_line(tmp_path: Path, capsys: Any) -> None:
    from pellucid.cli import main

    network = trainer("auto", 0.1).initialize(X, Y).network
    network.set("0.weight", np.full((3, 8), 1e30))
    network.set("2.weight", np.resize([1e30, -1e30], (8, 3)))
    pl.save(network, tmp_path / "spoilt.pellucid")
    np.save(tmp_path / "rows.npy", X)
    assert main(["predict", str(tmp_path / "spoilt.pellucid"), str(tmp_path / "rows.npy")]) == 1
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors.startswith("Error: The network's output is NaN for ")


def test_a_network_that_diverged_can_be_copied_before_it_is_asked(spoilt: pl.Network) -> None:
    with pytest.raises(FloatingPointError, match=NAN):
        pickle.loads(pickle.dumps(spoilt)).predict(ROWS)
