"""Planted faults: for each finding at least three trainings that have it, on different data, of different sizes.

A fault is a recipe (how the training is set up) or something done to the rows, and a repair for those whose remedy no
program can know: the true labels, the corrected code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

import pellucid as pl
from pellucid.layers.layer import Layer
from pellucid.losses import Loss
from support.runs import Recipe, Rows

Planting = Callable[[Rows, int], Rows]


@dataclass(frozen=True)
class Fault:
    """A training with one fault.

    Parameters
    ----------
    finding : str
        What the doctor should call it.
    data : str
        The rows.
    recipe : Recipe
        The training.
    seed : int
        Of rows and training.
    plant : callable or None
        What is done to the rows.
    repair : Recipe, "rows" or None
        The remedy as a person would apply it: another recipe, or the rows as they were. None: the finding's own.
    measure : str
        What is to rise on test rows: "accuracy" (r2 for numbers), "balanced" accuracy, or "loss" (that falls).
    rows : int
        How many rows there are to learn from, at most.
    """

    finding: str
    data: str
    recipe: Recipe
    seed: int = 0
    plant: Planting | None = None
    repair: Recipe | str | None = None
    measure: str = "accuracy"
    rows: int = 2000
    fit: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.finding} in {self.data}, seed {self.seed}"


# -- parts with faults of their own --------------------------------------------------------------------------------


@dataclass(frozen=True)
class WrongSquares(Loss):
    """½(a − y)² with the sign of its derivative forgotten for large errors."""

    def encode(self, y: Any, outputs: int) -> Any:
        return pl.SquaredError().encode(y, outputs)

    def values(self, scores: Any, targets: Any) -> Any:
        return pl.SquaredError().values(scores, targets)

    def gradient(self, scores: Any, targets: Any) -> Any:
        return np.abs(pl.SquaredError().gradient(scores, targets))

    def link(self, targets: Any) -> str:
        return pl.SquaredError().link(targets)


@dataclass(frozen=True)
class WrongCrossEntropy(Loss):
    """The softmax cross-entropy whose derivative subtracts the target from the next class."""

    def encode(self, y: Any, outputs: int) -> Any:
        return pl.SoftmaxCrossEntropy().encode(y, outputs)

    def values(self, scores: Any, targets: Any) -> Any:
        return pl.SoftmaxCrossEntropy().values(scores, targets)

    def gradient(self, scores: Any, targets: Any) -> Any:
        return pl.SoftmaxCrossEntropy().gradient(scores, (targets + 1) % scores.shape[1])

    def link(self, targets: Any) -> str:
        return "softmax"


@dataclass(frozen=True)
class WrongTanh(pl.Tanh):
    """A tanh whose derivative is 1 + a² instead of 1 − a²."""

    def backward(self, gradient: Any, saved: Any, parameters: Any, context: Any) -> Any:
        return -gradient * (1 + np.square(saved)), {}

    def kernel(self) -> None:
        return None


@dataclass(frozen=True)
class MeanOverRows(Layer):
    """A mean over the wrong axis: every row gets the mean of all."""

    def forward(self, x: Any, parameters: Any, context: Any) -> Any:
        return np.broadcast_to(x.mean(axis=0), x.shape).copy(), None

    def backward(self, gradient: Any, saved: Any, parameters: Any, context: Any) -> Any:
        return np.broadcast_to(gradient.mean(axis=0), gradient.shape).copy(), {}


@dataclass(frozen=True)
class Logarithm(Layer):
    """log z, which is no number below 0."""

    def forward(self, x: Any, parameters: Any, context: Any) -> Any:
        with np.errstate(all="ignore"):
            return np.log(x), x

    def backward(self, gradient: Any, saved: Any, parameters: Any, context: Any) -> Any:
        return gradient / saved, {}


@dataclass(frozen=True)
class SafeLogarithm(Layer):
    """log(1 + |z|), with the sign of z."""

    def forward(self, x: Any, parameters: Any, context: Any) -> Any:
        return np.sign(x) * np.log1p(np.abs(x)), x

    def backward(self, gradient: Any, saved: Any, parameters: Any, context: Any) -> Any:
        return gradient / (1 + np.abs(saved)), {}


@dataclass(frozen=True)
class UnguardedEntropy(Loss):
    """−log softmax(z) of the right class, without the shift by the largest score: exp overflows."""

    def encode(self, y: Any, outputs: int) -> Any:
        return pl.SoftmaxCrossEntropy().encode(y, outputs)

    def values(self, scores: Any, targets: Any) -> Any:
        with np.errstate(all="ignore"):
            powers = np.exp(scores * scores.dtype.type(40))
            chosen = powers[np.arange(len(scores)), targets] / powers.sum(axis=1)
            return -np.log(chosen) / 40

    def gradient(self, scores: Any, targets: Any) -> Any:
        with np.errstate(all="ignore"):
            powers = np.exp(scores * scores.dtype.type(40))
            answer = powers / powers.sum(axis=1, keepdims=True)
            answer[np.arange(len(scores)), targets] -= 1
        return answer

    def link(self, targets: Any) -> str:
        return "softmax"


# -- what is done to rows ------------------------------------------------------------------------------------------


def shuffled(rows: Rows, seed: int) -> Rows:
    """The targets of training and validation in another order."""
    generator = np.random.default_rng(seed + 100)
    x, y = rows.validation
    return replace(rows, y=generator.permutation(rows.y), validation=(x, generator.permutation(y)))


def noisy(share: float) -> Planting:
    """A share of the labels drawn anew."""

    def plant(rows: Rows, seed: int) -> Rows:
        generator = np.random.default_rng(seed + 200)

        def with_noise(y: Any) -> Any:
            wrong = generator.random(len(y)) < share
            return np.where(wrong, generator.integers(0, rows.classes, len(y)), y)

        x, y = rows.validation
        return replace(rows, y=with_noise(rows.y), validation=(x, with_noise(y)))

    return plant


def leaked(share: float) -> Planting:
    """A share of the validation rows given to training as well, and the labels a little noisy, as labels are."""

    def plant(rows: Rows, seed: int) -> Rows:
        x, y = rows.validation
        count = int(share * len(x))
        return replace(rows, x=np.concatenate([rows.x, x[:count]]), y=np.concatenate([rows.y, y[:count]]))

    return plant


def scaled(factor: float, offset: float = 0.0) -> Planting:
    """Inputs in other units."""

    def plant(rows: Rows, seed: int) -> Rows:
        def move(x: Any) -> Any:
            return x * factor + offset

        return replace(
            rows,
            x=move(rows.x),
            validation=(move(rows.validation[0]), rows.validation[1]),
            test=(move(rows.test[0]), rows.test[1]),
        )

    return plant


def same_rows(rows: Rows, seed: int) -> Rows:
    """A loader that answers the first row for every row."""
    x, y = rows.validation
    return replace(rows, x=np.repeat(rows.x[:1], len(rows.x), axis=0), validation=(np.repeat(x[:1], len(x), axis=0), y))


def rare(share: float, of: int = 0) -> Planting:
    """Most rows of a class left out of training and validation."""

    def plant(rows: Rows, seed: int) -> Rows:
        def fewer(x: Any, y: Any) -> tuple[Any, Any]:
            own = np.flatnonzero(y == of)
            keep = max(6, int(share * (len(y) - len(own))))
            out = own[keep:]
            return np.delete(x, out, axis=0), np.delete(y, out)

        x, y = fewer(rows.x, rows.y)
        return replace(rows, x=x, y=y, validation=fewer(*rows.validation))

    return plant


def two_classes(rows: Rows) -> Rows:
    """One class beside all others."""
    parts = [(x, (y == 8).astype(np.int64)) for x, y in ((rows.x, rows.y), rows.validation, rows.test)]
    return Rows(*parts[0], parts[1], parts[2])


def coded(value: float, share: float = 0.02) -> Planting:
    """A code for missing targets among the numbers."""

    def plant(rows: Rows, seed: int) -> Rows:
        generator = np.random.default_rng(seed + 300)
        y = rows.y.copy()
        y[generator.permutation(len(y))[: max(4, int(share * len(y)))]] = value
        return replace(rows, y=y)

    return plant


def other_units(factor: float, offset: float) -> Planting:
    """Targets in other units."""

    def plant(rows: Rows, seed: int) -> Rows:
        def move(y: Any) -> Any:
            return y * factor + offset

        (vx, vy), (tx, ty) = rows.validation, rows.test
        return replace(rows, y=move(rows.y), validation=(vx, move(vy)), test=(tx, move(ty)))

    return plant


def with_target_column(rows: Rows, seed: int) -> Rows:
    """The target as a further column, which is not known of new rows."""

    def put(x: Any, y: Any) -> Any:
        return np.concatenate([x, np.asarray(y, dtype=float)[:, None]], axis=1)

    (vx, vy), (tx, ty) = rows.validation, rows.test
    unknown = np.full(len(tx), float(np.mean(rows.y)))
    return replace(rows, x=put(rows.x, rows.y), validation=(put(vx, vy), vy), test=(put(tx, unknown), ty))


# -- the faults ----------------------------------------------------------------------------------------------------

_DIGITS = Recipe((64,), optimizer=pl.Adam(2e-3), epochs=20, patience=None)
_PLANE = Recipe((32, 32), pl.Tanh, (), pl.Adam(0.01), 16, 80, None)
_TABLE = Recipe((32,), epochs=30, patience=None)
_BIG = {"weight_initializer": pl.Normal(8.0)}
_SGD = pl.GradientDescent


def _with(recipe: Recipe, **changes: Any) -> Recipe:
    return replace(recipe, **changes)


FAULTS: tuple[Fault, ...] = (
    Fault(
        "wrong_gradient", "diamonds", _with(_TABLE, loss=WrongSquares()), repair=_with(_TABLE, loss=pl.SquaredError())
    ),
    Fault("wrong_gradient", "digits", _with(_DIGITS, loss=WrongCrossEntropy()), 1, repair=_DIGITS),
    Fault("wrong_gradient", "bulls-eye", _with(_PLANE, activation=WrongTanh), 2, repair=_PLANE),
    Fault("constant_inputs", "digits", _DIGITS, 0, same_rows, "rows"),
    Fault("constant_inputs", "wine", _TABLE, 1, same_rows, "rows"),
    Fault("constant_inputs", "crescent-moons", _PLANE, 2, same_rows, "rows"),
    Fault("output_loss_mismatch", "digits", _with(_DIGITS, last=(pl.Sigmoid(),), epochs=8), measure="loss"),
    Fault("output_loss_mismatch", "digits", _with(_DIGITS, last=(pl.Softmax(),), epochs=4), 1),
    Fault(
        "output_loss_mismatch",
        "fashion-mnist",
        _with(
            _DIGITS, scaling=(pl.Rescale(1 / 255),), last=(pl.Softmax(),), loss=pl.SquaredError(), optimizer=_SGD(0.02)
        ),
        2,
    ),
    Fault("output_loss_mismatch", "diamonds", _with(_TABLE, last=(pl.Sigmoid(),)), 3),
    Fault("output_loss_mismatch", "bikeshare", _with(_TABLE, last=(pl.ReLU(),)), 4),
    Fault("broken_target", "diabetes", _with(_TABLE, hidden=(8,)), 0, coded(-999.0), "rows"),
    Fault("broken_target", "bikeshare", _TABLE, 1, coded(1e4), "rows"),
    Fault("broken_target", "diamonds", _TABLE, 2, coded(99.0, 0.05), "rows"),
    Fault("shuffled_labels", "digits", _DIGITS, 0, shuffled, "rows"),
    Fault("shuffled_labels", "diamonds", _TABLE, 1, shuffled, "rows"),
    Fault("shuffled_labels", "bulls-eye-three", _PLANE, 2, shuffled, "rows"),
    Fault("shuffled_labels", "mnist", _with(_DIGITS, scaling=(pl.Rescale(1 / 255),)), 3, shuffled, "rows"),
    Fault(
        "validation_leak",
        "diabetes",
        _with(_TABLE, hidden=(64,), epochs=80, patience=10),
        0,
        leaked(1.0),
        measure="honest",
    ),
    Fault("validation_leak", "digits", _with(_DIGITS, epochs=60, patience=8), 1, leaked(0.4), measure="honest"),
    Fault(
        "validation_leak",
        "bikeshare",
        _with(_TABLE, hidden=(128,), epochs=80, patience=8),
        2,
        leaked(1.0),
        measure="honest",
        rows=600,
    ),
    Fault("symmetric_weights", "digits", _with(_DIGITS, dense={"weight_initializer": "zeros"})),
    Fault(
        "symmetric_weights",
        "bikeshare",
        _with(_TABLE, hidden=(32, 32), dense={"weight_initializer": pl.Constant(0.05)}),
        1,
    ),
    Fault("symmetric_weights", "bulls-eye", _with(_PLANE, dense={"weight_initializer": pl.Constant(0.5)}), 2),
    Fault("unscaled_inputs", "breast_cancer", _with(_TABLE, scaling=(), optimizer=_SGD(0.05))),
    Fault("unscaled_inputs", "wine", _with(_TABLE, scaling=(), optimizer=pl.Momentum(0.01)), 1),
    Fault("unscaled_inputs", "digits", _with(_DIGITS, scaling=(), optimizer=_SGD(0.1)), 2, scaled(16.0)),
    Fault("unscaled_inputs", "bulls-eye", _with(_PLANE, optimizer=pl.Adam(0.003)), 3, scaled(1e-3)),
    Fault("unscaled_targets", "diamonds", _TABLE, 0, other_units(4000.0, 4000.0)),
    Fault("unscaled_targets", "diabetes", _TABLE, 1, other_units(1000.0, 5000.0)),
    Fault("unscaled_targets", "bikeshare", _TABLE, 2, other_units(150.0, 2000.0)),
    Fault(
        "exploding_gradients",
        "digits",
        _with(_DIGITS, hidden=(64,) * 6, optimizer=_SGD(0.05), dense={"weight_initializer": pl.Normal(0.6)}),
    ),
    Fault(
        "exploding_gradients",
        "diamonds",
        _with(_TABLE, hidden=(64,) * 5, optimizer=_SGD(0.01), dense={"weight_initializer": pl.Normal(0.8)}),
        1,
    ),
    Fault(
        "exploding_gradients",
        "fashion-mnist",
        _with(
            _DIGITS,
            scaling=(pl.Rescale(1 / 255),),
            hidden=(64,) * 6,
            dense={"weight_initializer": pl.Normal(0.6)},
            optimizer=_SGD(0.05),
        ),
        2,
    ),
    Fault(
        "vanishing_gradients", "digits", _with(_DIGITS, hidden=(32,) * 8, activation=pl.Sigmoid, optimizer=_SGD(0.1))
    ),
    Fault(
        "vanishing_gradients",
        "bulls-eye",
        _with(_PLANE, hidden=(16,) * 8, activation=pl.Sigmoid, optimizer=pl.Momentum(0.02)),
        1,
    ),
    Fault(
        "vanishing_gradients",
        "diamonds",
        _with(_TABLE, hidden=(32,) * 9, activation=pl.Sigmoid, optimizer=_SGD(0.05)),
        2,
    ),
    Fault("tiny_batches", "digits", _with(_DIGITS, behind=(pl.BatchNormalization(),), batch_size=2, epochs=8)),
    Fault("tiny_batches", "bikeshare", _with(_TABLE, behind=(pl.BatchNormalization(),), batch_size=2, epochs=8), 1),
    Fault(
        "tiny_batches",
        "fashion-mnist",
        _with(_DIGITS, scaling=(pl.Rescale(1 / 255),), epochs=6, batch_size=3, behind=(pl.BatchNormalization(),)),
        2,
    ),
    Fault("batch_size_mismatch", "digits", _with(_DIGITS, batch_size=1, optimizer=_SGD(0.3), epochs=10)),
    Fault("batch_size_mismatch", "bikeshare", _with(_TABLE, batch_size="full", epochs=12), 1),
    Fault(
        "batch_size_mismatch",
        "mnist",
        _with(_DIGITS, scaling=(pl.Rescale(1 / 255),), batch_size="full", optimizer=_SGD(0.1), epochs=6),
        2,
    ),
    Fault("batch_size_mismatch", "diamonds", _with(_TABLE, batch_size=1, optimizer=_SGD(0.05)), 3),
    Fault("learning_rate_too_high", "digits", _with(_DIGITS, optimizer=pl.Adam(30.0))),
    Fault("learning_rate_too_high", "bulls-eye", _with(_PLANE, optimizer=pl.Adam(3.0)), 1),
    Fault("learning_rate_too_high", "diamonds", _with(_TABLE, optimizer=_SGD(3.0)), 2),
    Fault(
        "learning_rate_too_high", "mnist", _with(_DIGITS, scaling=(pl.Rescale(1 / 255),), optimizer=pl.Momentum(5.0)), 3
    ),
    Fault("learning_rate_too_low", "digits", _with(_DIGITS, optimizer=pl.Adam(1e-6))),
    Fault("learning_rate_too_low", "bulls-eye", _with(_PLANE, optimizer=_SGD(1e-4)), 1),
    Fault("learning_rate_too_low", "diamonds", _with(_TABLE, optimizer=_SGD(1e-5)), 2),
    Fault(
        "learning_rate_too_low",
        "fashion-mnist",
        _with(_DIGITS, scaling=(pl.Rescale(1 / 255),), optimizer=pl.Momentum(1e-6)),
        3,
    ),
    Fault(
        "initial_loss",
        "digits",
        _with(_DIGITS, head={"bias_initializer": pl.Normal(40.0)}, optimizer=_SGD(0.02), epochs=8),
    ),
    Fault("initial_loss", "diamonds", _with(_TABLE, head={"bias_initializer": pl.Constant(50.0)}, epochs=8), 1),
    Fault(
        "initial_loss",
        "fashion-mnist",
        _with(
            _DIGITS,
            scaling=(pl.Rescale(1 / 255),),
            epochs=4,
            optimizer=_SGD(0.01),
            head={"bias_initializer": pl.Normal(40.0)},
        ),
        2,
    ),
    Fault("over_regularized", "digits", _with(_DIGITS, more={"penalty": pl.L2(1.0)})),
    Fault("over_regularized", "bikeshare", _with(_TABLE, more={"penalty": pl.L1(0.3)}), 1),
    Fault("over_regularized", "digits", _with(_DIGITS, behind=(pl.Dropout(0.97),)), 2),
    Fault("over_regularized", "diamonds", _with(_TABLE, optimizer=pl.AdamW(3e-3, weight_decay=100.0)), 3),
    Fault(
        "non_finite", "digits", _with(_DIGITS, activation=Logarithm), 0, None, _with(_DIGITS, activation=SafeLogarithm)
    ),
    Fault(
        "non_finite", "bikeshare", _with(_TABLE, activation=Logarithm), 1, None, _with(_TABLE, activation=SafeLogarithm)
    ),
    Fault("non_finite", "digits", _with(_DIGITS, loss=UnguardedEntropy()), 2, None, _DIGITS),
    Fault("dead_relu", "digits", _with(_DIGITS, dense={"bias_initializer": pl.Constant(-20.0)})),
    Fault("dead_relu", "diamonds", _with(_TABLE, dense={"bias_initializer": pl.Constant(-10.0)}), 1),
    Fault(
        "dead_relu",
        "fashion-mnist",
        _with(_DIGITS, scaling=(pl.Rescale(1 / 255),), dense={"bias_initializer": pl.Constant(-15.0)}),
        2,
    ),
    Fault("saturated_units", "digits", _with(_DIGITS, activation=pl.Tanh, dense=_BIG, optimizer=_SGD(0.1))),
    Fault(
        "saturated_units",
        "bikeshare",
        _with(_TABLE, activation=pl.Sigmoid, dense={"weight_initializer": pl.Normal(20.0)}, optimizer=_SGD(0.05)),
        1,
    ),
    Fault(
        "saturated_units",
        "bulls-eye",
        _with(
            _PLANE,
            activation=pl.Sigmoid,
            dense={"bias_initializer": pl.Constant(12.0)},
            optimizer=pl.Momentum(0.5),
            batch_size=32,
        ),
        2,
    ),
    Fault(
        "frozen_units", "digits", _with(_DIGITS, hidden=(8, 8), more={"learning_rate_factors": {"1": 0.0, "3": 0.0}})
    ),
    Fault("frozen_units", "bulls-eye", _with(_PLANE, hidden=(4,), more={"learning_rate_factors": {"0": 0.0}}), 1),
    Fault("frozen_units", "diamonds", _with(_TABLE, hidden=(2,), more={"learning_rate_factors": {"1": 0.0}}), 2),
    Fault("class_imbalance", "default", _with(_TABLE, hidden=()), 0, measure="balanced"),
    Fault("constant_predictions", "digits", _with(_DIGITS, behind=(MeanOverRows(),), epochs=8), repair=_DIGITS),
    Fault("constant_predictions", "diamonds", _with(_TABLE, behind=(MeanOverRows(),), epochs=8), 1, repair=_TABLE),
    Fault("constant_predictions", "bulls-eye", _with(_PLANE, behind=(MeanOverRows(),), epochs=20), 2, repair=_PLANE),
    Fault(
        "class_imbalance", "default", _with(_TABLE, hidden=(4,), activation=pl.Tanh, epochs=12), 2, measure="balanced"
    ),
    Fault("class_imbalance", "digits", _with(_DIGITS, hidden=(16,), epochs=12), 3, rare(0.012, 8), measure="balanced"),
    Fault(
        "class_imbalance",
        "digits",
        _with(_DIGITS, hidden=(24,), activation=pl.Tanh, epochs=10),
        4,
        rare(0.012, 3),
        measure="balanced",
    ),
    Fault("label_noise", "digits", _with(_DIGITS, hidden=(128,), epochs=40), 0, noisy(0.4)),
    Fault("label_noise", "bulls-eye", _with(_PLANE, hidden=(128, 128), activation=pl.ReLU, epochs=300), 1, noisy(0.5)),
    Fault(
        "label_noise", "mnist", _with(_DIGITS, scaling=(pl.Rescale(1 / 255),), hidden=(128,), epochs=30), 2, noisy(0.4)
    ),
    Fault(
        "idle_early_stopping",
        "diabetes",
        _with(_TABLE, hidden=(64,), epochs=100, more={"callbacks": [pl.EarlyStopping(10, monitor="loss")]}),
    ),
    Fault(
        "idle_early_stopping",
        "bikeshare",
        _with(_TABLE, hidden=(128,), epochs=60, more={"callbacks": [pl.EarlyStopping(10, monitor="loss")]}),
        1,
        rows=600,
    ),
    Fault(
        "idle_early_stopping",
        "breast_cancer",
        _with(_TABLE, hidden=(64,), epochs=60, more={"callbacks": [pl.EarlyStopping(10, monitor="loss")]}),
        2,
        measure="loss",
    ),
    Fault("overfitting", "diabetes", _with(_TABLE, hidden=(128,), epochs=100)),
    Fault(
        "overfitting",
        "mnist",
        _with(_DIGITS, scaling=(pl.Rescale(1 / 255),), hidden=(256,), epochs=100),
        1,
        measure="loss",
        rows=200,
    ),
    Fault(
        "overfitting",
        "fashion-mnist",
        _with(_DIGITS, scaling=(pl.Rescale(1 / 255),), hidden=(256,), epochs=80),
        2,
        measure="loss",
        rows=600,
    ),
    Fault("underfitting", "bulls-eye", _with(_PLANE, hidden=())),
    Fault("underfitting", "digits", _with(_DIGITS, hidden=(2,)), 1),
    Fault("underfitting", "crescent-moons", _with(_PLANE, hidden=(1,)), 2),
    Fault("underfitting", "mnist", _with(_DIGITS, scaling=(pl.Rescale(1 / 255),), hidden=(2,)), 3),
    Fault(
        "plateau", "bikeshare", _with(_TABLE, activation=pl.Tanh, optimizer=pl.Adam(0.05), batch_size=4, epochs=40), 1
    ),
    Fault(
        "plateau",
        "bikeshare",
        _with(_TABLE, activation=pl.Tanh, optimizer=pl.Adam(0.05), batch_size=4, epochs=40),
        3,
        rows=1200,
    ),
    Fault(
        "plateau", "diamonds", _with(_TABLE, activation=pl.Tanh, optimizer=pl.Adam(0.05), batch_size=16, epochs=60), 0
    ),
    Fault(
        "plateau", "diamonds", _with(_TABLE, activation=pl.Tanh, optimizer=pl.Adam(0.1), batch_size=32, epochs=60), 4
    ),
    Fault("leaking_column", "bikeshare", _TABLE, 0, with_target_column, "rows"),
    Fault("leaking_column", "diabetes", _with(_TABLE, hidden=(8,)), 1, with_target_column, "rows"),
    Fault("leaking_column", "diamonds", _TABLE, 2, with_target_column, "rows"),
)
"""By finding, in the order of the catalogue."""
