"""What is compared with PyTorch: one table for each family, read by `record.py` and by the tests.

A case names the part in Pellucid and says, as a function of torch, what the same is there. Torch is given to these
functions, never imported here. Adding a part is adding its case; a part without one fails a test.

All numbers are float64 and come from `numbers`, a formula, so that neither side's random numbers matter.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import pellucid as pl
from pellucid.layers.base import Layer
from pellucid.losses import Loss
from pellucid.optimizers import Optimizer
from pellucid.penalties import Penalty
from pellucid.typing import Array, Floats, Shape

ROWS = 4
STEPS = (1, 10)
RATES = (0.001, 1.0)


def numbers(shape: int | Shape, phase: float, scale: float = 1.0) -> Floats:
    """Numbers between −scale and scale that look like chance and are the same everywhere."""
    shape = (shape,) if isinstance(shape, int) else shape
    values = [scale * math.sin(1.7 * (index + 1) ** 1.1 + phase) for index in range(math.prod(shape))]
    return np.array(values).reshape(shape)


@dataclass(frozen=True)
class LayerCase:
    """A layer by itself: its output, and the gradients of input and parameters of Σ (output × projection).

    `torch(torch, x, parameters)` gets and answers tensors; `parameters` maps names to tensors of Pellucid's shapes.
    """

    name: str
    layer: Layer
    input_shape: Shape
    torch: Callable[[Any, Any, dict[str, Any]], Any]
    parameters: dict[str, Shape] = field(default_factory=dict)
    statistics: dict[str, Floats] = field(default_factory=dict)


_MEAN, _SCALE = numbers(3, 0.2), np.abs(numbers(3, 0.4)) + 0.5

LAYER_CASES = [
    LayerCase(
        "Dense",
        pl.Dense(2),
        (3,),
        lambda torch, x, p: torch.nn.functional.linear(x, p["weight"].T, p["bias"]),
        parameters={"weight": (3, 2), "bias": (2,)},
    ),
    LayerCase(
        "Dense without bias",
        pl.Dense(2, bias=False),
        (3,),
        lambda torch, x, p: torch.nn.functional.linear(x, p["weight"].T),
        parameters={"weight": (3, 2)},
    ),
    LayerCase("Identity", pl.Identity(), (3,), lambda torch, x, p: torch.nn.Identity()(x)),
    LayerCase("ReLU", pl.ReLU(), (3,), lambda torch, x, p: torch.relu(x)),
    LayerCase("Sigmoid", pl.Sigmoid(), (3,), lambda torch, x, p: torch.sigmoid(x)),
    LayerCase("Tanh", pl.Tanh(), (3,), lambda torch, x, p: torch.tanh(x)),
    LayerCase("Softmax", pl.Softmax(), (3,), lambda torch, x, p: torch.softmax(x, dim=1)),
    LayerCase("Dropout in prediction", pl.Dropout(0.5), (3,), lambda torch, x, p: torch.nn.Dropout(0.5).eval()(x)),
    LayerCase(
        "Standardize",
        pl.Standardize(),
        (3,),
        lambda torch, x, p: torch.nn.functional.batch_norm(
            x, torch.tensor(_MEAN), torch.tensor(_SCALE**-2.0), training=False, eps=0.0
        ),
        statistics={"mean": _MEAN, "scale": _SCALE},
    ),
    LayerCase("Rescale", pl.Rescale(0.3, offset=-0.7), (3,), lambda torch, x, p: torch.add(-0.7, x, alpha=0.3)),
]


@dataclass(frozen=True)
class LossCase:
    """A loss on ROWS examples: the value and the gradient of the mean. `torch(torch, scores, y)` answers that mean."""

    name: str
    loss: Loss
    outputs: int
    y: Array
    torch: Callable[[Any, Any, Any], Any]


_CLASSES = np.array([2, 0, 1, 2])
_SHARES = np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [0.25, 0.25, 0.5], [0.0, 0.9, 0.1]])
_YES = np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 1.0]])

LOSS_CASES = [
    LossCase(
        "SquaredError",
        pl.SquaredError(),
        3,
        numbers((ROWS, 3), 0.9),
        lambda torch, z, y: torch.nn.functional.mse_loss(z, y, reduction="sum") / (2 * ROWS),
    ),
    LossCase(
        "SquaredError of classes",
        pl.SquaredError(),
        3,
        _CLASSES,
        lambda torch, z, y: (
            torch.nn.functional.mse_loss(z, torch.nn.functional.one_hot(y, 3).double(), reduction="sum") / (2 * ROWS)
        ),
    ),
    LossCase(
        "SoftmaxCrossEntropy",
        pl.SoftmaxCrossEntropy(),
        3,
        _CLASSES,
        lambda torch, z, y: torch.nn.functional.cross_entropy(z, y),
    ),
    LossCase(
        "SoftmaxCrossEntropy of probabilities",
        pl.SoftmaxCrossEntropy(),
        3,
        _SHARES,
        lambda torch, z, y: torch.nn.functional.cross_entropy(z, y),
    ),
    LossCase(
        "SigmoidCrossEntropy",
        pl.SigmoidCrossEntropy(),
        3,
        _YES,
        lambda torch, z, y: torch.nn.functional.binary_cross_entropy_with_logits(z, y, reduction="sum") / ROWS,
    ),
    LossCase(
        "SigmoidCrossEntropy of one output",
        pl.SigmoidCrossEntropy(),
        1,
        _YES[:, :1],
        lambda torch, z, y: torch.nn.functional.binary_cross_entropy_with_logits(z, y),
    ),
]


@dataclass(frozen=True)
class PenaltyCase:
    """A penalty on one weight; `torch(torch, weight)` answers its value."""

    name: str
    penalty: Penalty
    torch: Callable[[Any, Any], Any]


PENALTY_CASES = [
    PenaltyCase("L1", pl.L1(0.3), lambda torch, w: 0.3 * torch.linalg.vector_norm(w, 1)),
    PenaltyCase("L2", pl.L2(0.3), lambda torch, w: 0.15 * torch.linalg.vector_norm(w, 2) ** 2),
]


@dataclass(frozen=True)
class OptimizerCase:
    """An optimizer training the network of `optimizer_problem` with full batches.

    `make(rate)` answers Pellucid's; `torch(torch, weights, biases, rate)` an object with `step()`, for example a
    `torch.optim.Optimizer` (weights and biases are apart, for decay concerns weights only). `before_step(torch,
    parameters)` may change the gradients first, as clipping does.
    """

    name: str
    make: Callable[[float], Optimizer]
    torch: Callable[[Any, list[Any], list[Any], float], Any]
    penalty: Penalty | None = None
    before_step: Callable[[Any, list[Any]], None] | None = None


def _decayed(weights: list[Any], biases: list[Any], decay: float) -> list[dict[str, Any]]:
    """Parameter groups of torch.optim, where decay is for weights only."""
    return [{"params": weights, "weight_decay": decay}, {"params": biases, "weight_decay": 0.0}]


OPTIMIZER_CASES = [
    OptimizerCase(
        "GradientDescent",
        pl.GradientDescent,
        lambda torch, w, b, rate: torch.optim.SGD([*w, *b], lr=rate),
    ),
    OptimizerCase(
        "GradientDescent with L2",
        pl.GradientDescent,
        lambda torch, w, b, rate: torch.optim.SGD(_decayed(w, b, 0.1), lr=rate),
        penalty=pl.L2(0.1),
    ),
    OptimizerCase(
        "Momentum",
        lambda rate: pl.Momentum(rate, momentum=0.8),
        lambda torch, w, b, rate: torch.optim.SGD([*w, *b], lr=rate, momentum=0.8),
    ),
    OptimizerCase(
        "Nesterov",
        lambda rate: pl.Nesterov(rate, momentum=0.8),
        lambda torch, w, b, rate: torch.optim.SGD([*w, *b], lr=rate, momentum=0.8, nesterov=True),
    ),
    OptimizerCase(
        "Adam",
        pl.Adam,
        lambda torch, w, b, rate: torch.optim.Adam([*w, *b], lr=rate),
    ),
    OptimizerCase(
        "Adam with its own numbers and L2",
        lambda rate: pl.Adam(rate, beta_1=0.7, beta_2=0.9, epsilon=1e-3),
        lambda torch, w, b, rate: torch.optim.Adam(_decayed(w, b, 0.1), lr=rate, betas=(0.7, 0.9), eps=1e-3),
        penalty=pl.L2(0.1),
    ),
]


# -- whole networks ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NetworkCase:
    """Dense(3), a layer, Dense, and a loss: the mean loss and its gradient with respect to all parameters."""

    name: str
    middle: LayerCase
    loss: LossCase

    @property
    def layers(self) -> list[LayerCase]:
        """The chain: two features, three units, the layer, and as many outputs as the loss needs."""
        units = self.middle.layer.output_shape((3,))[0]
        last = self.loss.outputs
        dense = LAYER_CASES[0].torch
        return [
            LayerCase("first", pl.Dense(3), (2,), dense, {"weight": (2, 3), "bias": (3,)}),
            self.middle,
            LayerCase("last", pl.Dense(last), (units,), dense, {"weight": (units, last), "bias": (last,)}),
        ]

    @property
    def parameters(self) -> Floats:
        """The flat vector (p,)."""
        count = sum(math.prod(shape) for layer in self.layers for shape in layer.parameters.values())
        return numbers(count, 0.6, 0.9)


def _network_cases() -> list[NetworkCase]:
    """Each layer before SoftmaxCrossEntropy, and Tanh before each loss."""
    of_layer = {case.name: case for case in LAYER_CASES}
    of_loss = {case.name: case for case in LOSS_CASES}
    pairs = [(layer, of_loss["SoftmaxCrossEntropy"]) for layer in LAYER_CASES]
    pairs += [(of_layer["Tanh"], loss) for loss in LOSS_CASES if loss.name != "SoftmaxCrossEntropy"]
    return [NetworkCase(f"{layer.name}, {loss.name}", layer, loss) for layer, loss in pairs]


NETWORK_CASES = _network_cases()
INPUTS = numbers((ROWS, 2), 0.1)
PROBLEM = next(case for case in NETWORK_CASES if case.name == "Tanh, SoftmaxCrossEntropy")
"""What the optimizers train."""
