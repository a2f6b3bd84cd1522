"""What the controls mean: inputs, layers, loss, targets, optimizer and penalty, all of them Pellucid's own parts.

Contract: `NetworkRecipe.of(state, data)` is a value; the same state and data give equal parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from pellucid.initializers import Constant, Uniform, Zeros
from pellucid.layers import ACTIVATIONS, Dense, Dropout, Layer, Standardize, Tanh
from pellucid.losses import LOSSES, Loss
from pellucid.numerics import sigmoid, softmax
from pellucid.optimizers import OPTIMIZERS, Optimizer
from pellucid.penalties import L1, L2, ElasticNet, Penalty
from pellucid.playground.catalogue import INPUT_LABELS, LOSS_PROBLEMS, SCHEDULE_OF
from pellucid.playground.data import PlaneData
from pellucid.playground.features import Formula, finite
from pellucid.playground.state import CONTROLS, PlaygroundState, Problem
from pellucid.typing import Array, Floats

_SIGNED = ("squared_error", "absolute_error", "huber")  # targets ±1, outputs through tanh, as the TensorFlow Playground


@dataclass(frozen=True)
class NetworkRecipe:
    """Everything of a network but its numbers.

    Parameters
    ----------
    formulas : tuple of (name, label, Formula)
        The inputs made of x₁ and x₂.
    others : tuple of str
        Columns of a CSV that are inputs as they are.
    layers : tuple of Layer
        The network's.
    hidden : tuple of int
        The place of each hidden layer's last part in `layers`, whose outputs are the layer's.
    dense : tuple of int
        The place of every layer with weights, the output layer last.
    loss : Loss
        What is minimized.
    targets : str
        "signed" (±1), "classes", "zero_one" or "numbers".
    """

    formulas: tuple[tuple[str, str, Formula], ...]
    others: tuple[str, ...]
    layers: tuple[Layer, ...]
    hidden: tuple[int, ...]
    dense: tuple[int, ...]
    loss: Loss
    targets: str
    classes: int

    @staticmethod
    def of(state: PlaygroundState, data: PlaneData) -> NetworkRecipe:
        """The recipe for a state and the data."""
        name = loss_name(state, len(data.classes))
        outputs = (
            1 if not data.classes or (len(data.classes) == 2 and name != "softmax_cross_entropy") else len(data.classes)
        )
        layers: list[Layer] = [Standardize()] if data.measured else []
        hidden, dense = [], []
        for place, units in enumerate(state.network_shape):
            dense.append(len(layers))
            layers.append(_dense(state, units))
            if state.activation_of(place) != "identity":
                layers.append(ACTIVATIONS[state.activation_of(place)]())
            hidden.append(len(layers) - 1)
            if state.dropout_of(place):
                layers.append(Dropout(state.dropout_of(place)))
        dense.append(len(layers))
        layers.append(_dense(state, outputs))
        kind = _target_kind(name, data)
        if kind == "signed":
            layers.append(Tanh())
        return NetworkRecipe(
            formulas=tuple(_formulas(state)),
            others=tuple(data.axes[2:]),
            layers=tuple(layers),
            hidden=tuple(hidden),
            dense=tuple(dense),
            loss=LOSSES[name](),
            targets=kind,
            classes=len(data.classes),
        )

    @property
    def input_names(self) -> tuple[str, ...]:
        """What the inputs are called: formulas of x1 and x2, then columns."""
        return (*(name for name, _, _ in self.formulas), *self.others)

    def inputs(self, x: Floats) -> Floats:
        """Rows (n, columns) of the data -> rows (n, inputs) of the network, float64."""
        made = [finite(formula.values(x[:, 0], x[:, 1])) for _, _, formula in self.formulas]
        return np.column_stack([*made, x[:, 2:]]) if made else x[:, 2:]

    def encode(self, y: Array) -> Array:
        """Classes or numbers (n,) -> what the loss takes."""
        if self.targets == "signed":
            return 2.0 * self._rows(y) - 1.0
        return self._rows(y) if self.targets == "zero_one" else y

    def _rows(self, y: Array) -> Array:
        """0 and 1, (n, 1) for two classes and one output, else (n, K)."""
        if self.classes == 2:
            return y[:, None].astype(np.float64)
        return (y[:, None] == np.arange(self.classes)).astype(np.float64)

    def decision(self, scores: Floats) -> Floats:
        """Scores (n, outputs) -> what the map shows: (n, 1), above 0 for class 1 or the number; or K probabilities."""
        link = self.loss.link(self.encode(np.zeros(1, dtype=np.int64) if self.classes else np.zeros(1)))
        if self.classes == 2:
            if link == "softmax":
                p = softmax(scores)
                return p[:, 1:] - p[:, :1]
            return 2 * sigmoid(scores) - 1 if link == "sigmoid" else scores
        if not self.classes:
            return np.exp(scores) if link == "exponential" else scores
        if self.targets == "signed":
            return np.clip((scores + 1) / 2, 0, 1)
        return sigmoid(scores) if link == "sigmoid" else softmax(scores)

    def classify(self, scores: Floats) -> Array:
        """The class of each row (n,); ties go to the lowest, as everywhere."""
        values = self.decision(scores)
        return (values[:, 0] >= 0).astype(np.int64) if values.shape[1] == 1 else values.argmax(axis=1)


def loss_name(state: PlaygroundState, classes: int) -> str:
    """The loss, where "auto" is squared error, and softmax cross-entropy from three classes on."""
    if state.loss != "auto":
        return state.loss
    return "softmax_cross_entropy" if classes > 2 else "squared_error"


def resolved(state: PlaygroundState) -> tuple[PlaygroundState, list[Problem]]:
    """The state with what does not go together replaced by its default, and said."""
    problems = []
    if state.problem not in LOSS_PROBLEMS.get(state.loss, (state.problem,)):
        words = f"The loss {state.loss} is not for {state.problem}: it is chosen by the problem."
        problems.append(Problem("loss", state.loss, words))
        state = replace(state, loss="auto")
    switches = [item.name for key, item in CONTROLS.items() if key in INPUT_LABELS]
    if not any(getattr(state, name) for name in switches) and not state.formulas:
        problems.append(Problem("x", "false", "A network needs an input: x₁ and x₂ are back."))
        state = replace(state, x=True, y=True)
    return state, problems


def batch_rows(state: PlaygroundState, data: PlaneData) -> int:
    """The batch size: as wished, or all training rows where there are fewer."""
    return max(1, min(state.batch_size, len(data.x_train)))


def batches(state: PlaygroundState, data: PlaneData) -> int:
    """Steps of an epoch."""
    return max(1, -(-len(data.x_train) // batch_rows(state, data)))


def optimizer_of(state: PlaygroundState, data: PlaneData) -> Optimizer:
    """The optimizer with its rate or schedule; a schedule's length is in epochs of the data."""
    rate: Any = state.learning_rate
    if state.schedule != "none":
        cls = SCHEDULE_OF[state.schedule]
        names = {field.name for field in fields(cls)}
        length = max(1, state.schedule_epochs * batches(state, data))
        rate = cls(rate, **{name: length for name in ("steps", "every") if name in names})
    more = {"momentum": state.momentum} if state.optimizer in ("momentum", "nesterov") else {}
    return OPTIMIZERS[state.optimizer](rate, **more)


