"""The reference engine: the textbook in NumPy. It runs anywhere, and runs every layer there is.

Forward through the instructions, the loss and its gradient, backward through the instructions in reverse, then the
optimizer. It is the oracle that the native engine is held to.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, ClassVar, NamedTuple

import numpy as np

from pellucid.engines.engine import Engine, EpochLog, EpochLogs, Model, Outcome, TrainingState, TrainingTask
from pellucid.layers.containers import Join
from pellucid.layers.embedding import TakesCodes
from pellucid.layers.layer import NO_NAMES, Context, as_rows
from pellucid.losses import Loss, correct
from pellucid.optimizers import Optimizer, Slots
from pellucid.penalties import Constraint, Penalty
from pellucid.program.compilation import Instruction, Program, View
from pellucid.streams import Purpose, Stream
from pellucid.typing import Array, Floats

_ROWS_AT_A_TIME = 2048  # prediction works on slices, so that its buffers stay small however many rows there are


class Randomness(NamedTuple):
    """Where the random numbers of a training step come from."""

    seed: int
    step: int


class ReferenceEngine(Engine):
    """NumPy, step by step."""

    name: ClassVar[str] = "reference"

    def obstacle(
        self,
        program: Program,
        loss: Loss | None = None,
        penalty: Penalty | None = None,
        optimizer: Optimizer | None = None,
        constraint: Constraint | None = None,
    ) -> str | None:
        """None: it runs everything."""
        return None

    def scores(self, model: Model, x: Array) -> Floats:
        """Scores (n, …, outputs), slice by slice."""
        outputs = np.empty((len(x), *model.program.output_shape), dtype=model.parameters.dtype)  # (n, …, outputs)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # scores that are NaN are reported
            for start in range(0, len(x), _ROWS_AT_A_TIME):
                rows = slice(start, start + _ROWS_AT_A_TIME)
                outputs[rows] = forward(model, x[rows])[0]
        return outputs

    def loss_and_gradient(
        self,
        model: Model,
        loss: Loss,
        penalty: Penalty | None,
        x: Array,
        targets: Array,
        sample_weight: Floats | None,
    ) -> tuple[float, Floats]:
        """Objective and flat gradient (p,) of one batch."""
        scores, passes = forward(model, x)
        value, gradient = mean_loss_and_gradient(loss, scores, targets, sample_weight)
        flat = backward(model, gradient, passes)
        if penalty is not None:
            penalty = penalty.of_batch(_mass(as_rows(scores), of_positions(sample_weight, scores)))
            add_penalty_gradient(model, penalty, flat)
        return value + penalty_value(model, penalty), flat

    def train(self, task: TrainingTask, state: TrainingState, safe: TrainingState, epochs: int) -> Outcome:
        """Epoch by epoch, step by step. Each step makes a new state, so that an interrupt always leaves a whole one."""
        first, last = state.epoch, state.epoch + epochs
        logs = EpochLogs()
        try:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # a loss that is not finite is told
                while state.epoch < last:
                    began, initial = time.perf_counter(), state
                    order = task.order(state.epoch)
                    while state.batch < task.batches:
                        advanced = _step(task, state, order)
                        if advanced is None:
                            return Outcome(state, safe, logs, "not_finite")
                        if state is initial and state.batch == 0:
                            safe = initial
                        state = advanced
                    logs.append(_log(task, state, time.perf_counter() - began))
                    state = replace(
                        state, epoch=state.epoch + 1, batch=0, loss_sum=0.0, weight_sum=0.0, correct_sum=0.0
                    )
        except KeyboardInterrupt:
            return Outcome(state, safe, logs[: state.epoch - first], "interrupted")
        return Outcome(state, safe, logs, "")

    def step(self, task: TrainingTask, state: TrainingState, safe: TrainingState, order: Array | None) -> Outcome:
        """One step; interrupted, none."""
        try:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                advanced = _step(task, state, order)
        except KeyboardInterrupt:
            return Outcome(state, safe, EpochLogs(), "interrupted")
        if advanced is None:
            return Outcome(state, safe, EpochLogs(), "not_finite")
        return Outcome(advanced, state if state.batch == 0 else safe, EpochLogs(), "")


class Pass(NamedTuple):
    """One layer's part of a forward pass: all that `backward` needs."""

    instruction: Instruction
    parameters: SimpleNamespace
    context: Context
    saved: Any


