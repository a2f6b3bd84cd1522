"""The native engine: the program as a table of numbers, run by the compiled core in `native/`.

A `Program` becomes a machine of the core (`machines.py`), which is kept as long as program, dtype and those statistics
stay the same that training does not move. A call hands over tasks and states as numbers and arrays (`arguments.py`),
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
from pellucid.engines import arguments
from pellucid.engines.base import Engine, EpochLogs, Model, Outcome, State, Task
from pellucid.engines.cores import told_threads
from pellucid.engines.machines import make_machine, needs_no_other
from pellucid.kernel import Kernel
from pellucid.layers.base import Layer
from pellucid.layers.embedding import PassesThrough
from pellucid.losses import Loss
from pellucid.optimizers import Optimizer
from pellucid.penalties import Constraint, Penalty
from pellucid.program.compilation import Instruction, Program
from pellucid.typing import Array, Floats

# How an example is judged: not at all, by the signs of its scores, by the highest one.
_LINKS = {"identity": 0, "exponential": 0, "sigmoid": 1, "sign": 1, "softmax": 2, "argmax": 2}
_STOPS = ("", "interrupted", "not_finite")
_NUMERICS = {  # what a kernel stands for: who overrides one of these must name a kernel of its own
    "forward", "backward", "updated_statistics", "values", "gradient", "values_and_gradient", "value", "update", "clip",
    "apply",
}  # fmt: skip
_MOST_EPOCHS = 65536  # in one call of the core, so that its table of records stays small
_MOST_STEPS = 2**20  # in one call, where there is a table of what schedules say for each


class _Call(NamedTuple):
    """What one call of the core made."""

    stop: int
    records: Floats
    """(finished epochs, 4): sums of losses, of weights and of the weights of right predictions; seconds."""
    new: list[Floats]
    moment: tuple[Any, ...]
    safe: list[Floats]
    safe_moment: tuple[Any, ...]


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
        for instruction in program.coded:
            if not _codes_are_the_data(program, instruction):
                return f"{instruction.name} behind a layer that has to do with its codes"
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
        x = arguments.checked(model.program, arguments.readable(x))
        outputs = np.empty((len(x), *model.program.output_shape), dtype=model.parameters.dtype)  # (n, …, outputs)
        machine = self._machine_for(model.program, model.parameters, model.statistics)
        machine.scores(model.parameters, arguments.measured(model.statistics), x, outputs.reshape(-1), self._asked)
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
        machine = self._machine_for(model.program, model.parameters, model.statistics)
        value = machine.gradient(
            model.parameters,
            arguments.measured(model.statistics),
            arguments.line_of(loss),
            arguments.line_of(penalty),
            arguments.checked(model.program, arguments.readable(x)),
            *arguments.targets_of(targets, model.program),
            arguments.weights_of(sample_weight),
            flat,
            self._asked,
        )
        return value, flat

    def train(self, task: Task, state: State, safe: State, epochs: int) -> Outcome:
        """Whole epochs in one call of the core."""
        logs = EpochLogs()
        arrays = _arrays_of(task)
        stopped = ""
        while len(logs) < epochs and not stopped:
            most = max(1, _MOST_STEPS // task.batches) if arguments.follows_schedules(task) else _MOST_EPOCHS
            count = min(most, _MOST_EPOCHS, epochs - len(logs))
            state, safe, some, stopped = self._train(task, arrays, state, safe, count)
            logs.extend(some)
        return Outcome(state, safe, logs, stopped)

    def step(self, task: Task, state: State, safe: State, order: Array | None) -> Outcome:
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
        called = self._call(batch, _arrays_of(batch), replace(state, batch=0), 1)
        if called.stop:
            return Outcome(state, safe, EpochLogs(), _STOPS[called.stop])
        moment = (state.epoch, state.batch + 1, state.step + 1, *called.records[0, :3].tolist())
        advanced = arguments.state_after(task, state, called.new, moment)
        return Outcome(advanced, state if state.batch == 0 else safe, EpochLogs(), "")

    def _train(
        self, task: Task, arrays: tuple[Any, ...], state: State, safe: State, epochs: int
    ) -> tuple[State, State, EpochLogs, str]:
        """The states and logs after one call of the core."""
        called = self._call(task, arrays, state, epochs)
        if called.safe_moment[0] >= 0:
            safe = arguments.state_after(task, state, called.safe, called.safe_moment)
        losses, masses, right, seconds = called.records.T
        masses = np.where(masses > 0, masses, 1.0)
        judged = _LINKS[task.link] != 0
        accuracies = (right / masses).tolist() if judged else [None] * len(masses)
        logs = EpochLogs((losses / masses).tolist(), accuracies, seconds.tolist())
        return arguments.state_after(task, state, called.new, called.moment), safe, logs, _STOPS[called.stop]

    def _call(self, task: Task, arrays: tuple[Any, ...], state: State, epochs: int) -> _Call:
        """One call of the core."""
        machine = self._machine_for(task.program, state.parameters, state.statistics)
        old = [state.parameters, *state.slots]
        if task.average is not None:
            old.append(state.parameters if state.average is None else state.average)
        old.append(arguments.measured(state.statistics))
        new = [np.empty_like(vector) for vector in old]
        kept = [np.empty_like(vector) for vector in old]
        records = np.empty((epochs, 4))  # sums of losses, weights and right predictions; seconds
        x, classes, targets, weights = arrays
        stop, finished, moment, safe_moment = machine.train(
            state=old,
            starts_average=state.average is None,
            loss=arguments.line_of(task.loss),
            penalty=arguments.line_of(task.penalty),
            optimizer=arguments.line_of(task.optimizer),
            around=arguments.around(task),
            rate_factors=arguments.rate_factors_of(task, state),
            link=_LINKS[task.link],
            x=x,
            classes=classes,
            targets=targets,
            sample_weight=weights,
            batch_size=min(task.batch_size, len(x)),
            shuffle=task.shuffle,
            seed=task.seed,
            rates=arguments.rates_of(task, state, epochs),
            decays=arguments.decays_of(task, state, epochs),
            scheduled=arguments.scheduled(task, state, epochs),
            epochs=epochs,
            moment=arguments.moment_of(state),
            out=new,
            safe=kept,
            records=records.reshape(-1),
            check_signals=threading.current_thread() is threading.main_thread(),
            threads=self._asked,
            penalty_per_example=task.penalty is not None and task.penalty.per_example,
            penalty_in_loss=task.penalty_in_loss,
        )
        return _Call(stop, records[:finished], new, moment, kept, safe_moment)

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
        if known is not None and needs_no_other(known[0], made_for):
            machine = known[1]
        else:
            machine = make_machine(*made_for)
            while len(self._machines) > 1:
                self._machines.pop(next(iter(self._machines)))
        self._machines[id(program)] = (made_for, machine)
        return machine


def _arrays_of(task: Task) -> tuple[Any, ...]:
    """Inputs, classes or targets, and weights as the core takes them."""
    return (
        arguments.checked(task.program, arguments.readable(task.x)),
        *arguments.targets_of(task.targets, task.program),
        arguments.weights_of(task.sample_weight),
    )


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
