"""The kinds of cases, and the numbers they are computed on.

All numbers are float64 and come from `numbers`, a formula, so that neither side's random numbers matter.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pellucid.layers.layer import Layer
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
    With `training` the layer runs as in a training step. One with `codes` is not tried behind another layer.
    """

    name: str
    layer: Layer
    input_shape: Shape
    torch: Callable[[Any, Any, dict[str, Any]], Any]
    parameters: dict[str, Shape] = field(default_factory=dict)
    statistics: dict[str, Floats] = field(default_factory=dict)
    training: bool = False
    codes: tuple[int, ...] = ()

    @property
    def inputs(self) -> Floats:
        """(ROWS, *input_shape); the last columns hold as many different codes as `codes` says."""
        x = numbers((ROWS, *self.input_shape), 0.3)
        for place, count in enumerate(self.codes):
            x[:, place - len(self.codes)] = (2 * np.arange(ROWS) + place) % count
        return x


@dataclass(frozen=True)
class LossCase:
    """A loss on ROWS examples: the value and the gradient of the mean. `torch(torch, scores, y)` answers that mean."""

    name: str
    loss: Loss
    outputs: int
    y: Array
    torch: Callable[[Any, Any, Any], Any]


@dataclass(frozen=True)
class PenaltyCase:
    """A penalty on one weight; `torch(torch, weight)` answers its value."""

    name: str
    penalty: Penalty
    torch: Callable[[Any, Any], Any]


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


SCHEDULE_STEPS = 30


@dataclass(frozen=True)
class ScheduleCase:
    """A schedule over SCHEDULE_STEPS steps; `torch(torch, optimizer)` answers the scheduler of the same rates."""

    name: str
    schedule: Callable[[int], float]
    torch: Callable[[Any, Any], Any]
