"""Validation rows: what is measured on them after each epoch, and how much each of them counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss, r2_score

import pellucid as pl
from pellucid.losses import Loss
from pellucid.typing import Array
from support.engines import needs_native
from support.samples import classification

X, Y = classification(rows=60, features=3, classes=3)
TRAIN, HELD = slice(0, 40), slice(40, 60)
WEIGHT = np.linspace(0.0, 2.0, 20)  # (20,): the first row does not count at all
TIMES = np.arange(20) % 4  # (20,)
NUMBERS = np.stack([X[:, 0] - X[:, 1] ** 2, X[:, 2]], axis=1)  # (60, 2)
LOSSES = [
    (pl.SoftmaxCrossEntropy(), Y, 3),
    (pl.SigmoidCrossEntropy(), (Y > 0).astype(float), 1),
    (pl.SquaredError(), NUMBERS, 2),
    (pl.Poisson(), np.exp(X[:, :1]).round(), 1),
]


def fitted(engine: str, loss: Loss, y: Array, outputs: int, validation: Any, epochs: int = 3, **options: Any) -> Any:
    """A trainer that has trained on the first rows."""
    network = pl.Network([pl.Dense(6), pl.Tanh(), pl.Dropout(0.1), pl.Dense(outputs)], dtype="float64", engine=engine)
    trainer = pl.Trainer(network, loss, pl.Adam(0.02), batch_size=16, seed=2, **options)
    trainer.fit(X[TRAIN], y[TRAIN], epochs=epochs, validation=validation)
    return trainer


def test_classes_are_measured_as_scikit_learn_weighs_them(engine: str) -> None:
    trainer = fitted(engine, pl.SoftmaxCrossEntropy(), Y, 3, (X[HELD], Y[HELD], WEIGHT))
    probabilities = trainer.network.predict_proba(X[HELD])  # (20, 3)
    accuracy = accuracy_score(Y[HELD], probabilities.argmax(axis=1), sample_weight=WEIGHT)
    expected = log_loss(Y[HELD], probabilities, sample_weight=WEIGHT, labels=[0, 1, 2])
    assert trainer.history["validation_loss"][-1] == pytest.approx(expected, rel=1e-12)
    assert trainer.history["validation_accuracy"][-1] == pytest.approx(accuracy, rel=1e-12)
    alike = fitted(engine, pl.SoftmaxCrossEntropy(), Y, 3, (X[HELD], Y[HELD])).history
    assert alike["validation_loss"][-1] != pytest.approx(expected, rel=1e-3), "weights change what is measured"


@pytest.mark.parametrize("standardize", [False, True], ids=["as they are", "standardized"])
def test_numbers_are_measured_as_scikit_learn_weighs_them(engine: str, standardize: bool) -> None:
    held_out = (X[HELD], NUMBERS[HELD], WEIGHT)
    trainer = fitted(engine, pl.SquaredError(), NUMBERS, 2, held_out, standardize_target=standardize, clamp=standardize)
    predicted = trainer.network.predict(X[HELD])  # (20, 2)
    expected = r2_score(NUMBERS[HELD], predicted, sample_weight=WEIGHT)
    assert trainer.history["validation_r2"][-1] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("loss", "y", "outputs"), LOSSES, ids=lambda value: str(value) if isinstance(value, Loss) else ""
)
def test_a_whole_weight_is_the_row_so_many_times(engine: str, loss: Loss, y: Array, outputs: int) -> None:
    repeated = np.repeat(np.arange(40, 60), TIMES)
    weighed = fitted(engine, loss, y, outputs, (X[HELD], y[HELD], TIMES)).history
    again = fitted(engine, loss, y, outputs, (X[repeated], y[repeated])).history
    assert weighed.columns == again.columns
    for column in weighed.columns:
        if column != "seconds":
            np.testing.assert_allclose(weighed[column], again[column], rtol=1e-12, err_msg=column)


@needs_native
@pytest.mark.parametrize(
    ("loss", "y", "outputs"), LOSSES, ids=lambda value: str(value) if isinstance(value, Loss) else ""
)
def test_both_engines_measure_the_same(loss: Loss, y: Array, outputs: int) -> None:
    native, reference = (
        fitted(engine, loss, y, outputs, (X[HELD], y[HELD], WEIGHT)).history for engine in ("native", "reference")
    )
    for column in (name for name in native.columns if name.startswith("validation_")):
        np.testing.assert_allclose(native[column], reference[column], rtol=1e-9, err_msg=column)


def test_equal_weights_change_nothing(engine: str) -> None:
    weighed, alike = (
        fitted(engine, pl.SoftmaxCrossEntropy(), Y, 3, (X[HELD], Y[HELD], weight))
        for weight in (np.full(20, 3.0), None)
    )
    for column in ("validation_loss", "validation_accuracy"):
        np.testing.assert_allclose(weighed.history[column], alike.history[column], rtol=1e-12)
    np.testing.assert_array_equal(weighed.network.parameters, alike.network.parameters)


def test_the_best_epoch_is_the_one_by_weight(engine: str) -> None:
    """Two rows that cannot both be right: the one that counts decides which epoch is the best."""

    def best(weight: list[float]) -> int | None:
        network = pl.Network([pl.Dense(1, weight_initializer="zeros")], dtype="float64", engine=engine)
        callbacks = [pl.EarlyStopping(patience=None)]
        trainer = pl.Trainer(network, pl.SquaredError(), pl.GradientDescent(0.5), "full", callbacks=callbacks)
        # b: 0.5·4 = 2, then 3, 3.5, … towards 4; the first validation row wants 2, the second 3.5
        validation = (np.zeros((2, 1)), np.array([2.0, 3.5]), weight)
        return trainer.fit(np.zeros((4, 1)), np.full(4, 4.0), epochs=6, validation=validation).best_epoch

    assert best([1.0, 0.0]) == 1
    assert best([0.0, 1.0]) == 3


def test_callbacks_see_the_rows_and_their_weights() -> None:
    seen: list[Any] = []
    look = pl.Every(1, lambda trainer: seen.append((trainer.validation, trainer.held_out)))
    trainer = fitted("auto", pl.SoftmaxCrossEntropy(), Y, 3, (X[HELD], Y[HELD], WEIGHT), epochs=1, callbacks=[look])
    ((x, targets), held_out) = seen[0]
    assert x is held_out.x
    assert targets is held_out.targets
    assert held_out.weight.tolist() == WEIGHT.tolist()
    assert trainer.held_out is None, "fit is over"
    assert trainer.validation is None
    assert trainer.network.training.validation_rows == 20


def test_the_doctor_weighs_the_loss_that_it_compares_trials_by() -> None:
    doctor = pl.Doctor()
    validation = (X[HELD], Y[HELD], WEIGHT)
    trainer = fitted("auto", pl.SoftmaxCrossEntropy(), Y, 3, validation, callbacks=[doctor])
    run = doctor.evidence.run
    assert run is not None
    assert run.trial_of(run.last).held_out_loss == pytest.approx(trainer.history["validation_loss"][-1], rel=1e-12)


def test_a_sweep_hands_weights_on_and_knows_them_again(tmp_path: Path) -> None:
    validation = (X[HELD], Y[HELD], WEIGHT.tolist())

    def make_trainer(rate: float) -> pl.Trainer:
        return pl.Trainer(pl.Network([pl.Dense(3)]), pl.SoftmaxCrossEntropy(), pl.Adam(rate), batch_size=16)

    def swept(validation: Any) -> Any:
        given = {"epochs": 2, "validation": validation, "directory": tmp_path}
        return pl.sweep(make_trainer, [{"rate": 0.1}], X[TRAIN], Y[TRAIN], **given).rows[0].metrics

    history = make_trainer(0.1).fit(X[TRAIN], Y[TRAIN], epochs=2, validation=validation)
    assert swept(validation)["validation_loss"] == history["validation_loss"][-1]
    assert swept(validation) == swept(validation)
    assert swept((X[HELD], Y[HELD], WEIGHT[::-1])) != swept(validation), "other weights are another sweep"
    assert len(list(tmp_path.iterdir())) == 2
    assert swept((X[HELD], Y[HELD], None)) == swept((X[HELD], Y[HELD]))
