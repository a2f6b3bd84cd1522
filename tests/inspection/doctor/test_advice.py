"""What findings say: names and units that people know, one best epoch, and no advice that is done already."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.inspection.data_checks import neighbourhood_purity
from pellucid.inspection.doctor import diagnose_saved
from pellucid.inspection.doctor.catalogue import CATALOGUE
from pellucid.inspection.doctor.data import PURE
from support.engines import needs_native
from support.samples import classification

X, Y = classification(rows=240)


def fitted(layers: list[Any], x: Any = X, y: Any = Y, *, epochs: int = 5, fit: Any = None, **options: Any) -> Any:
    """A trained trainer."""
    loss = pl.SquaredError() if np.asarray(y).dtype.kind == "f" else pl.SoftmaxCrossEntropy()
    trainer = pl.Trainer(pl.Network(layers), **{"loss": loss, "optimizer": pl.Adam(0.01), "seed": 3, **options})
    trainer.fit(x, y, epochs=epochs, **(fit or {}))
    return trainer


def found(name: str, trainer: pl.Trainer, x: Any = X, y: Any = Y, **more: Any) -> pl.Finding:
    """The finding of that name."""
    return next(each for each in pl.diagnose(trainer, x, y, **more) if each.name == name)


def names(trainer: pl.Trainer, x: Any = X, y: Any = Y, **more: Any) -> tuple[str, ...]:
    return pl.diagnose(trainer, x, y, **more).names


# -- names and units -----------------------------------------------------------------------------------------------


def rare_rows() -> tuple[Any, Any]:
    random = np.random.default_rng(0)
    x = random.normal(size=(600, 2))
    return x, (x[:, 0] > 1.9).astype(np.int64)


@pytest.mark.parametrize(("classes", "words"), [(["no", "very rare"], "Class very rare has"), (None, "Class 1 has")])
def test_a_class_is_called_by_its_name(classes: Any, words: str) -> None:
    x, y = rare_rows()
    trainer = fitted([pl.Dense(2)], x, y, epochs=1)
    trainer.network.classes = classes
    finding = found("class_imbalance", trainer, x, y)
    assert finding.message.startswith(words)
    assert finding.evidence["class"] == 1
    checks = {check.name: check.message for check in pl.preflight(trainer, x, y)}
    assert f"the rarest, {classes[1] if classes else 1}, has" in checks["classes"]


def test_columns_are_called_by_their_names() -> None:
    random = np.random.default_rng(0)
    x = np.c_[random.normal(size=(200, 2)), np.zeros(200)]
    y = x[:, 0] + x[:, 1]
    x[:, 2] = 1000 * y
    trainer = fitted([pl.Dense(4), pl.Tanh(), pl.Dense(1)], x, y, epochs=2)
    assert "; column 2 has the mean" in found("unscaled_inputs", trainer, x, y).message
    trainer.network.features = ["size", "age", "price in cents"]
    assert "; column 'price in cents' has the mean" in found("unscaled_inputs", trainer, x, y).message
    leak = found("leaking_column", trainer, x, y)
    assert leak.message.startswith("Column 'price in cents' alone explains 100.00% of the target's variance; ")


def test_classes_have_an_accuracy_and_numbers_an_r2() -> None:
    random = np.random.default_rng(0)
    x = random.uniform(-1, 1, size=(300, 2))
    circle = (np.square(x).sum(axis=1) < 0.6).astype(np.int64)
    trainer = fitted([pl.Dense(2)], x, circle, epochs=30)
    finding = found("underfitting", trainer, x, circle)
    accuracy = trainer.network.evaluate(x, circle)["accuracy"]
    assert finding.message.startswith(f"The network has an accuracy of {accuracy:.1%} on held-out rows")
    assert finding.evidence["accuracy"] == pytest.approx(accuracy)
    height = np.square(x).sum(axis=1)
    trainer = fitted([pl.Dense(1)], x, height, epochs=30)
    finding = found("underfitting", trainer, x, height)
    assert finding.evidence["r2"] == pytest.approx(trainer.network.evaluate(x, height)["r2"])
    assert f"an R² of {finding.evidence['r2']:.3f} on training rows" in finding.message
    assert "accuracy" not in finding.message


def test_scores_that_are_equal_are_said_so_beside_their_size() -> None:
    trainer = fitted([pl.Dense(4), pl.ReLU(), pl.Dense(3)])
    bias = trainer.network.program.views()["2.bias"]
    parameters = np.zeros_like(trainer.network.parameters)
    parameters[bias.range] = [1.0, 2.0, 2.0]
    trainer.network.parameters = parameters
    finding = found("constant_predictions", trainer)
    assert "are equal to the last bit, beside a root mean square of 1.73." in finding.message  # √(9/3)
    parameters[trainer.network.program.views()["2.weight"].range] = 1e-7
    parameters[trainer.network.program.views()["0.bias"].range] = 1.0
    parameters[trainer.network.program.views()["0.weight"].range] = 1.0
    trainer.network.parameters = parameters
    finding = found("constant_predictions", trainer)
    assert " differ by " in finding.message
    assert " to 0" not in finding.message
    assert f"differ by {finding.evidence['spread']:.1g} (their largest standard deviation)" in finding.message


def test_a_code_among_targets_is_told_in_their_own_unit() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(300, 3))
    y = x[:, 0] + 5
    y[:6] = -999.0
    trainer = fitted([pl.Dense(8), pl.Tanh(), pl.Dense(1)], x, y, standardize_target=True)
    finding = found("broken_target", trainer, x, y)
    assert finding.evidence["value"] == pytest.approx(-999.0, rel=1e-5)
    assert "have the target -999, and all" in finding.message
    assert "unscaled_targets" not in names(trainer, x, y)


# -- one best epoch ------------------------------------------------------------------------------------------------


def history_of(**columns: list[float]) -> pl.History:
    history = pl.History()
    history.extend({"epoch": list(range(1, len(columns["loss"]) + 1)), **columns})
    return history


RISING = {
    "loss": np.linspace(1, 0.1, 20).tolist(),
    "validation_loss": [1.0, 0.8, 0.6, *np.linspace(0.5, 2.0, 17).tolist()],
    "validation_accuracy": [*np.linspace(0.5, 0.9, 12).tolist(), *[0.89] * 8],
}


@pytest.mark.parametrize(("best", "told"), [(None, True), (4, False), (12, False), (20, True)])
def test_overfitting_is_done_with_when_the_best_epoch_is_back(best: int | None, told: bool) -> None:
    history = history_of(**RISING)  # the lowest loss is in epoch 4, the highest accuracy in epoch 12
    history.best_epoch = best
    assert (pl.diagnose(history).names == ("overfitting",)) is told


def test_what_the_network_holds_is_told_with_its_epoch() -> None:
    random = np.random.default_rng(0)
    x = random.uniform(-1, 1, size=(300, 2))
    circle = (np.square(x).sum(axis=1) < 0.6).astype(np.int64)
    stopping = pl.EarlyStopping(patience=None)
    trainer = fitted(
        [pl.Dense(2)], x, circle, epochs=25, fit={"validation": (x[:60], circle[:60])},
        callbacks=[stopping], optimizer=pl.Adam(pl.StepDecay(0.5, every=40)),
    )  # fmt: skip
    assert trainer.history.best_epoch not in (None, 25)
    assert found("underfitting", trainer, x, circle).epoch == trainer.history.best_epoch
    again = pl.Trainer(pl.Network([pl.Dense(2)]), pl.SoftmaxCrossEntropy(), trainer.optimizer, seed=3)
    saved = diagnose_saved(again, trainer.network, trainer.history, x, circle)
    assert next(each for each in saved if each.name == "underfitting").epoch == trainer.history.best_epoch


# -- false alarms --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("epochs", "told"), [(1, False), (2, False), (60, True)])
def test_units_that_no_row_has_reached_in_two_steps_are_not_frozen(epochs: int, told: bool) -> None:
    layer = pl.Dense(8, bias_initializer=pl.Constant(-1e-3))
    trainer = fitted([layer, pl.ReLU(), pl.Dense(2)], X[:2], Y[:2], epochs=epochs, batch_size=2)
    before, after = (state.parameters for state in (trainer.initial, trainer.state))
    weight = trainer.network.program.views()["0.weight"]
    still = (weight.of(before) == weight.of(after)).all(axis=0).mean()
    assert 0.25 <= still < 1  # two rows leave some ReLUs out
    assert ("frozen_units" in names(trainer, X[:2], Y[:2])) is told


def test_a_layer_whose_rate_is_0_is_named_after_the_first_step() -> None:
    trainer = fitted([pl.Dense(8), pl.Tanh(), pl.Dense(3)], epochs=1, batch_size=240, learning_rate_factors={"0": 0.0})
    finding = found("frozen_units", trainer)
    assert finding.message.endswith("after 1 step: its learning-rate factor is 0.")
    assert finding.remedy.apply(trainer).learning_rate_factors == {}


def test_weights_that_a_penalty_has_made_equal_are_not_symmetric() -> None:
    trainer = fitted([pl.Dense(8), pl.Tanh(), pl.Dense(3)], epochs=60, penalty=pl.L1(3.0), optimizer=pl.Adam(0.03))
    small = np.abs(trainer.state.parameters) < 0.1
    trainer.resume_from(replace(trainer.state, parameters=np.where(small, 0, trainer.state.parameters)))
    found_names = names(trainer)
    assert "symmetric_weights" not in found_names
    assert "over_regularized" in found_names


def test_codes_of_categories_are_no_label_noise() -> None:
    """The label hangs on a code, whose neighbours in number are other categories."""
    random = np.random.default_rng(0)
    codes = random.integers(0, 200, 1000)
    labels = random.permutation(np.arange(200) % 2)[codes]
    x = np.c_[random.normal(size=(1000, 2)) + 0.5 * labels[:, None], codes]
    assert 0.6 < neighbourhood_purity(x, labels).core < PURE  # as if a fifth of the labels were wrong
    trainer = fitted([pl.CategoryEmbedding((200,)), pl.Dense(2)], x, labels, epochs=3)
    assert "label_noise" not in names(trainer, x, labels)


def test_labels_that_are_predicted_better_than_neighbours_agree_are_no_noise() -> None:
    """Two columns decide, and sixty others make every row a neighbour of every other."""
    random = np.random.default_rng(0)
    x = random.normal(size=(1500, 62))
    labels = (x[:, 0] > 0).astype(np.int64)
    wrong = np.where(random.random(1500) < 0.25, 1 - labels, labels)
    rows, held_out = slice(0, 1000), slice(1000, 1500)
    for y, told in ((labels, False), (wrong, True)):
        layers = [pl.Dense(2)]
        trainer = fitted(layers, x[rows] * [5, *[1] * 61], y[rows], epochs=20)
        validation = (x[held_out] * [5, *[1] * 61], y[held_out])
        assert ("label_noise" in names(trainer, x[rows] * [5, *[1] * 61], y[rows], validation=validation)) is told


# -- no advice that is done already --------------------------------------------------------------------------------


def test_unscaled_targets_have_a_remedy() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(300, 3))
    y = 4000 + 900 * np.sin(x[:, 0]) + 300 * x[:, 1]
    trainer = fitted([pl.Dense(16), pl.Tanh(), pl.Dense(1)], x, y, epochs=40)
    finding = found("unscaled_targets", trainer, x, y)
    assert "standardize_target=True" in finding.advice
    assert str(finding.remedy) == "standardize_target=True"
    better = finding.remedy.apply(trainer)
    better.fit(x, y, epochs=40)
    assert better.network.evaluate(x, y)["r2"] > 0.9 > trainer.network.evaluate(x, y)["r2"]
    assert "unscaled_targets" not in names(better, x, y)
    moved = found("unscaled_targets", better, x, y + 1e6)
    assert moved.message.startswith("In the network's own unit the targets have the mean ")
    assert "Measure the unit of the targets anew" in moved.advice


def test_standardize_is_not_advised_where_it_stands() -> None:
    x, y = X * 1000, Y
    plain = fitted([pl.Dense(8), pl.Tanh(), pl.Dense(3)], x, y)
    assert found("unscaled_inputs", plain, x, y).advice == CATALOGUE["unscaled_inputs"].advice
    spoilt = fitted([pl.Standardize(), pl.Rescale(1000.0), pl.Dense(8), pl.Tanh(), pl.Dense(3)], X, Y)
    finding = found("unscaled_inputs", spoilt)
    assert finding.advice.startswith("Put Standardize() directly in front of layer 2: ")
    assert finding.remedy.layers[2] == pl.Standardize()
    moved = fitted([pl.Standardize(), pl.Dense(8), pl.Tanh(), pl.Dense(3)], X, Y)
    finding = found("unscaled_inputs", moved, x, y)
    assert "measure these rows" in finding.advice
    better = finding.remedy.apply(moved)
    better.fit(x, y, epochs=5)
    assert "unscaled_inputs" not in names(better, x, y)


DEEP = [part for _ in range(9) for part in (pl.Dense(32), pl.Sigmoid())]
SMALL = [part for _ in range(9) for part in (pl.Dense(32, weight_initializer=pl.Normal(0.01)), pl.ReLU())]
LARGE = [part for _ in range(6) for part in (pl.Dense(64, weight_initializer=pl.Normal(0.6)), pl.ReLU())]


@pytest.mark.parametrize(
    ("name", "layers", "options", "advice"),
    [
        ("vanishing_gradients", DEEP, {}, "Use ReLU in the hidden layers, or put BatchNormalization"),
        ("vanishing_gradients", SMALL, {}, "Let the weights begin at their usual size: omit weight_initializer."),
        ("exploding_gradients", LARGE, {}, "Let the weights begin at their usual size: omit weight_initializer."),
    ],
)
def test_gradients_get_what_is_not_done_yet(name: str, layers: Any, options: Any, advice: str) -> None:
    trainer = pl.Trainer(pl.Network([*layers, pl.Dense(3)]), "softmax_cross_entropy", **options)
    finding = found(name, trainer)
    assert finding.advice.startswith(advice)
    assert name not in names(finding.remedy.apply(trainer))


def scaled_weights(network: pl.Network, factor: float) -> pl.Network:
    """The network with weights larger or smaller than any initializer in it has made them."""
    network.build(X.shape[1], seed=0)
    for name, view in network.program.views().items():
        if name.endswith("weight"):
            parameters = network.parameters.copy()
            parameters[view.range] *= factor
            network.parameters = parameters
    return network


def test_weights_that_begin_as_usual_are_not_told_to() -> None:
    relus = [part for _ in range(9) for part in (pl.Dense(32), pl.ReLU())]
    normalized = [part for _ in range(9) for part in (pl.Dense(32), pl.BatchNormalization(), pl.ReLU())]
    small = pl.Trainer(scaled_weights(pl.Network([*relus, pl.Dense(3)]), 0.1), "softmax_cross_entropy")
    finding = found("vanishing_gradients", small)
    assert finding.advice == "Put BatchNormalization behind each Dense."
    assert finding.remedy.layers == (*normalized, pl.Dense(3))
    large = scaled_weights(pl.Network([*relus, pl.Dense(3)]), 3.0)
    finding = found("exploding_gradients", pl.Trainer(large, "softmax_cross_entropy", pl.Adam(0.01)))
    assert (finding.advice, str(finding.remedy)) == (
        "Clip the gradient: clip_norm=1.0.", "optimizer=Adam(learning_rate=0.01, clip_norm=1.0)"
    )  # fmt: skip
    clipped = pl.Trainer(large, "softmax_cross_entropy", pl.Adam(0.01, clip_norm=1.0))
    assert found("exploding_gradients", clipped).advice == "Put BatchNormalization behind each Dense."
    loud = pl.Trainer(scaled_weights(pl.Network([pl.Dense(8), pl.Tanh(), pl.Dense(3)]), 50.0), "softmax_cross_entropy")
    assert found("initial_loss", loud).remedy is None


@pytest.mark.parametrize("epochs", [1, 2, 4, 5, 12])
def test_the_patience_that_is_advised_can_act(epochs: int) -> None:
    trainer = fitted([pl.Dense(3)], epochs=epochs, callbacks=[pl.EarlyStopping(20)], fit={"validation": (X[:9], Y[:9])})
    finding = found("idle_early_stopping", trainer, validation=(X[:9], Y[:9]))
    if finding.remedy is None:
        assert (epochs < 5, finding.advice) == (True, "Train for more than 20 epochs.")
    else:
        (stopping,) = finding.remedy.settings["callbacks"]
        assert 1 <= stopping.patience < epochs


def test_tiny_batches_of_few_rows_are_not_told_to_be_larger() -> None:
    layers = [pl.Dense(4), pl.BatchNormalization(), pl.Tanh(), pl.Dense(3)]
    trainer = fitted(layers, X[:4], Y[:4], batch_size=4)
    finding = found("tiny_batches", trainer, X[:4], Y[:4])
    assert finding.advice == "Use LayerNormalization, which looks at each row alone."
    assert finding.remedy.layers == (pl.Dense(4), pl.LayerNormalization(), pl.Tanh(), pl.Dense(3))
    assert found("tiny_batches", fitted(layers, batch_size=4)).remedy.settings == {"batch_size": 32}


def bumpy(**options: Any) -> tuple[pl.Trainer, Any, Any]:
    random = np.random.default_rng(0)
    x = random.normal(size=(1200, 3))
    y = np.sin(2 * x[:, 0]) + 0.5 * np.cos(3 * x[:, 1]) + 0.2 * x[:, 2]
    layers = [pl.Dense(32), pl.Tanh(), pl.Dense(1)]
    return fitted(layers, x, y, epochs=40, batch_size=4, **{"optimizer": pl.Adam(0.05), **options}), x, y


@needs_native  # the bumps of this training are those of its rounding
def test_a_schedule_is_not_advised_where_there_is_one() -> None:
    trainer, x, y = bumpy()
    finding = found("plateau", trainer, x, y)
    assert finding.advice == "Lower the rate as training goes on: Cosine(0.05, steps=12000), or ReduceOnPlateau()."
    trainer, x, y = bumpy(callbacks=[pl.ReduceOnPlateau(patience=100)])
    assert found("plateau", trainer, x, y).advice.endswith("Cosine(0.05, steps=12000).")
    schedule = pl.StepDecay(0.05, every=10**6)
    trainer, x, y = bumpy(optimizer=pl.Adam(schedule))
    finding = found("plateau", trainer, x, y)
    assert finding.advice.startswith("Lower the rate that the schedule begins with from 0.05 to 0.00")
    assert isinstance(finding.remedy.settings["optimizer"].learning_rate, pl.StepDecay)


def test_stopping_early_is_not_advised_where_it_is_done() -> None:
    random = np.random.default_rng(0)
    noise = random.random(len(X)) < 0.4
    y = np.where(noise, random.integers(0, 3, len(X)), Y)
    more = {"epochs": 3, "fit": {"validation": (X[:60], y[:60])}}
    plain = fitted([pl.Dense(16), pl.Tanh(), pl.Dense(3)], X, y, **more)
    stopped = fitted([pl.Dense(16), pl.Tanh(), pl.Dense(3)], X, y, callbacks=[pl.EarlyStopping(2)], **more)
    first, second = (found("label_noise", each, X, y, validation=(X[:60], y[:60])) for each in (plain, stopped))
    assert "EarlyStopping(5)" in first.advice
    assert (second.advice, second.remedy) == ("Correct the labels.", None)
