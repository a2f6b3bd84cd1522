"""A loss that is no number any more: where it came from, and what to do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pellucid.engines.base import Model, State, Task
from pellucid.engines.reference import Randomness, forward
from pellucid.typing import Array


class DivergenceError(ArithmeticError):
    """Training produced a loss that is NaN or infinite. The trainer holds the last finite weights and can go on."""


def explain(task: Task, failed: State, safe: State) -> str:
    """The epoch, the step, the first layer whose values overflowed, and the usual remedy."""
    x, targets, _ = task.batch(failed.epoch, failed.batch)
    model = Model(task.program, failed.parameters, failed.statistics)
    with np.errstate(all="ignore"):
        place = _first_overflow(task, model, x, failed.step)
        scores, _ = forward(model, x, Randomness(task.seed, failed.step))
        value = float(task.loss.values(scores, targets).mean())
    rate = task.rate_at(failed)
    kind = "NaN" if np.isnan(value) else "infinite"
    return (
        f"{'The weights overflowed' if np.isfinite(value) else f'The loss became {kind}'} in epoch {failed.epoch + 1}, "
        f"at step {failed.step + 1} (batch {failed.batch + 1} of {task.batches}): {place}. "
        f"Usually the learning rate is too high (it is {rate:g}; try {rate / 10:g}) or the inputs are not scaled "
        f"(put Standardize() in front). The weights are back at the start of epoch {safe.epoch + 1}."
    )


def _first_overflow(task: Task, model: Model, x: Array, step: int) -> str:
    """Which layer's parameters or outputs are the first that are not finite."""
    for count, instruction in enumerate(task.program.instructions, start=1):
        for view in instruction.parameters:
            if not np.isfinite(view.of(model.parameters)).all():
                return f"the {view.name} of {instruction.name} holds values that are not finite"
        front = replace(task.program, instructions=task.program.instructions[:count])
        part = Model(front, model.parameters, model.statistics)
        if not np.isfinite(forward(part, x, Randomness(task.seed, step))[0]).all():
            return f"the first values that are not finite are the outputs of {instruction.name}"
    return f"all layers are finite, and {type(task.loss).__name__} itself overflowed"
