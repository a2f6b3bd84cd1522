"""A loss that is no number any more: where it came from, and what to do."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from pellucid.engines.engine import Model, TrainingState, TrainingTask
from pellucid.engines.overflow import first_overflow
from pellucid.engines.reference import Randomness, ReferenceEngine, forward, mean_loss
from pellucid.optimizers import GradientDescent, Momentum
from pellucid.typing import Array, Floats

_MOST_ROWS = 1024  # on which the state after the last step is looked at
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
    after : bool
        Whether it was found in the state after that step, and not in the step's own loss.
    event : str
        "The loss became NaN", "The loss became infinite", "The validation loss became NaN" or "The weights overflowed".
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
    after: bool
    event: str
    layer: int | None
    place: str
    learning_rate: float
    better_rate: float | None
    safe_epoch: int

    @property
    def when(self) -> str:
        """The epoch and the step in words."""
        return f"in epoch {self.epoch}, {'after' if self.after else 'at'} step {self.step:,}"

    def __str__(self) -> str:
        """All of it in sentences, with the usual remedies."""
        better = "pellucid.range_test finds one" if self.better_rate is None else f"try {self.better_rate:g}"
        return (
            f"{self.event} {self.when} (batch {self.batch} of {self.batches}): "
            f"{self.place}. Usually the learning rate is too high (it is {self.learning_rate:g}; {better}) or the "
            f"inputs are not scaled (put Standardize() in front). "
            f"The weights are back at the start of epoch {self.safe_epoch}."
        )


def is_lost(task: TrainingTask, state: TrainingState, *, last: bool) -> bool:
    """Whether the weights after a step are not finite; after the `last` one, which no step follows whose loss would
    show it, also whether the training loss of about a batch of rows is not finite.
    """
    if not np.isfinite(state.parameters).all():
        return True
    if not last:
        return False
    x, targets, weight = _some_rows(task)
    with np.errstate(all="ignore"):
        scores, _ = forward(_model(task, state), x, Randomness(task.seed, state.step))
        return not math.isfinite(mean_loss(task.loss, scores, targets, weight))


def explain(
    task: TrainingTask,
    failed: TrainingState,
    safe: TrainingState,
    initial: TrainingState,
    *,
    after: bool = False,
    validation: tuple[Array, Array] | None = None,
) -> Divergence:
    """The epoch, the step, the first layer whose values overflowed, and a rate to try instead.

    Parameters
    ----------
    failed : TrainingState
        The state whose next loss is not finite. With `after` or `validation`, that after the last step of an epoch.
    after : bool
        Whether `is_lost` found it.
    validation : (x, targets) or None
        Validation rows whose loss is not finite.
    """
    randomness = None if validation is not None else Randomness(task.seed, failed.step)
    if validation is not None:
        after, (x, targets) = True, validation
    else:
        x, targets, _ = _some_rows(task) if after else task.batch(failed.epoch, failed.batch)
    model, step = _model(task, failed), replace(failed, step=failed.step - after)
    with np.errstate(all="ignore"):
        layer, place = first_overflow(model, x, randomness)
        values = task.loss.values(forward(model, x, randomness)[0], targets)
        better = better_rate(task, initial, task.rate_at(step))
    kind = "NaN" if np.isnan(values.mean()) else "infinite"
    return Divergence(
        epoch=failed.epoch + (not after),
        step=step.step + 1,
        batch=task.batches if after else failed.batch + 1,
        batches=task.batches,
        after=after,
        event="The weights overflowed"
        if np.isfinite(values.mean())
        else f"The {'' if validation is None else 'validation '}loss became {kind}",
        layer=layer,
        place=place or f"all layers are finite, and {type(task.loss).__name__} itself overflowed",
        learning_rate=task.rate_at(step),
        better_rate=better,
        safe_epoch=safe.epoch + 1,
    )


def _model(task: TrainingTask, state: TrainingState) -> Model:
    return Model(task.program, state.parameters, state.statistics)


def _some_rows(task: TrainingTask) -> tuple[Array, Array, Floats | None]:
    """Rows from all over the data, as many as a batch has, with their targets and weights."""
    count = min(task.batch_size, _MOST_ROWS)
    rows = slice(0, None, len(task.x) // count)
    weight = None if task.sample_weight is None else task.sample_weight[rows][:count]
    return task.x[rows][:count], task.targets[rows][:count], weight


def better_rate(task: TrainingTask, initial: TrainingState, rate: float) -> float | None:
    """A rate below the one that failed, for the weights that training began with; None where none can be told.

    Plain descent is stable on a quadratic below 2/λ, with λ the largest eigenvalue of the Hessian, and 1/λ makes the
    longest safe stride; momentum μ lengthens every stride, so that its rate is √(1 − μ)/λ. Optimizers that divide by
    the size of the gradient make steps of about their rate whatever the curvature: theirs is the usual one of the kind.
    """
    optimizer = task.optimizer
    if isinstance(optimizer, GradientDescent | Momentum):
        curvature = largest_curvature(task, initial)
        if not math.isfinite(curvature) or curvature <= 0:
            return None
        candidate = math.sqrt(1 - getattr(optimizer, "momentum", 0.0)) / curvature
    else:
        usual = type(optimizer)().learning_rate
        candidate = usual if isinstance(usual, float) else rate / 10
    return float(f"{min(candidate, rate / 10):.0e}")


def largest_curvature(task: TrainingTask, state: TrainingState) -> float:
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