def forward(model: Model, x: Array, randomness: Randomness | None = None) -> tuple[Floats, list[Pass]]:
    """Run a batch through every instruction; `randomness` makes it a training step.

    Returns
    -------
    scores : array (n, *output_shape)
    passes : list of Pass
        What each layer was given and keeps.
    """
    buffer, passes = x, []
    for one, _, output in layer_by_layer(model, x, randomness):
        buffer = output
        passes.append(one)
    return buffer.astype(model.parameters.dtype, copy=False), passes


def input_of(model: Model, index: int, x: Array) -> Floats:
    """What an instruction is given for x, in prediction: (n, *its input shape)."""
    program = replace(model.program, instructions=model.program.instructions[:index])
    source = model.program.instructions[index].sources[0]
    outputs = {0: x, **{one.instruction.target: y for one, _, y in layer_by_layer(model._replace(program=program), x)}}
    return outputs[source]


def layer_by_layer(
    model: Model, x: Array, randomness: Randomness | None = None, before: Callable[[Pass, Floats], None] | None = None
) -> Iterator[tuple[Pass, Floats, Floats]]:
    """Run a batch through the instructions, and hand out each one's pass, input (n, *d_in) and output (n, *d_out).

    `before` is called with each one's pass, in which nothing is saved yet, and its input.
    """
    program, dtype = model.program, model.parameters.dtype
    buffers: dict[int, Floats] = {0: x.astype(np.float64 if program.leading_scalings else dtype, copy=False)}
    for instruction in program.instructions:
        given: Any = tuple(buffers[source] for source in instruction.sources)
        if instruction.index == program.leading_scalings:
            given = tuple(each.astype(dtype, copy=False) for each in given)
            buffers.update(zip(instruction.sources, given, strict=True))
        if not isinstance(instruction.layer, Join):
            given = given[0]
        parameters = _named(instruction.parameters, model.parameters)
        scaling = instruction.index < program.leading_scalings
        context = _context(instruction, model, randomness, np.float64 if scaling else dtype)
        if before is not None:
            before(Pass(instruction, parameters, context, None), given)
        if isinstance(instruction.layer, TakesCodes) and instruction.layer.code_columns:
            instruction.layer.check_codes(given)
        output, saved = instruction.layer.forward(given, parameters, context)  # (n, *d_in) -> (n, *d_out)
        buffers[instruction.target] = output
        for source in set(instruction.sources):
            if program.readers[source][-1] is instruction:
                del buffers[source]
        yield Pass(instruction, parameters, context, saved), given, output


def backward(model: Model, gradient: Floats, passes: list[Pass]) -> Floats:
    """The gradient of the loss with respect to all parameters, flat (p,), from that of the scores (n, …)."""
    flat, program = np.empty_like(model.parameters), model.program  # (p,)
    of_buffers = {passes[-1].instruction.target: gradient} if passes else {}
    for instruction, parameters, context, saved in reversed(passes):
        if not program.trained[instruction.target]:
            continue
        passed, gradients = instruction.layer.backward(of_buffers.pop(instruction.target), saved, parameters, context)
        for view in instruction.parameters:
            view.of(flat)[...] = gradients[view.name]
        given = passed if isinstance(instruction.layer, Join) else (passed,)
        for source, of_source in zip(instruction.sources, given, strict=True):
            if program.trained[source]:  # read more than once, it has a gradient from each reader
                of_buffers[source] = of_buffers[source] + of_source if source in of_buffers else of_source
    return flat


