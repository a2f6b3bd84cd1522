"""The native engine: the program as a table of numbers, run by the compiled core in `native/`.

The layers of a `Program` become lines (name, sizes, hyper-parameters, places in the flat vectors) for a machine of the
core, which is kept as long as program, dtype and those statistics stay the same that training does not move. A call
hands over the caller's own arrays; rows are gathered from them batch by batch, and only a type the core does not read
is converted beforehand.

Threads: with `threads=None` the core takes one thread for small networks and otherwise as many as the process may
use, `len(os.sched_getaffinity(0))`, but no more than loky or OpenMP were told (`LOKY_MAX_CPU_COUNT`, `OMP_NUM_THREADS`:
joblib sets it in each worker to the worker's share of the cores), so that workers side by side do not take each
other's. A team whose cores are taken all the same gives way to one thread by itself. The bits of the result do not
depend on it.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

import pellucid._native as _native
from pellucid.engines.base import Engine, EpochLogs, Model, Outcome, State, Task
from pellucid.engines.cores import told_threads
from pellucid.engines.program import Instruction, Program
from pellucid.kernel import Kernel
from pellucid.layers.base import Layer
from pellucid.losses import Loss
from pellucid.optimizers import Optimizer
from pellucid.penalties import Constraint, Penalty
from pellucid.typing import Array, Floats

_READ = {np.dtype(code) for code in "?bBhHiIlLqQfd"}  # what the core reads as it is
# How an example is judged: not at all, by the signs of its scores, by the highest one.
_LINKS = {"identity": 0, "exponential": 0, "sigmoid": 1, "sign": 1, "softmax": 2, "argmax": 2}
_STOPS = ("", "interrupted", "not_finite")
_RUNNING = "batch_normalization"  # the layer whose statistics training moves
_NUMERICS = {  # what a kernel stands for: who overrides one of these must name a kernel of its own
    "forward", "backward", "updated_statistics", "values", "gradient", "values_and_gradient", "value", "update", "clip",
    "apply",
}  # fmt: skip
_MOST_EPOCHS = 65536  # in one call of the core, so that its table of records stays small
_MOST_STEPS = 2**20  # in one call, where there is a table of what schedules say for each


class NativeEngine(Engine):
    """The compiled core.

    Parameters
    ----------
    threads : int or None
        How many threads a call may use; None: by the size of the work.
    """

    name: ClassVar[str] = "native"

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads
        self._asked = _asked_threads(threads)
        self._machines: dict[int, tuple[tuple[Program, Any, Floats], Any]] = {}

    def obstacle(
        self,
        program: Program,
        loss: Loss | None = None,
        penalty: Penalty | None = None,
        optimizer: Optimizer | None = None,
        constraint: Constraint | None = None,
    ) -> str | None:
        """The first part without a kernel in the core, in words; None if it can run all of them."""
        for instruction in program.instructions:
            if not _knows(_native.has_layer, instruction.layer):
                return instruction.name
            if len(instruction.input_shape) != 1 or len(instruction.output_shape) != 1:
                return f"{instruction.name} on examples of the shape {instruction.input_shape}"
        for instruction in program.coded:
            if not _codes_are_the_data(program, instruction):
                return f"{instruction.name} behind a layer that has to do with its codes"
        if len(program.input_shape) != 1:
            return f"examples of the shape {program.input_shape}"
        for part, known in (
            (loss, _native.has_loss),
            (penalty, _native.has_penalty),
            (optimizer, _native.has_optimizer),
            (constraint, _has_constraint),
        ):
            if part is not None and not _knows(known, part):
                return str(part)
        return None

    def scores(self, model: Model, x: Array) -> Floats:
        """Scores (n, outputs)."""
        x = _checked(model.program, _readable(x))
        outputs = np.empty((len(x), model.program.outputs), dtype=model.parameters.dtype)  # (n, outputs)
        machine = self._machine_for(model.program, model.parameters, model.statistics)
        machine.scores(model.parameters, _measured(model.statistics), x, outputs.reshape(-1), self._asked)
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
        flat = np.empty_like(model.parameters)  # (p,)
        if penalty is not None:
            penalty = penalty.of_batch(float(len(x)) if sample_weight is None else float(sample_weight.sum()))
        machine = self._machine_for(model.program, model.parameters, model.statistics)
        value = machine.gradient(
            model.parameters,
            _measured(model.statistics),
            _line(loss),
            _line(penalty),
            _checked(model.program, _readable(x)),
            *_targets(targets),
            _weights(sample_weight),
            flat,
            self._asked,
        )
        return value, flat

    def train(self, task: Task, state: State, safe: State, epochs: int) -> Outcome:
        """Whole epochs in one call of the core."""
        logs = EpochLogs()
        arrays = (_checked(task.program, _readable(task.x)), *_targets(task.targets), _weights(task.sample_weight))
        stopped = ""
        while len(logs) < epochs and not stopped:
            most = max(1, _MOST_STEPS // task.batches) if _follows_schedules(task) else _MOST_EPOCHS
            count = min(most, _MOST_EPOCHS, epochs - len(logs))
            state, safe, some, stopped = self._train(task, arrays, state, safe, count)
            logs.extend(some)
        return Outcome(state, safe, logs, stopped)

    def _train(
        self, task: Task, arrays: tuple[Any, ...], state: State, safe: State, epochs: int
    ) -> tuple[State, State, EpochLogs, str]:
        """One call of the core."""
        machine = self._machine_for(task.program, state.parameters, state.statistics)
        old = [state.parameters, *state.slots]
        if task.average is not None:
            old.append(state.parameters if state.average is None else state.average)
        old.append(_measured(state.statistics))
        new = [np.empty_like(vector) for vector in old]
        kept = [np.empty_like(vector) for vector in old]
        records = np.empty((epochs, 4))  # sums of losses, weights and right predictions; seconds
        x, classes, targets, weights = arrays
        stop, finished, moment, safe_moment = machine.train(
            state=old,
            starts_average=state.average is None,
            loss=_line(task.loss),
            penalty=_line(task.penalty),
            optimizer=_line(task.optimizer),
            around=_around(task),
            rate_factors=_factors(task, state),
            link=_LINKS[task.link],
            x=x,
            classes=classes,
            targets=targets,
            sample_weight=weights,
            batch_size=min(task.batch_size, len(x)),
            shuffle=task.shuffle,
            seed=task.seed,
            rates=_rates(task, state, epochs),
            decays=_decays(task, state, epochs),
            scheduled=_scheduled(task, state, epochs),
            epochs=epochs,
            moment=_moment(state),
            out=new,
            safe=kept,
            records=records.reshape(-1),
            check_signals=threading.current_thread() is threading.main_thread(),
            threads=self._asked,
            penalty_per_example=task.penalty is not None and task.penalty.per_example,
            penalty_in_loss=task.penalty_in_loss,
        )
        if safe_moment[0] >= 0:
            safe = _state(task, state, kept, safe_moment)
        losses, masses, right, seconds = records[:finished].T
        masses = np.where(masses > 0, masses, 1.0)
        judged = _LINKS[task.link] != 0
        accuracies = (right / masses).tolist() if judged else [None] * finished
        logs = EpochLogs((losses / masses).tolist(), accuracies, seconds.tolist())
        return _state(task, state, new, moment), safe, logs, _STOPS[stop]

    def _machine_for(self, program: Program, parameters: Floats, statistics: Floats) -> Any:
        """The machine for this program, dtype and statistics: the last one for the program, if nothing has changed.

        Those of the last two programs are kept: a network's own, and the one that ends in its link.
        """
        made_for = (program, parameters.dtype, statistics)
        known = self._machines.get(id(program))
        if known is not None:
            (for_program, dtype, for_statistics), machine = known
            if for_program is program and dtype is parameters.dtype and for_statistics is statistics:
                return machine
        if known is not None and _needs_no_other(known[0], made_for):
            machine = known[1]
        else:
            machine = _make_machine(*made_for)
            while len(self._machines) > 1:
                self._machines.pop(next(iter(self._machines)))
        self._machines[id(program)] = (made_for, machine)
        return machine


def _asked_threads(threads: int | None) -> int:
    """What the core is told: a number; 0 to choose; −n to choose at most n, where the environment says so."""
    if threads is not None:
        return threads
    return -(told_threads() or 0)


def _make_machine(program: Program, dtype: Any, statistics: Floats) -> Any:
    make = _native.Machine32 if dtype == np.float32 else _native.Machine64
    leading = _leading(program)
    layers = program.instructions[leading:]
    columns = _scaling(program, leading, statistics) if leading else (np.empty(0),) * 3
    mean, scale, offset = (column.tolist() for column in columns)
    last = program.instructions[leading - 1].layer.kernel() if leading else None
    return make(
        program.input_shape[0],
        program.outputs,
        program.parameter_count,
        [_layer_line(instruction) for instruction in layers],
        np.asarray(statistics, dtype=np.float64).tolist(),
        mean,
        scale,
        offset,
        last.numbers[0] if last is not None and last.name == "robust_scale" else 0.0,
        [place for place, each in enumerate(layers) if each.layer.follows_schedules],  # see `_scheduled`
    )


def _layer_line(instruction: Instruction) -> tuple[Any, ...]:
    """(name, index, inputs, outputs, numbers, parameters, statistics)."""
    kernel = instruction.layer.kernel()
    assert kernel is not None, f"{instruction.name} has no kernel"
    parameters = []
    for view, spec in zip(instruction.parameters, instruction.specs, strict=True):
        rows, columns = view.shape if len(view.shape) == 2 else (1, view.shape[0])
        parameters.append((view.start, rows, columns, spec.penalized))
    statistics = [view.start for view in instruction.statistics]
    sizes = (instruction.input_shape[0], instruction.output_shape[0])
    return (kernel.name, instruction.index, *sizes, [float(n) for n in kernel.numbers], parameters, statistics)


def _leading(program: Program) -> int:
    """How many of the layers that scale the input run as one, in float64, where a row comes in: all up to one that
    clips, since only a linear one can be joined to what stands behind it. Behind a clip numbers are small, and the
    dtype of the network does for them.
    """
    for count, instruction in enumerate(program.instructions[: program.leading_scalings], start=1):
        kernel = instruction.layer.kernel()
        if kernel is not None and kernel.name == "robust_scale" and kernel.numbers[0] > 0:
            return count
    return program.leading_scalings


def _scaling(program: Program, leading: int, statistics: Floats) -> tuple[Floats, Floats, Floats]:
    """The first layers, which scale the input, as one: y = (x − mean)·scale + offset, each (d,) in float64."""
    width = program.input_shape[0]
    mean, scale, offset = np.zeros(width), np.ones(width), np.zeros(width)
    for instruction in program.instructions[:leading]:
        kernel = instruction.layer.kernel()
        assert kernel is not None, f"{instruction.name} has no kernel"
        if kernel.name != "rescale":
            shift, factor = (view.of(statistics).astype(np.float64) for view in instruction.statistics)
            if instruction.index == 0:
                mean, scale = shift, factor
            else:
                scale, offset = scale * factor, (offset - shift) * factor
        else:
            by, plus = kernel.numbers
            scale, offset = scale * by, offset * by + plus
    return mean, scale, offset


def _needs_no_other(before: tuple[Any, ...], now: tuple[Any, ...]) -> bool:
    """Whether nothing differs but statistics that training moves."""
    program, dtype, statistics = now
    if before[0] is not program or before[1] is not dtype:
        return False
    return all(
        np.array_equal(view.of(before[2]), view.of(statistics))
        for instruction in program.instructions
        for view in instruction.statistics
        if (kernel := instruction.layer.kernel()) is None or kernel.name != _RUNNING
    )


def _moves_statistics(program: Program) -> bool:
    kernels = (instruction.layer.kernel() for instruction in program.instructions if instruction.statistics)
    return any(kernel is not None and kernel.name == _RUNNING for kernel in kernels)


def _measured(statistics: Floats) -> Floats:
    return np.ascontiguousarray(statistics, dtype=np.float64)


def _knows(known: Any, part: Any) -> bool:
    """Whether the core has the kernel of a part, and the kernel says all of what the part does."""
    kernel: Kernel | None = part.kernel()
    if kernel is None or not known(kernel.name):
        return False
    if len(kernel.numbers) > _native.most_numbers and not isinstance(part, Layer):  # a layer may have any number
        return False
    for cls in type(part).__mro__:
        if "kernel" in vars(cls):
            return True
        if not _NUMERICS.isdisjoint(vars(cls)):  # a user's own, made from one of ours
            return False
    return False


def _codes_are_the_data(program: Program, taker: Instruction) -> bool:
    """Whether everything in front of a layer that takes codes passes them on as they are."""
    codes = taker.layer.code_columns
    return all(before.layer.keeps_last(codes, before.input_shape) for before in program.instructions[: taker.index])


def _checked(program: Program, x: Array) -> Array:
    """X, if the codes in it are codes: the core does not look."""
    for instruction in program.coded:
        instruction.layer.check_codes(x)
    return x


def _has_constraint(name: str) -> bool:
    return name == "max_norm"


def _around(task: Task) -> tuple[float, float, float, float]:
    """What surrounds the optimizer: clip_value, clip_norm, max_norm, average."""
    optimizer, limit = task.optimizer, task.constraint.kernel() if task.constraint is not None else None
    return (
        optimizer.clip_value or 0.0,
        optimizer.clip_norm or 0.0,
        limit.numbers[0] if limit is not None else 0.0,
        -1.0 if task.average is None else task.average,
    )


def _factors(task: Task, state: State) -> Floats | None:
    if task.rate_factors is None:
        return None
    return _vector(task.rate_factors, state.parameters.dtype)


def _line(part: Loss | Penalty | Optimizer | None) -> tuple[str, list[float]] | None:
    if part is None:
        return None
    kernel = part.kernel()
    assert kernel is not None, f"{part} has no kernel"
    return kernel.name, [float(number) for number in kernel.numbers]


def _readable(x: Array) -> Array:
    """X as it is if the core reads its dtype; float16, long doubles and foreign byte orders become float64."""
    return x if x.dtype in _READ else x.astype(np.float64)


def _targets(targets: Array) -> tuple[Array | None, Array | None]:
    """Classes (n,) or numbers (n, outputs), and None for the other."""
    if targets.ndim == 1:
        return _vector(targets, np.int64), None
    return None, _readable(targets)


def _weights(sample_weight: Floats | None) -> Floats | None:
    return None if sample_weight is None else _vector(sample_weight, np.float64)


def _vector(numbers: Array, dtype: Any) -> Array:
    """Contiguous, and at an address that suits the type: a copy only where it must be one."""
    return np.require(numbers, dtype, ["C", "A"])


def _rates(task: Task, state: State, epochs: int) -> Floats:
    """The learning rate of each step that may be made, or a single one."""
    if not callable(task.optimizer.learning_rate):
        return np.array([task.rate_at(state)])
    return np.array(task.optimizer.rates_at(_steps(task, state, epochs)), dtype=np.float64) * state.rate_scale


def _decays(task: Task, state: State, epochs: int) -> Floats:
    """The weight decay of each step that may be made, or a single one."""
    if not callable(task.optimizer.weight_decay):
        return np.array([task.optimizer.decay_at(state.step)])
    return np.array(task.optimizer.decays_at(_steps(task, state, epochs)), dtype=np.float64)


def _scheduled(task: Task, state: State, epochs: int) -> Floats | None:
    """The numbers of layers that schedules move, for each step that may be made, one step after the other."""
    tables = (each.layer.numbers_at(_steps(task, state, epochs)) for each in task.program.instructions)
    moving = [table for table in tables if table is not None]
    return np.concatenate(moving, axis=1).reshape(-1) if moving else None  # (steps, numbers), flat


def _steps(task: Task, state: State, epochs: int) -> range:
    return range(state.step, state.step + epochs * task.batches)


def _follows_schedules(task: Task) -> bool:
    moving = (instruction.layer.follows_schedules for instruction in task.program.instructions)
    return callable(task.optimizer.learning_rate) or callable(task.optimizer.weight_decay) or any(moving)


def _moment(state: State) -> tuple[int, int, int, float, float, float]:
    return state.epoch, state.batch, state.step, state.loss_sum, state.weight_sum, state.correct_sum


def _state(task: Task, state: State, vectors: list[Floats], moment: tuple[Any, ...]) -> State:
    """The state of a moment after `state`."""
    slots = len(state.slots)
    epoch, batch, step, loss_sum, weight_sum, correct_sum = moment
    has_average = task.average is not None and (state.average is not None or step > state.step)
    return replace(
        state,
        parameters=vectors[0],
        statistics=vectors[-1] if _moves_statistics(task.program) else state.statistics,
        slots=tuple(vectors[1 : 1 + slots]),
        average=vectors[1 + slots] if has_average else None,
        epoch=epoch,
        batch=batch,
        step=step,
        loss_sum=loss_sum,
        weight_sum=weight_sum,
        correct_sum=correct_sum,
    )
