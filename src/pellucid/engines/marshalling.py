"""Tasks and states as records of the compiled core, and back.

Contract: the caller's own arrays are handed over as they are; rows are gathered from them batch by batch, and only a
type that the core does not read is converted beforehand. A schedule becomes a number for each step that may be made.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

import pellucid._native as _native
from pellucid.engines.engine import TrainingState, TrainingTask
from pellucid.layers.dropout import Scheduled
from pellucid.layers.embedding import TakesCodes
from pellucid.losses import Loss
from pellucid.optimizers import Optimizer
from pellucid.penalties import Penalty
from pellucid.program.compilation import Program
from pellucid.typing import Array, Floats

_READ = {np.dtype(code) for code in "?bBhHiIlLqQfd"}  # what the core reads as it is
LINKS = {  # how an example is judged: not at all, by the signs of its scores, by the highest one
    "identity": "identity", "exponential": "identity", "sigmoid": "sigmoid", "sign": "sigmoid",
    "softmax": "largest", "argmax": "largest",
}  # fmt: skip


def checked(program: Program, x: Array) -> Array:
    """x (n, …), if the codes in it are codes: the core does not look."""
    for instruction in program.coded:
        assert isinstance(instruction.layer, TakesCodes)
        instruction.layer.check_codes(x.reshape(-1, program.input_shape[-1]))
    return x


def measured(statistics: Floats) -> Floats:
    """Statistics (s,) in float64."""
    return np.ascontiguousarray(statistics, dtype=np.float64)


def as_native_dtype(x: Array) -> Array:
    """x as it is if the core reads its dtype; float16, long doubles and foreign byte orders become float64. All numbers
    of an example in one row: without a copy where they lie in order.
    """
    if x.ndim != 2:
        x = x.reshape(len(x), -1)
    return x if x.dtype in _READ else x.astype(np.float64)


def examples_of(program: Program, x: Array, targets: Array, sample_weight: Floats | None) -> _native.Examples:
    """x (n, …); targets: classes (n, *positions) or numbers (n, *positions, outputs); and weights (n,)."""
    of_classes = targets.ndim == len(program.output_shape)
    return _native.Examples(
        x=checked(program, as_native_dtype(x)),
        classes=_vector(targets.reshape(-1), np.int64) if of_classes else None,
        targets=None if of_classes else as_native_dtype(targets),
        sample_weight=None if sample_weight is None else _vector(sample_weight, np.float64),
        columns=math.prod(program.input_shape),
        positions=program.positions,
        outputs=program.outputs,
    )


def _vector(numbers: Array, dtype: Any) -> Array:
    """Contiguous, and at an address that suits the type: a copy only where it must be one."""
    return np.require(numbers, dtype, ["C", "A"])


def part_of(part: Loss | Penalty | Optimizer) -> _native.Part:
    """A part by the name of its kernel and its numbers."""
    kernel = part.kernel()
    assert kernel is not None, f"{part} has no kernel"
    return _native.Part(kernel=kernel.name, numbers=[float(number) for number in kernel.numbers])


def update_options(task: TrainingTask) -> _native.UpdateOptions:
    """Everything in a step but the optimizer itself."""
    optimizer, limit = task.optimizer, task.constraint.kernel() if task.constraint is not None else None
    return _native.UpdateOptions(
        clip_value=optimizer.clip_value or 0.0,
        clip_norm=optimizer.clip_norm or 0.0,
        max_norm=limit.numbers[0] if limit is not None else 0.0,
        average=task.average,
    )


def task_of(task: TrainingTask, dtype: Any) -> _native.TrainTask:
    """What stays the same from epoch to epoch, for parameters of a dtype."""
    return _native.TrainTask(
        examples=examples_of(task.program, task.x, task.targets, task.sample_weight),
        loss=part_of(task.loss),
        penalty=None if task.penalty is None else part_of(task.penalty),
        optimizer=part_of(task.optimizer),
        options=update_options(task),
        link=LINKS[task.link],
        rate_factors=None if task.rate_factors is None else _vector(task.rate_factors, dtype),
        batch_size=min(task.batch_size, len(task.x)),
        shuffle=task.shuffle,
        seed=task.seed,
        penalty_per_example=task.penalty is not None and task.penalty.per_example,
        penalty_in_loss=task.penalty_in_loss,
    )


def schedules_of(task: TrainingTask, state: TrainingState, epochs: int) -> _native.Schedules:
    """The numbers of each step that may be made."""
    rates, decays = rates_of(task, state, epochs), decays_of(task, state, epochs)
    return _native.Schedules(rates=rates, decays=decays, layers=scheduled(task, state, epochs))


class Vectors(NamedTuple):
    """The numbers of a state: parameters and slots (p,), the average (p,) if one is kept, and statistics (s,)."""

    parameters: Floats
    slots: tuple[Floats, ...]
    average: Floats | None
    statistics: Floats


def room_for(task: TrainingTask, state: TrainingState) -> Vectors:
    """Vectors that the core may write the numbers of a later state to."""
    parameters = state.parameters
    return Vectors(
        np.empty_like(parameters),
        tuple([np.empty_like(slot) for slot in state.slots]),
        None if task.average is None else np.empty_like(parameters),
        np.empty(state.statistics.shape),
    )


def vectors_of(state: TrainingState | Vectors, writable: bool = False) -> _native.Vectors:
    """The numbers of a state, to be read, or to be written."""
    return _native.Vectors(
        parameters=state.parameters,
        slots=state.slots,
        average=state.average,
        statistics=measured(state.statistics),
        writable=writable,
    )


def rates_of(task: TrainingTask, state: TrainingState, epochs: int) -> Floats:
    """The learning rate of each step that may be made, or a single one."""
    if not callable(task.optimizer.learning_rate):
        return np.array([task.rate_at(state)])
    return np.array(task.optimizer.rates_at(_steps(task, state, epochs)), dtype=np.float64) * state.rate_scale


def decays_of(task: TrainingTask, state: TrainingState, epochs: int) -> Floats:
    """The weight decay of each step that may be made, or a single one."""
    if not callable(task.optimizer.weight_decay):
        return np.array([task.optimizer.decay_at(state.step)])
    return np.array(task.optimizer.decays_at(_steps(task, state, epochs)), dtype=np.float64)


def scheduled(task: TrainingTask, state: TrainingState, epochs: int) -> Floats | None:
    """The numbers of layers that schedules move, for each step that may be made, one step after the other."""
    layers = [each.layer for each in task.program.instructions if isinstance(each.layer, Scheduled)]
    tables = (layer.numbers_at(_steps(task, state, epochs)) for layer in layers)
    moving = [table for table in tables if table is not None]
    return np.concatenate(moving, axis=1).reshape(-1) if moving else None  # (steps, numbers), flat


def _steps(task: TrainingTask, state: TrainingState, epochs: int) -> range:
    return range(state.step, state.step + epochs * task.batches)


def follows_schedules(task: TrainingTask) -> bool:
    """Whether the core needs a table of what schedules say for each step."""
    layers = (instruction.layer for instruction in task.program.instructions)
    moving = (layer.follows_schedules for layer in layers if isinstance(layer, Scheduled))
    return callable(task.optimizer.learning_rate) or callable(task.optimizer.weight_decay) or any(moving)


def position_of(state: TrainingState) -> _native.TrainingPosition:
    """Where a state is: epoch, batch, step, and the sums of the epoch so far."""
    return _native.TrainingPosition(
        epoch=state.epoch,
        batch=state.batch,
        step=state.step,
        loss_sum=state.loss_sum,
        weight_sum=state.weight_sum,
        correct_sum=state.correct_sum,
    )


def state_at(
    task: TrainingTask, before: TrainingState, written: Vectors, position: _native.TrainingPosition
) -> TrainingState:
    """The state at a position after `before`, with the numbers that the core has written."""
    has_average = before.average is not None or position.step > before.step
    moves = any(each.layer.moves_statistics for each in task.program.instructions if each.statistics)
    return TrainingState(
        parameters=written.parameters,
        statistics=written.statistics if moves else before.statistics,
        slots=written.slots,
        rate_scale=before.rate_scale,
        average=written.average if has_average else None,
        epoch=position.epoch,
        batch=position.batch,
        step=position.step,
        loss_sum=position.loss_sum,
        weight_sum=position.weight_sum,
        correct_sum=position.correct_sum,
    )