def _context(instruction: Instruction, model: Model, randomness: Randomness | None, dtype: Any) -> Context:
    training, wanted = randomness is not None, any(model.program.trained[source] for source in instruction.sources)
    if not instruction.statistics and not instruction.layer.draws:
        return _PLAIN_CONTEXTS[training, wanted]
    stream = None
    if randomness is not None and instruction.layer.draws:
        stream = Stream(randomness.seed, Purpose.LAYER, instruction.index, randomness.step)
    statistics = model.statistics.astype(dtype, copy=False)  # (s,)
    return Context(training, stream, _named(instruction.statistics, statistics), wanted)


def _named(views: tuple[View, ...], flat: Floats) -> SimpleNamespace:
    """Parts of a flat vector by attribute."""
    return SimpleNamespace(**{view.name: view.of(flat) for view in views}) if views else NO_NAMES


_PLAIN_CONTEXTS = {
    (training, wanted): Context(training, input_gradient=wanted)
    for training in (False, True)
    for wanted in (False, True)
}


def mean_loss(loss: Loss, scores: Floats, targets: Array, sample_weight: Floats | None) -> float:
    """The (weighted) mean of the examples' losses; 0 where all weights are 0."""
    return weighted_mean(
        loss.values(as_rows(scores), at_positions(targets, scores)), of_positions(sample_weight, scores)
    )


def weighted_mean(values: Floats, sample_weight: Floats | None) -> float:
    """The mean of numbers of examples (n,), each as it weighs; 0 where all weights are 0."""
    if sample_weight is None:
        return float(values.sum(dtype=np.float64)) / len(values)
    total = float(sample_weight.sum())
    return float((values * sample_weight).sum(dtype=np.float64)) / total if total > 0 else 0.0


def mean_loss_and_gradient(
    loss: Loss, scores: Floats, targets: Array, sample_weight: Floats | None
) -> tuple[float, Floats]:
    """The mean loss over all positions, and its gradient with respect to the scores (n, …, outputs)."""
    weight = of_positions(sample_weight, scores)
    values, gradient = loss.values_and_gradient(as_rows(scores), at_positions(targets, scores))  # (n·,), (n·, outputs)
    value = weighted_mean(values, weight)
    if weight is None:
        return value, (gradient / scores.dtype.type(len(values))).reshape(scores.shape)
    total = weight.sum()
    share = weight / total if total > 0 else np.zeros_like(weight)  # (n·,)
    return value, (gradient * share[:, None].astype(scores.dtype)).reshape(scores.shape)


def at_positions(targets: Array, scores: Floats) -> Array:
    """Targets (n, …) or (n, …, outputs) with all positions below each other, as the rows of scores (n, …, outputs)."""
    return targets.reshape(-1, *targets.shape[scores.ndim - 1 :])


def of_positions(sample_weight: Floats | None, scores: Floats) -> Floats | None:
    """The weight of each position (n·,): that of its example."""
    positions = math.prod(scores.shape[1:-1])
    return sample_weight if sample_weight is None or positions == 1 else np.repeat(sample_weight, positions)


def penalty_value(model: Model, penalty: Penalty | None) -> float:
    """What the weights cost; 0 without a penalty."""
    return sum(penalty.value(model.parameters[part]) for part in model.program.penalized) if penalty else 0.0


def add_penalty_gradient(model: Model, penalty: Penalty, flat: Floats) -> None:
    """Add the penalty's gradient to the flat gradient (p,), in place."""
    for part in model.program.penalized:
        flat[part] += penalty.gradient(model.parameters[part])


