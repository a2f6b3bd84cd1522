"""The native engine: the program as a table of numbers, run by the compiled core in `native/`.

A `Program` becomes a program of the core (`native_program.py`), which is kept as long as program, dtype and those
statistics stay the same that training does not move. A call hands over tasks and states as records (`marshalling.py`),
and whole epochs run in it.

Threads: with `threads=None` the core takes one thread for small networks and otherwise as many as the process may
use, `len(os.sched_getaffinity(0))`, but no more than loky or OpenMP were told (`LOKY_MAX_CPU_COUNT`, `OMP_NUM_THREADS`:
joblib sets it in each worker to the worker's share of the cores), so that workers side by side do not take each
other's. A team whose cores are taken all the same gives way to one thread by itself. The bits of the result do not
depend on it.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

import numpy as np

import pellucid._native as _native
from pellucid.engines import marshalling
from pellucid.engines.cores import told_threads
from pellucid.engines.engine import Engine, EpochLogs, Model, Outcome, TrainingState, TrainingTask
from pellucid.engines.native_program import NativeProgram, build, is_reusable
from pellucid.kernel import Kernel
from pellucid.layers.embedding import PassesThrough
from pellucid.layers.layer import Layer
from pellucid.losses import Loss
from pellucid.optimizers import Optimizer
from pellucid.penalties import Constraint, Penalty
from pellucid.program.compilation import Instruction, Program
from pellucid.typing import Array, Floats

_NUMERICS = {  # what a kernel stands for: who overrides one of these must name a kernel of its own
    "forward", "backward", "updated_statistics", "values", "gradient", "values_and_gradient", "value", "update", "clip",
    "apply",
}  # fmt: skip
_MOST_EPOCHS = 65536  # in one call of the core, so that its table of records stays small
_MOST_STEPS = 2**20  # in one call, where there is a table of what schedules say for each


class _Call(NamedTuple):
    """What the core has done: a record for each epoch, the numbers where it ended and where it was last safe, and
    why it stopped.
    """

    records: Floats  # (epochs, 4): sums of losses, weights and right predictions; seconds
    new: marshalling.Vectors
    position: _native.TrainingPosition
    safe: marshalling.Vectors
    safe_position: _native.TrainingPosition | None
    stopped: str


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
        self._programs: dict[int, tuple[tuple[Program, Any, Floats], NativeProgram]] = {}

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
        for instruction in program.coded:
            if not _codes_are_the_data(program, instruction):
                return f"{instruction.name} follows a layer that modifies its category codes"
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
        """Scores (n, …, outputs)."""
        x = marshalling.checked(model.program, marshalling.as_native_dtype(x))
        outputs = np.empty((len(x), *model.program.output_shape), dtype=model.parameters.dtype)  # (n, …, outputs)
        native = self._native_program(model.program, model.parameters, model.statistics)
        native.scores(model.parameters, marshalling.measured(model.statistics), x, outputs.reshape(-1), self._asked)
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
            mass = float(len(x)) if sample_weight is None else float(sample_weight.sum())
            penalty = penalty.of_batch(mass * model.program.positions)
        native = self._native_program(model.program, model.parameters, model.statistics)
        value = native.gradient(
            parameters=model.parameters,
            statistics=marshalling.measured(model.statistics),
            loss=marshalling.part_of(loss),
            penalty=None if penalty is None else marshalling.part_of(penalty),
            examples=marshalling.examples_of(model.program, x, targets, sample_weight),
            out=flat,
            threads=self._asked,
        )
        return value, flat

    def train(self, task: TrainingTask, state: TrainingState, safe: TrainingState, epochs: int) -> Outcome:
        """Whole epochs in one call of the core."""
        logs = EpochLogs()
        native_task = marshalling.task_of(task, state.parameters.dtype)
        stopped = ""
        while len(logs) < epochs and not stopped:
            most = max(1, _MOST_STEPS // task.batches) if marshalling.follows_schedules(task) else _MOST_EPOCHS
            count = min(most, _MOST_EPOCHS, epochs - len(logs))
            state, safe, some, stopped = self._train(task, native_task, state, safe, count)
            logs.extend(some)
        return Outcome(state, safe, logs, stopped)

    def step(self, task: TrainingTask, state: TrainingState, safe: TrainingState, order: Array | None) -> Outcome:
        """One step: to the core, an epoch of the one batch, whose rows are gathered here."""
        first = state.batch * task.batch_size
        rows: Any = slice(first, first + task.batch_size)
        if order is not None:
            rows = order[rows]
        batch = replace(
            task,
            x=task.x[rows],
            targets=task.targets[rows],
            sample_weight=None if task.sample_weight is None else task.sample_weight[rows],
        )
        native_task = marshalling.task_of(batch, state.parameters.dtype)
        called = self._call(batch, native_task, replace(state, batch=0), 1)
        if called.stopped:
            return Outcome(state, safe, EpochLogs(), called.stopped)
        loss_sum, weight_sum, correct_sum, _ = called.records[0].tolist()
        position = _native.TrainingPosition(
            epoch=state.epoch,
            batch=state.batch + 1,
            step=state.step + 1,
            loss_sum=loss_sum,
            weight_sum=weight_sum,
            correct_sum=correct_sum,
        )
        advanced = marshalling.state_at(task, state, called.new, position)
        return Outcome(advanced, state if state.batch == 0 else safe, EpochLogs(), "")

    def _train(
        self, task: TrainingTask, native_task: _native.TrainTask, state: TrainingState, safe: TrainingState, epochs: int
    ) -> tuple[TrainingState, TrainingState, EpochLogs, str]:
        """The states and logs after one call of the core."""
        called = self._call(task, native_task, state, epochs)
        if called.safe_position is not None:
            safe = marshalling.state_at(task, state, called.safe, called.safe_position)
        losses, masses, right, seconds = called.records.T
        masses = np.where(masses > 0, masses, 1.0)
        judged = marshalling.LINKS[task.link] != "identity"
        accuracies = (right / masses).tolist() if judged else [None] * len(masses)
        logs = EpochLogs((losses / masses).tolist(), accuracies, seconds.tolist())
        return marshalling.state_at(task, state, called.new, called.position), safe, logs, called.stopped

    def _call(self, task: TrainingTask, native_task: _native.TrainTask, state: TrainingState, epochs: int) -> _Call:
        """One call of the core."""
        native = self._native_program(task.program, state.parameters, state.statistics)
        new, kept = marshalling.room_for(task, state), marshalling.room_for(task, state)
        records = np.empty((epochs, 4))  # sums of losses, weights and right predictions; seconds
        result = native.train(
            task=native_task,
            state=marshalling.vectors_of(state),
            position=marshalling.position_of(state),
            schedules=marshalling.schedules_of(task, state, epochs),
            epochs=epochs,
            out=marshalling.vectors_of(new, writable=True),
            safe=marshalling.vectors_of(kept, writable=True),
            records=records.reshape(-1),
            check_signals=threading.current_thread() is threading.main_thread(),
            threads=self._asked,
        )
        return _Call(records[: result.finished], new, result.position, kept, result.safe, result.stopped)

    def _native_program(self, program: Program, parameters: Floats, statistics: Floats) -> NativeProgram:
        """The core's form of this program, dtype and statistics: the last one for the program, if nothing has changed.

        Those of the last two programs are kept: a network's own, and the one that ends in its link.
        """
        made_for = (program, parameters.dtype, statistics)
        known = self._programs.get(id(program))
        if known is not None:
            (for_program, dtype, for_statistics), native = known
            if for_program is program and dtype is parameters.dtype and for_statistics is statistics:
                return native
        if known is not None and is_reusable(known[0], made_for):
            native = known[1]
        else:
            native = build(*made_for)
            while len(self._programs) > 1:
                self._programs.pop(next(iter(self._programs)))
        self._programs[id(program)] = (made_for, native)
        return native


def _asked_threads(threads: int | None) -> int:
    """What the core is told: a number; 0 to choose; −n to choose at most n, where the environment says so."""
    if threads is not None:
        return threads
    return -(told_threads() or 0)


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
    before = program.instructions[: taker.index]
    return all(
        isinstance(each.layer, PassesThrough) and each.layer.passes_through(codes, each.input_shape) for each in before
    )


def _has_constraint(name: str) -> bool:
    return name == "max_norm"
