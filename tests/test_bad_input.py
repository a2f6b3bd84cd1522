"""What bad input gets: the exact words.

A message says what was received, what is allowed, and what to do. Each row of the tables below is one mistake as a
user would make it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pellucid as pl

_OPTIMIZERS = (
    "Allowed: adadelta, adagrad, adam, adamax, adamw, amsgrad, gradient_descent, lion, momentum, nadam, nesterov, "
    "rmsprop."
)

nan, inf = float("nan"), float("inf")
X = np.arange(12.0).reshape(6, 2) / 10
Y = np.array([0, 1, 2, 0, 1, 2])
CLASSES, NUMBERS, YES_OR_NO = pl.SoftmaxCrossEntropy(), pl.SquaredError(), pl.SigmoidCrossEntropy()


def fit(x: Any = X, y: Any = Y, loss: pl.Loss = CLASSES, units: int = 3, batch_size: Any = 2, **options: Any) -> None:
    """Train for one epoch."""
    trainer = pl.Trainer(pl.Network([pl.Dense(units)]), loss, batch_size=batch_size)
    trainer.fit(x, y, **{"epochs": 1, **options})


def built(units: int = 3) -> pl.Network:
    network = pl.Network([pl.Dense(units)]).build(2)
    network.link = "softmax"
    return network


def changed(row: int, column: int, value: float) -> np.ndarray:
    x = X.copy()
    x[row, column] = value
    return x


def weights(**values: float) -> list[float]:
    return [values.get(f"row_{row}", 1.0) for row in range(6)]


Case = tuple[str, Callable[[], Any], type[Exception], str]

INPUTS: list[Case] = [
    (
        "one row of features instead of rows",
        lambda: fit(X[0], Y[:1]),
        ValueError,
        "x must have two dimensions (rows, features), but its shape is (2,). If it is one feature, "
        "use x.reshape(-1, 1); if it is one row of features, use x.reshape(1, -1).",
    ),
    (
        "one row for prediction",
        lambda: built().predict(X[0]),
        ValueError,
        "x must have two dimensions (rows, features), but its shape is (2,). If it is one row of features, "
        "use x.reshape(1, -1).",
    ),
    (
        "a single number",
        lambda: built().predict(3.0),
        ValueError,
        "x must have two dimensions (rows, features), but its shape is (). If it is one row of features, "
        "use x.reshape(1, -1).",
    ),
    (
        "too many features",
        lambda: built().scores(np.ones((4, 3))),
        ValueError,
        "x has rows of shape (3,), but the network was built for rows of shape (2,).",
    ),
    (
        "images that are not flat",
        lambda: fit(np.ones((6, 4, 4)), Y),
        ValueError,
        "y must have a target at every position of the output, (n, 4) or with the 3 outputs behind, but its shape "
        "is (6,). Flatten() makes one output of all positions.",
    ),
    (
        "no rows",
        lambda: fit(np.empty((0, 2)), np.empty(0)),
        ValueError,
        "x is empty: its shape is (0, 2), and at least one row is needed.",
    ),
    (
        "no rows for prediction",
        lambda: built().predict(np.empty((0, 2))),
        ValueError,
        "x is empty: its shape is (0, 2), and at least one row is needed.",
    ),
    ("no features", lambda: fit(np.empty((6, 0))), ValueError, "x has no features: its shape is (6, 0)."),
    (
        "NaN",
        lambda: fit(changed(4, 1, nan)),
        ValueError,
        "x holds nan at row 4, column 1: every number must be finite. Replace it, or leave its row out.",
    ),
    (
        "infinity",
        lambda: built().predict(changed(0, 0, -inf)),
        ValueError,
        "x holds -inf at row 0, column 0: every number must be finite. Replace it, or leave its row out.",
    ),
    (
        "NaN far down",
        lambda: fit(np.vstack([np.ones((9000, 2)), [[1.0, nan]]]), np.arange(9001) % 3),
        ValueError,
        "x holds nan at row 9000, column 1: every number must be finite. Replace it, or leave its row out.",
    ),
    (
        "text",
        lambda: fit([["a", "b"]] * 6),
        TypeError,
        "x must hold numbers, but its dtype is <U1, for example 'a'.",
    ),
    (
        "None among the numbers",
        lambda: fit([[1.0, None]] * 6),
        TypeError,
        "x must hold numbers, but its dtype is object, for example None.",
    ),
    (
        "complex numbers",
        lambda: fit(X + 1j),
        TypeError,
        "x must hold numbers, but its dtype is complex128, for example 1j.",
    ),
    (
        "ragged rows",
        lambda: fit([[1.0, 2.0], [3.0]], [0, 1]),
        ValueError,
        "x must have rows of equal length, but its rows differ in length.",
    ),
    (
        "different lengths",
        lambda: fit(X, Y[:5]),
        ValueError,
        "The numbers of rows differ: x has 6, y has 5. Every row of x needs its own target.",
    ),
    (
        "different lengths in evaluation",
        lambda: built().evaluate(X, Y[:5], loss=CLASSES),
        ValueError,
        "The numbers of rows differ: x has 6, y has 5. Every row of x needs its own target.",
    ),
]

TARGETS: list[Case] = [
    (
        "a label too high",
        lambda: fit(y=[0, 1, 2, 3, 1, 2]),
        ValueError,
        "y holds the label 3 at row 3, but the network has 3 outputs: labels must be whole numbers from 0 to 2.",
    ),
    (
        "labels from 1 on",
        lambda: fit(y=Y + 1),
        ValueError,
        "y holds the label 3 at row 2, but the network has 3 outputs: labels must be whole numbers from 0 to 2.",
    ),
    (
        "a negative label",
        lambda: fit(y=[0, 1, -1, 0, 1, 2]),
        ValueError,
        "y holds the label -1 at row 2, but the network has 3 outputs: labels must be whole numbers from 0 to 2.",
    ),
    (
        "a label between two",
        lambda: fit(y=[0, 1, 1.5, 0, 1, 2]),
        ValueError,
        "y holds the label 1.5 at row 2, but the network has 3 outputs: labels must be whole numbers from 0 to 2.",
    ),
    (
        "a label beyond all whole numbers",
        lambda: fit(y=[0, 1, 1e300, 0, 1, 2]),
        ValueError,
        "y holds the label 1e+300 at row 2, but the network has 3 outputs: labels must be whole numbers from 0 to 2.",
    ),
    (
        "labels as text",
        lambda: fit(y=["cat", "dog", "cat", "dog", "cat", "dog"]),
        TypeError,
        "y must hold numbers, but its dtype is <U3, for example 'cat'. "
        "Turn labels into numbers: numpy.unique(y, return_inverse=True)[1].",
    ),
    (
        "NaN among the labels",
        lambda: fit(y=[0, nan, 2, 0, 1, 2]),
        ValueError,
        "y holds nan at row 1: every number must be finite. Replace it, or leave its row out.",
    ),
    (
        "NaN among the numbers",
        lambda: fit(y=changed(5, 0, nan), loss=NUMBERS, units=2),
        ValueError,
        "y holds nan at row 5, column 0: every number must be finite. Replace it, or leave its row out.",
    ),
    (
        "shares that do not sum to 1",
        lambda: fit(y=np.full((6, 3), 0.3)),
        ValueError,
        "y must hold probabilities whose rows sum to 1, but row 0 sums to 0.9.",
    ),
    (
        "a share above 1",
        lambda: fit(y=np.eye(3)[Y] * 2),
        ValueError,
        "y holds 2.0 at row 0, column 0: it must lie in [0, 1].",
    ),
    (
        "yes and no as 1 and 2",
        lambda: fit(y=[1, 2, 1, 2, 1, 2], loss=YES_OR_NO, units=1),
        ValueError,
        "y holds 2 at row 1, column 0: it must lie in [0, 1].",
    ),
    (
        "the wrong number of columns",
        lambda: fit(y=np.ones((6, 2)), loss=NUMBERS),
        ValueError,
        "y has the shape (6, 2), but the network has 3 outputs: y must have the shape (n, 3), or hold whole numbers "
        "(n,) that are classes.",
    ),
    (
        "one number a row for several outputs",
        lambda: fit(y=np.ones(6), loss=NUMBERS),
        ValueError,
        "y has the shape (6,), but the network has 3 outputs: y must have the shape (n, 3), or hold whole numbers "
        "(n,) that are classes.",
    ),
    (
        "several numbers for one output",
        lambda: fit(y=np.ones((6, 3)), loss=NUMBERS, units=1),
        ValueError,
        "y has the shape (6, 3), but the network has 1 output: y must have the shape (n, 1) or (n,).",
    ),
    (
        "several yes and no for one output",
        lambda: fit(y=Y, loss=YES_OR_NO),
        ValueError,
        "y has the shape (6,), but the network has 3 outputs: y must have the shape (n, 3).",
    ),
    (
        "softmax over a single output",
        lambda: fit(units=1),
        ValueError,
        "SoftmaxCrossEntropy needs one output a class, at least 2, but the network has 1. "
        "Use SigmoidCrossEntropy for a single yes-or-no output, or SquaredError for a number.",
    ),
]

TRAINING: list[Case] = [
    (
        "a batch larger than the data",
        lambda: fit(batch_size=7),
        ValueError,
        "batch_size is 7, but there are only 6 training rows. Use at most 6, or 'full' for all rows at once.",
    ),
    (
        "no batch at all",
        lambda: fit(batch_size=0),
        ValueError,
        "batch_size must be a whole number of at least 1, not 0.",
    ),
    (
        "half a batch",
        lambda: fit(batch_size=2.5),
        TypeError,
        "batch_size must be a whole number of at least 1, not 2.5 (float).",
    ),
    (
        "a batch by a wrong name",
        lambda: fit(batch_size="32"),
        ValueError,
        "batch_size must be a whole number, 'full' or 'auto', not '32'.",
    ),
    ("no epochs", lambda: fit(epochs=0), ValueError, "epochs must be a whole number of at least 1, not 0."),
    (
        "epochs as text",
        lambda: fit(epochs="ten"),
        TypeError,
        "epochs must be a whole number of at least 1, not 'ten' (str).",
    ),
    (
        "weights of the wrong length",
        lambda: fit(sample_weight=[1.0, 2.0]),
        ValueError,
        "sample_weight must have the shape (6,), one weight a row, not (2,).",
    ),
    (
        "a negative weight",
        lambda: fit(sample_weight=weights(row_3=-1.0)),
        ValueError,
        "sample_weight holds -1.0 at row 3: weights must be at least 0.",
    ),
    (
        "a weight that is no number",
        lambda: fit(sample_weight=weights(row_2=nan)),
        ValueError,
        "sample_weight holds nan at row 2: every number must be finite. Replace it, or leave its row out.",
    ),
    (
        "weights that are all zero",
        lambda: fit(sample_weight=np.zeros(6)),
        ValueError,
        "sample_weight is 0 everywhere: no row would count.",
    ),
    (
        "validation of four parts",
        lambda: fit(validation=(X, Y, Y, Y)),
        TypeError,
        "validation must be (x, y) or (x, y, weight), a fraction of the training rows such as 0.2, or None, "
        "not 4 parts.",
    ),
    (
        "validation as text",
        lambda: fit(validation="20%"),
        TypeError,
        "validation must be (x, y) or (x, y, weight), a fraction of the training rows such as 0.2, or None, not '20%'.",
    ),
    (
        "validation of more than all",
        lambda: fit(validation=1.5),
        ValueError,
        "validation must be a fraction of at least 0 and below 1, or a whole number of rows, not 1.5.",
    ),
    (
        "validation inputs of another shape",
        lambda: fit(validation=(np.ones((2, 3)), [0, 1])),
        ValueError,
        "validation x has rows of shape (3,), but the network was built for rows of shape (2,).",
    ),
    (
        "validation of different lengths",
        lambda: fit(validation=(X, Y[:3])),
        ValueError,
        "The numbers of rows differ: validation x has 6, validation y has 3. Every row of x needs its own target.",
    ),
    (
        "validation weights of another length",
        lambda: fit(validation=(X, Y, np.ones(3))),
        ValueError,
        "validation weight must have the shape (6,), one weight a row, not (3,).",
    ),
    (
        "a validation weight below zero",
        lambda: fit(validation=(X, Y, weights(row_2=-1.0))),
        ValueError,
        "validation weight holds -1.0 at row 2: weights must be at least 0.",
    ),
    (
        "validation weights that are all zero",
        lambda: fit(validation=(X, Y, np.zeros(6))),
        ValueError,
        "validation weight is 0 everywhere: no row would count.",
    ),
    (
        "a fraction for validation beside weights",
        lambda: fit(validation=0.2, sample_weight=np.ones(6)),
        ValueError,
        "validation as a fraction and sample_weight do not go together: give validation=(x, y, weight), or (x, y).",
    ),
    (
        "a callback's class instead of a callback",
        lambda: pl.Trainer(built(), CLASSES, callbacks=[pl.EarlyStopping]),
        TypeError,
        "callbacks must hold callbacks, not the class EarlyStopping: write EarlyStopping().",
    ),
    (
        "patience of zero",
        lambda: pl.EarlyStopping(patience=0),
        ValueError,
        "patience must be a whole number of at least 1, not 0.",
    ),
    (
        "sizes for a network",
        lambda: pl.Trainer([64, 10], CLASSES),  # type: ignore[arg-type]
        TypeError,
        "network must be a Network, not [64, 10].",
    ),
    (
        "a number for a penalty",
        lambda: pl.Trainer(built(), CLASSES, penalty=0.1),  # type: ignore[arg-type]
        TypeError,
        "penalty must be a Penalty such as L2(1e-4), or None, not 0.1.",
    ),
    (
        "a negative seed",
        lambda: pl.Trainer(built(), CLASSES, seed=-1),
        ValueError,
        "seed must be a whole number of at least 0 and at most 18446744073709551615, not -1.",
    ),
    (
        "a schedule that answers nonsense",
        lambda: pl.Trainer(pl.Network([pl.Dense(3)]), CLASSES, pl.Adam(lambda step: -1.0)).fit(X, Y, epochs=1),
        ValueError,
        "The learning rate at step 0 must be a number of at least 0, not -1.0.",
    ),
    (
        "the state before training",
        lambda: pl.Trainer(built(), CLASSES).state,
        ValueError,
        "Training has not begun: call fit(x, y, epochs=…) or initialize(x, y).",
    ),
]

NUMBERS_GIVEN: list[Case] = [
    (
        "a string where a rate belongs",
        lambda: pl.Adam("0.1"),  # type: ignore[arg-type]
        TypeError,
        "learning_rate must be a number of at least 0, not '0.1' (str).",
    ),
    ("a negative rate", lambda: pl.Adam(-0.1), ValueError, "learning_rate must be a number of at least 0, not -0.1."),
    ("a rate of NaN", lambda: pl.Adam(nan), ValueError, "learning_rate must be a number of at least 0, not nan."),
    ("an infinite rate", lambda: pl.Adam(inf), ValueError, "learning_rate must be a number of at least 0, not inf."),
    (
        "a truth value for a rate",
        lambda: pl.Adam(True),
        TypeError,
        "learning_rate must be a number of at least 0, not True (bool).",
    ),
    (
        "a schedule's class",
        lambda: pl.Adam(pl.StepDecay),  # type: ignore[arg-type]
        TypeError,
        "learning_rate must be a number or a schedule, not the class StepDecay.",
    ),
    (
        "momentum of 1",
        lambda: pl.Momentum(momentum=1.0),
        ValueError,
        "momentum must be a number of at least 0 and below 1, not 1.0.",
    ),
    (
        "beta above 1",
        lambda: pl.Adam(beta_2=1.1),
        ValueError,
        "beta_2 must be a number of at least 0 and below 1, not 1.1.",
    ),
    ("epsilon of 0", lambda: pl.Adam(epsilon=0), ValueError, "epsilon must be a number above 0, not 0."),
    ("dropping all", lambda: pl.Dropout(1), ValueError, "rate must be a number of at least 0 and below 1, not 1."),
    (
        "dropping a string",
        lambda: pl.Dropout("half"),  # type: ignore[arg-type]
        TypeError,
        "rate must be a number of at least 0 and below 1, not 'half' (str).",
    ),
    (
        "percent",
        lambda: pl.Dropout(20),
        ValueError,
        "rate must be a number of at least 0 and below 1, not 20.",
    ),
    ("no units", lambda: pl.Dense(0), ValueError, "units must be a whole number of at least 1, not 0."),
    (
        "units as text",
        lambda: pl.Dense("64"),  # type: ignore[arg-type]
        TypeError,
        "units must be a whole number of at least 1, not '64' (str).",
    ),
    (
        "units as a float",
        lambda: pl.Dense(64.0),  # type: ignore[arg-type]
        TypeError,
        "units must be a whole number of at least 1, not 64.0 (float).",
    ),
    ("bias of None", lambda: pl.Dense(3, bias=None), TypeError, "bias must be True or False, not None."),  # type: ignore[arg-type]
    ("a negative price", lambda: pl.L2(-1), ValueError, "strength must be a number of at least 0, not -1."),
    ("a negative spread", lambda: pl.Normal(-1), ValueError, "scale must be a number of at least 0, not -1."),
    ("an infinite scale", lambda: pl.Rescale(inf), ValueError, "scale must be a finite number, not inf."),
    (
        "a decay above 1",
        lambda: pl.StepDecay(0.1, decay=2),
        ValueError,
        "decay must be a number above 0 and at most 1, not 2.",
    ),
    (
        "every 0 steps",
        lambda: pl.StepDecay(0.1, every=0),
        ValueError,
        "every must be a whole number of at least 1, not 0.",
    ),
    (
        "a shape as text",
        lambda: pl.Network([pl.Dense(1)]).build("3"),  # type: ignore[arg-type]
        TypeError,
        "input_shape must be a whole number of at least 1, not '3' (str).",
    ),
    (
        "a shape as a float",
        lambda: pl.Network([pl.Dense(1)]).build(3.0),  # type: ignore[arg-type]
        TypeError,
        "input_shape must be a whole number of at least 1, not 3.0 (float).",
    ),
    (
        "no threads",
        lambda: pl.Network([pl.Dense(1)], threads=0),
        ValueError,
        "threads must be a whole number of at least 1, not 0.",
    ),
]

NAMES: list[Case] = [
    (
        "a loss",
        lambda: pl.Trainer(built(), "softmax_crossentropy"),
        ValueError,
        "loss 'softmax_crossentropy' is unknown. Did you mean 'softmax_cross_entropy'? "
        "Allowed: absolute_error, hinge, huber, poisson, quantile, sigmoid_cross_entropy, softmax_cross_entropy, "
        "squared_error.",
    ),
    (
        "a loss by its class' name",
        lambda: pl.Trainer(built(), "SquaredError"),
        ValueError,
        "loss 'SquaredError' is unknown. Did you mean 'squared_error'? "
        "Allowed: absolute_error, hinge, huber, poisson, quantile, sigmoid_cross_entropy, softmax_cross_entropy, "
        "squared_error.",
    ),
    (
        "a loss' class",
        lambda: pl.Trainer(built(), pl.SquaredError),  # type: ignore[arg-type]
        ValueError,
        "loss must be an object or a name, not the class SquaredError: write SquaredError(…).",
    ),
    (
        "an optimizer",
        lambda: pl.Trainer(built(), CLASSES, "Adm"),
        ValueError,
        f"optimizer 'Adm' is unknown. Did you mean 'adam'? {_OPTIMIZERS}",
    ),
    (
        "an optimizer's class",
        lambda: pl.Trainer(built(), CLASSES, pl.Adam),  # type: ignore[arg-type]
        ValueError,
        "optimizer must be an object or a name, not the class Adam: write Adam(…).",
    ),
    (
        "an optimizer with nothing near",
        lambda: pl.Trainer(built(), CLASSES, "zzz"),
        ValueError,
        f"optimizer 'zzz' is unknown. {_OPTIMIZERS}",
    ),
    (
        "an initializer",
        lambda: pl.Dense(3, weight_initializer="he-normal "),
        ValueError,
        "weight_initializer 'he-normal ' is unknown. Did you mean 'he_normal'? Allowed: constant, "
        "glorot_normal, glorot_uniform, he_normal, he_uniform, lecun_normal, lecun_uniform, normal, orthogonal, "
        "through_data, uniform, unit_variance, zeros.",
    ),
    (
        "a dtype",
        lambda: pl.Network([pl.Dense(1)], dtype="flot32"),
        ValueError,
        "dtype 'flot32' is unknown. Did you mean 'float32'? Allowed: float32, float64.",
    ),
    (
        "a dtype that is too small",
        lambda: pl.Network([pl.Dense(1)], dtype=np.float16),  # type: ignore[arg-type]
        ValueError,
        "dtype 'float16' is unknown. Did you mean 'float64'? Allowed: float32, float64.",
    ),
    (
        "an engine",
        lambda: pl.Network([pl.Dense(1)], engine="nativ"),
        ValueError,
        "engine 'nativ' is unknown. Did you mean 'native'? Allowed: auto, native, reference.",
    ),
    (
        "a link",
        lambda: setattr(built(), "link", "soft_max"),
        ValueError,
        "link 'soft_max' is unknown. Did you mean 'softmax'? "
        "Allowed: argmax, exponential, identity, sigmoid, sign, softmax.",
    ),
    (
        "a parameter",
        lambda: built().get("0.weights"),
        ValueError,
        "parameter '0.weights' is unknown. Did you mean '0.weight'? Allowed: 0.bias, 0.weight.",
    ),
]

NETWORKS: list[Case] = [
    (
        "no layers",
        lambda: pl.Network([]),
        ValueError,
        "A network needs at least one layer, but layers is empty.",
    ),
    (
        "a layer that is not in a list",
        lambda: pl.Network(pl.Dense(3)),  # type: ignore[arg-type]
        TypeError,
        "layers must be a list of layers: write Network([layer]), not Network(layer).",
    ),
    (
        "a layer's class",
        lambda: pl.Network([pl.Dense(3), pl.ReLU]),  # type: ignore[list-item]
        TypeError,
        "layers[1] must be a layer, not <class 'pellucid.layers.activations.ReLU'>. Write ReLU().",
    ),
    (
        "a number for a layer",
        lambda: pl.Network([64, 10]),  # type: ignore[list-item]
        TypeError,
        "layers[0] must be a layer, not 64.",
    ),
    (
        "predicting before training",
        lambda: pl.Network([pl.Dense(3)]).predict(X),
        ValueError,
        "The network has no parameters yet: train it, or call network.build(input_shape).",
    ),
    (
        "evaluating before training",
        lambda: pl.Network([pl.Dense(3)]).build(2).evaluate(X, Y),
        ValueError,
        "The network was not trained yet, so it has no loss: pass one, for example loss=SoftmaxCrossEntropy().",
    ),
    (
        "probabilities of numbers",
        lambda: pl.Network([pl.Dense(3)]).build(2).predict_proba(X),
        ValueError,
        "This network has no probabilities: it was not trained with SoftmaxCrossEntropy or SigmoidCrossEntropy. "
        "Use scores(x) for its outputs.",
    ),
    (
        "a parameter of the wrong shape",
        lambda: built().set("0.bias", [1.0, 2.0]),
        ValueError,
        "0.bias must have the shape (3,), not (2,).",
    ),
    (
        "a parameter of NaN",
        lambda: built().set("0.bias", [1.0, nan, 2.0]),
        ValueError,
        "0.bias holds nan at row 1: every number must be finite. Replace it, or leave its row out.",
    ),
    (
        "a vector of the wrong length",
        lambda: setattr(built(), "parameters", np.zeros(4)),
        ValueError,
        "parameters must have the shape (9,), not (4,).",
    ),
]

TABLE = [*INPUTS, *TARGETS, *TRAINING, *NUMBERS_GIVEN, *NAMES, *NETWORKS]


@pytest.mark.parametrize(("mistake", "act", "error", "message"), TABLE, ids=[case[0] for case in TABLE])
def test_message(mistake: str, act: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        act()
    assert str(caught.value) == message
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("y", "missing"),
    [([0, 2, 0, 2, 0, 2], "class 1"), ([1, 1, 1, 1, 1, 1], "classes 0, 2")],
)
def test_a_class_without_an_example_is_warned_of_once(y: list[int], missing: str) -> None:
    trainer = pl.Trainer(pl.Network([pl.Dense(3)]), CLASSES)
    message = (
        f"The training rows hold no example of {missing}, but the network has 3 outputs: "
        "what has no example cannot be learnt."
    )
    with pytest.warns(UserWarning, match="no example") as caught:
        trainer.fit(X, y, epochs=1)
    assert [str(one.message) for one in caught] == [message]
    assert caught[0].filename == __file__  # it points at the line that called fit
    trainer.fit(X, y, epochs=1)


def test_many_missing_classes_are_not_all_named() -> None:
    with pytest.warns(UserWarning, match=r"no example of classes 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, …, but the network"):
        fit(y=[0, 1] * 3, units=100)


# -- what works all the same -------------------------------------------------------------------------------------


def odd_arrays() -> dict[str, Any]:
    read_only = X.copy()
    read_only.flags.writeable = False
    return {
        "read-only": read_only,
        "every second column": np.repeat(X, 2, axis=1)[:, ::2],
        "backwards": X[::-1],
        "in Fortran's order": np.asfortranarray(X),
        "a list": X.tolist(),
        "whole numbers": (X * 10).astype(int),
        "bytes": (X * 10).astype(np.uint8),
        "truth values": X > 0.5,
        "half precision": X.astype(np.float16),
        "long doubles": X.astype(np.longdouble),
        "the other byte order": X.astype(">f4"),
        "a column that never changes": np.column_stack([X[:, 0], np.full(6, 0.1)]),
        "numbers of very different size": X * [1e-30, 1e30],
    }


@pytest.mark.parametrize("kind", odd_arrays())
def test_works(kind: str, engine: str) -> None:
    x = odd_arrays()[kind]
    before = np.array(x, copy=True)
    network = pl.Network([pl.Standardize(), pl.Dense(4), pl.Tanh(), pl.Dense(3)], engine=engine)
    trainer = pl.Trainer(network, CLASSES, batch_size=2)
    history = trainer.fit(x, Y, epochs=3, validation=(x, Y))
    assert np.isfinite(history["loss"] + history["validation_loss"]).all()
    assert np.isfinite(network.predict_proba(x)).all()
    assert np.array_equal(np.asarray(x), before)


@pytest.mark.parametrize("kind", [np.int8, np.uint64, np.float16, np.float64, bool, ">i4"])
def test_labels_of_any_kind_work(kind: Any, engine: str) -> None:
    y = (Y % 2).astype(kind)
    network = pl.Network([pl.Dense(2)], engine=engine)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pl.Trainer(network, CLASSES).fit(X, y, epochs=1)
    assert network.predict(X).dtype == np.int64
