"""Tasks and states as the compiled core takes them, and back.

Contract: the caller's own arrays are handed over as they are; rows are gathered from them batch by batch, and only a
type that the core does not read is converted beforehand. What schedules say is a number for each step that may be made.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from pellucid.engines.base import State, Task
from pellucid.engines.machines import moves_statistics
from pellucid.layers.dropout import Scheduled
from pellucid.layers.embedding import TakesCodes
from pellucid.losses import Loss
from pellucid.optimizers import Optimizer
from pellucid.penalties import Penalty
from pellucid.program.compilation import Program
from pellucid.typing import Array, Floats

_READ = {np.dtype(code) for code in "?bBhHiIlLqQfd"}  # what the core reads as it is


def checked(program: Program, x: Array) -> Array:
    """x (n, …), if the codes in it are codes: the core does not look."""
    for instruction in program.coded:
        assert isinstance(instruction.layer, TakesCodes)
        instruction.layer.check_codes(x.reshape(-1, program.input_shape[-1]))
    return x


def measured(statistics: Floats) -> Floats:
    """Statistics (s,) in float64."""
    return np.ascontiguousarray(statistics, dtype=np.float64)


def readable(x: Array) -> Array:
    """x as it is if the core reads its dtype; float16, long doubles and foreign byte orders become float64. All numbers
    of an example in one row: without a copy where they lie in order.
    """
    if x.ndim != 2:
        x = x.reshape(len(x), -1)
    return x if x.dtype in _READ else x.astype(np.float64)


def targets_of(targets: Array, program: Program) -> tuple[Array | None, Array | None]:
    """Classes (n·positions,) or numbers (n, positions·outputs), and None for the other."""
    if targets.ndim == len(program.output_shape):
        return _vector(targets.reshape(-1), np.int64), None
    return None, readable(targets)


def weights_of(sample_weight: Floats | None) -> Floats | None:
    """Weights of rows (n,) in float64, or None."""
    return None if sample_weight is None else _vector(sample_weight, np.float64)


def _vector(numbers: Array, dtype: Any) -> Array:
    """Contiguous, and at an address that suits the type: a copy only where it must be one."""
    return np.require(numbers, dtype, ["C", "A"])


def line_of(part: Loss | Penalty | Optimizer | None) -> tuple[str, list[float]] | None:
    """A part by the name of its kernel and its numbers."""
    if part is None:
        return None
    kernel = part.kernel()
    assert kernel is not None, f"{part} has no kernel"
    return kernel.name, [float(number) for number in kernel.numbers]


def around(task: Task) -> tuple[float, float, float, float]:
    """What surrounds the optimizer: clip_value, clip_norm, max_norm, average."""
    optimizer, limit = task.optimizer, task.constraint.kernel() if task.constraint is not None else None
    return (
        optimizer.clip_value or 0.0,
        optimizer.clip_norm or 0.0,
        limit.numbers[0] if limit is not None else 0.0,
        -1.0 if task.average is None else task.average,
    )


def rate_factors_of(task: Task, state: State) -> Floats | None:
    """What rates are multiplied with (p,), or None."""
    if task.rate_factors is None:
        return None
    return _vector(task.rate_factors, state.parameters.dtype)


def rates_of(task: Task, state: State, epochs: int) -> Floats:
    """The learning rate of each step that may be made, or a single one."""
    if not callable(task.optimizer.learning_rate):
        return np.array([task.rate_at(state)])
    return np.array(task.optimizer.rates_at(_steps(task, state, epochs)), dtype=np.float64) * state.rate_scale


def decays_of(task: Task, state: State, epochs: int) -> Floats:
    """The weight decay of each step that may be made, or a single one."""
    if not callable(task.optimizer.weight_decay):
        return np.array([task.optimizer.decay_at(state.step)])
    return np.array(task.optimizer.decays_at(_steps(task, state, epochs)), dtype=np.float64)


def scheduled(task: Task, state: State, epochs: int) -> Floats | None:
    """The numbers of layers that schedules move, for each step that may be made, one step after the other."""
    layers = [each.layer for each in task.program.instructions if isinstance(each.layer, Scheduled)]
    tables = (layer.numbers_at(_steps(task, state, epochs)) for layer in layers)
    moving = [table for table in tables if table is not None]
    return np.concatenate(moving, axis=1).reshape(-1) if moving else None  # (steps, numbers), flat


def _steps(task: Task, state: State, epochs: int) -> range:
    return range(state.step, state.step + epochs * task.batches)


def follows_schedules(task: Task) -> bool:
    """Whether the core needs a table of what schedules say for each step."""
    layers = (instruction.layer for instruction in task.program.instructions)
    moving = (layer.follows_schedules for layer in layers if isinstance(layer, Scheduled))
    return callable(task.optimizer.learning_rate) or callable(task.optimizer.weight_decay) or any(moving)


def moment_of(state: State) -> tuple[int, int, int, float, float, float]:
    """Where a state is: epoch, batch, step, and the sums of the epoch so far."""
    return state.epoch, state.batch, state.step, state.loss_sum, state.weight_sum, state.correct_sum


def state_after(task: Task, state: State, vectors: list[Floats], moment: tuple[Any, ...]) -> State:
    """The state of a moment after `state`."""
    slots = len(state.slots)
    epoch, batch, step, loss_sum, weight_sum, correct_sum = moment
    has_average = task.average is not None and (state.average is not None or step > state.step)
    return replace(
        state,
        parameters=vectors[0],
        statistics=vectors[-1] if moves_statistics(task.program) else state.statistics,
        slots=tuple(vectors[1 : 1 + slots]),
        average=vectors[1 + slots] if has_average else None,
        epoch=epoch,
        batch=batch,
        step=step,
        loss_sum=loss_sum,
        weight_sum=weight_sum,
        correct_sum=correct_sum,
    )