def penalty_of(state: PlaygroundState) -> Penalty | None:
    """The penalty, None if weights cost nothing."""
    kinds = {"L1": L1, "L2": L2, "elastic_net": ElasticNet}
    if state.regularization == "none" or not state.regularization_rate:
        return None
    return kinds[state.regularization](float(state.regularization_rate))


def _formulas(state: PlaygroundState) -> Sequence[tuple[str, str, Formula]]:
    chosen = [(name, label) for key, (name, label) in INPUT_LABELS.items() if getattr(state, CONTROLS[key].name)]
    texts = {"x1^2": "x1*x1", "x2^2": "x2*x2"}
    known = [(name, label, Formula.parse(texts.get(name, name))) for name, label in chosen]
    return known + [(text, text, Formula.parse(text)) for text in dict.fromkeys(state.formulas)]


def _dense(state: PlaygroundState, units: int) -> Dense:
    if state.start_at_zero:
        return Dense(units, weight_initializer=Zeros())
    if state.initializer == "playground":
        return Dense(units, weight_initializer=Uniform(0.5), bias_initializer=Constant(0.1))
    return Dense(units, weight_initializer=None if state.initializer == "auto" else state.initializer)


def _target_kind(name: str, data: PlaneData) -> str:
    if not data.classes:
        return "numbers"
    return "signed" if name in _SIGNED else "zero_one" if name == "sigmoid_cross_entropy" else "classes"