def _step(task: TrainingTask, state: TrainingState, order: Array | None) -> TrainingState | None:
    """One step: forward, loss, backward, update. None: the loss is not finite."""
    rows: Any = slice(state.batch * task.batch_size, (state.batch + 1) * task.batch_size)
    if order is not None:
        rows = order[rows]
    targets = task.targets[rows]
    weight = None if task.sample_weight is None else task.sample_weight[rows]
    model = Model(task.program, state.parameters, state.statistics)

    scores, passes = forward(model, task.x[rows], Randomness(task.seed, state.step))
    value, gradient = mean_loss_and_gradient(task.loss, scores, targets, weight)
    if not math.isfinite(value):
        return None
    flat = backward(model, gradient, passes)
    rows, weight = as_rows(scores), of_positions(weight, scores)  # (n·, outputs), (n·,)
    mass = _mass(rows, weight)
    penalty = None if task.penalty is None else task.penalty.of_batch(mass)
    if penalty is not None:
        add_penalty_gradient(model, penalty, flat)
    parameters, slots = update_parameters(task, state, flat)

    right = correct(rows, at_positions(targets, scores), task.link)
    if task.penalty_in_loss:
        value += penalty_value(model, penalty)
    return TrainingState(
        parameters=parameters,
        statistics=_updated_statistics(model, passes),
        slots=slots,
        epoch=state.epoch,
        batch=state.batch + 1,
        step=state.step + 1,
        rate_scale=state.rate_scale,
        average=_average(task.average, state.average, parameters),
        loss_sum=state.loss_sum + mass * value,
        weight_sum=state.weight_sum + mass,
        correct_sum=state.correct_sum + _correct_mass(right, weight),
    )


def update_parameters(task: TrainingTask, state: TrainingState, gradient: Floats) -> tuple[Floats, Slots]:
    """Clip the gradient (p,), let the weights decay, make the optimizer's step, bring the weights back to the limit."""
    optimizer, parameters = task.optimizer, state.parameters
    rates: Any = task.rate_at(state)
    if task.rate_factors is not None:
        rates = rates * task.rate_factors  # (p,)
    gradient = optimizer.clip(gradient)
    decay = optimizer.decay_at(state.step)
    if decay:
        parameters = parameters.copy()
        for part in task.program.penalized:
            of_part = rates if task.rate_factors is None else rates[part]
            parameters[part] *= 1 - of_part * decay
    parameters, slots = optimizer.update(parameters, gradient, state.slots, rates, state.step)
    if task.constraint is not None:
        for view in task.program.weights:
            view.of(parameters)[...] = task.constraint.apply(view.of(parameters))
    return parameters, slots


def _average(stays: float | None, average: Floats | None, parameters: Floats) -> Floats | None:
    """The moving average (p,) after a step; it starts as the parameters after the first one."""
    if stays is None:
        return None
    return parameters if average is None else stays * average + (1 - stays) * parameters


def _mass(scores: Floats, weight: Floats | None) -> float:
    """What the examples of a batch weigh together."""
    return float(len(scores)) if weight is None else float(weight.sum())


def _updated_statistics(model: Model, passes: list[Pass]) -> Floats:
    """The statistics (s,) after a step: a new vector where a layer changed some, else the same."""
    flat = model.statistics
    for instruction, _, _, saved in passes:
        if not instruction.statistics:
            continue
        changed = instruction.layer.updated_statistics(saved, _named(instruction.statistics, model.statistics))
        if changed and flat is model.statistics:
            flat = flat.copy()
        for view in instruction.statistics:
            if view.name in changed:
                view.of(flat)[...] = changed[view.name]
    return flat


def _correct_mass(right: Array | None, weight: Floats | None) -> float:
    if right is None:
        return 0.0
    return float(np.count_nonzero(right)) if weight is None else float(weight[right].sum())


def _log(task: TrainingTask, state: TrainingState, seconds: float) -> EpochLog:
    mass = state.weight_sum or 1.0
    accuracy = None if task.link in ("identity", "exponential") else state.correct_sum / mass
    return EpochLog(state.loss_sum / mass, accuracy, seconds)
