"""A loss that is no number any more: where it came from, and what to do."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from pellucid.engines.base import Model, State, Task
from pellucid.engines.reference import Randomness, ReferenceEngine, forward
from pellucid.optimizers import GradientDescent, Momentum
from pellucid.typing import Array, Floats

_ROWS = 256  # on which the curvature is measured
_ROUNDS = 6  # of the power iteration: the largest eigenvalue to about a tenth is enough
_STEP = 1e-4  # of the differences of the gradient, as a part of the weights' length


class DivergenceError(ArithmeticError):
    """Training produced a loss that is NaN or infinite. The trainer holds the last finite weights and can go on."""


@dataclass(frozen=True)
class Divergence:
    """Where a training went wrong.

    Parameters
    ----------
    epoch, step, batch : int
        When, each counted from 1; the batch is one of `batches` of the epoch.
    what : str
        "The loss became NaN", "The loss became infinite" or "The weights overflowed".
    layer : int or None
        The first layer whose parameters or outputs were not finite; None: it was the loss itself.
    place : str
        The same in words.
    learning_rate : float
        The rate of that step.
    better_rate : float or None
        A rate that suits the first weights; None where none could be found.
    safe_epoch : int
        The epoch whose start the weights are back at.
    """

    epoch: int
    step: int
    batch: int
    batches: int
    what: str
    layer: int | None
    place: str
    learning_rate: float
    better_rate: float | None
    safe_epoch: int

    def __str__(self) -> str:
        """All of it in sentences, with the usual remedies."""
        better = "pellucid.range_test finds one" if self.better_rate is None else f"try {self.better_rate:g}"
        return (
            f"{self.what} in epoch {self.epoch}, at step {self.step} (batch {self.batch} of {self.batches}): "
            f"{self.place}. Usually the learning rate is too high (it is {self.learning_rate:g}; {better}) or the "
            f"inputs are not scaled (put Standardize() in front). "
            f"The weights are back at the start of epoch {self.safe_epoch}."
        )


def explain(task: Task, failed: State, safe: State, beginning: State) -> Divergence:
    """The epoch, the step, the first layer whose values overflowed, and a rate to try instead."""
    x, targets, _ = task.batch(failed.epoch, failed.batch)
    model = Model(task.program, failed.parameters, failed.statistics)
    with np.errstate(all="ignore"):
        layer, place = first_overflow(task, model, x, failed.step)
        scores, _ = forward(model, x, Randomness(task.seed, failed.step))
        value = float(task.loss.values(scores, targets).mean())
        better = better_rate(task, beginning, task.rate_at(failed))
    kind = "NaN" if np.isnan(value) else "infinite"
    return Divergence(
        epoch=failed.epoch + 1,
        step=failed.step + 1,
        batch=failed.batch + 1,
        batches=task.batches,
        what="The weights overflowed" if np.isfinite(value) else f"The loss became {kind}",
        layer=layer,
        place=place,
        learning_rate=task.rate_at(failed),
        better_rate=better,
        safe_epoch=safe.epoch + 1,
    )


def first_overflow(task: Task, model: Model, x: Array, step: int) -> tuple[int | None, str]:
    """Which layer's parameters or outputs are the first that are not finite in a training step on x, and in words."""
    for count, instruction in enumerate(task.program.instructions, start=1):
        for view in instruction.parameters:
            if not np.isfinite(view.of(model.parameters)).all():
                return instruction.index, f"the {view.name} of {instruction.name} holds values that are not finite"
        front = replace(task.program, instructions=task.program.instructions[:count])
        part = Model(front, model.parameters, model.statistics)
        if not np.isfinite(forward(part, x, Randomness(task.seed, step))[0]).all():
            return instruction.index, f"the first values that are not finite are the outputs of {instruction.name}"
    return None, f"all layers are finite, and {type(task.loss).__name__} itself overflowed"


def better_rate(task: Task, beginning: State, rate: float) -> float | None:
    """A rate below the one that failed, for the weights that training began with; None where none can be told.

    Plain descent is stable on a quadratic below 2/λ, with λ the largest eigenvalue of the Hessian, and 1/λ makes the
    longest safe stride; momentum μ lengthens every stride, so that its rate is √(1 − μ)/λ. Optimizers that divide by
    the size of the gradient make steps of about their rate whatever the curvature: theirs is the usual one of the kind.
    """
    optimizer = task.optimizer
    if isinstance(optimizer, GradientDescent | Momentum):
        curvature = largest_curvature(task, beginning)
        if not math.isfinite(curvature) or curvature <= 0:
            return None
        candidate = math.sqrt(1 - getattr(optimizer, "momentum", 0.0)) / curvature
    else:
        usual = type(optimizer)().learning_rate
        candidate = usual if isinstance(usual, float) else rate / 10
    return float(f"{min(candidate, rate / 10):.0e}")


def largest_curvature(task: Task, state: State) -> float:
    """The largest eigenvalue λ of the loss' Hessian at a state, on a few rows: power iteration, in float64.

    Hv is the central difference of the gradient along v. Source: Pearlmutter, "Fast exact multiplication by the
    Hessian", Neural Computation 6, 1994, equation 1.
    """
    x, targets, _ = task.batch(0, 0)
    x, targets = x[:_ROWS], targets[:_ROWS]
    weights = state.parameters.astype(np.float64)  # (p,)
    stride = _STEP * max(1.0, float(np.linalg.norm(weights)))
    engine = ReferenceEngine()

    def gradient(parameters: Floats) -> Floats:
        model = Model(task.program, parameters, state.statistics)
        return engine.loss_and_gradient(model, task.loss, task.penalty, x, targets, None)[1]

    direction = gradient(weights)  # (p,)
    curvature = 0.0
    for _ in range(_ROUNDS):
        length = float(np.linalg.norm(direction))
        if not math.isfinite(length) or length == 0:
            break
        direction = direction / length
        product = (gradient(weights + stride * direction) - gradient(weights - stride * direction)) / (2 * stride)
        curvature, direction = float(direction @ product), product
    return curvature
