"""The native engine: the program as a table of numbers, run by the compiled core in `native/`.

The layers of a `Program` become lines (name, sizes, hyper-parameters, places in the flat vectors) for a machine of the
core, which is kept as long as program, statistics and dtype stay the same. A call hands over the caller's own arrays;
rows are gathered from them batch by batch, and only a type the core does not read is converted beforehand.

Threads: with `threads=None` the core takes one thread for small networks and otherwise as many as the process may
use, `len(os.sched_getaffinity(0))`, or one where joblib, loky or OpenMP were told that there is one core to use
(`LOKY_MAX_CPU_COUNT` or `OMP_NUM_THREADS` is 1, as in joblib's workers), so that workers side by side do not take each
other's. A team whose cores are taken all the same gives way to one thread by itself. The bits of the result do not
depend on it.
"""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

import pellucid._native as _native
from pellucid.engines.base import Engine, EpochLog, Model, Outcome, State, Task
from pellucid.engines.program import Instruction, Program
from pellucid.kernel import Kernel
from pellucid.losses import Loss
from pellucid.optimizers import Optimizer
from pellucid.penalties import Penalty
from pellucid.typing import Array, Floats

_READ = {np.dtype(code) for code in "?bBhHiIlLqQfd"}  # what the core reads as it is
_LINKS = {"identity": 0, "sigmoid": 1, "softmax": 2, "argmax": 2}
_STOPS = ("", "interrupted", "not_finite")
_MOST_EPOCHS = 65536  # in one call of the core, so that its tables of rates and records stay small


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
        self._machine: Any = None
        self._made_for: tuple[Any, ...] = ()

    def obstacle(
        self,
        program: Program,
        loss: Loss | None = None,
        penalty: Penalty | None = None,
        optimizer: Optimizer | None = None,
    ) -> str | None:
        """The first part without a kernel in the core, in words; None if it can run all of them."""
        for instruction in program.instructions:
            if not _knows(_native.has_layer, instruction.layer.kernel()):
                return instruction.name
            if len(instruction.input_shape) != 1 or len(instruction.output_shape) != 1:
                return f"{instruction.name} on examples of the shape {instruction.input_shape}"
        if len(program.input_shape) != 1:
            return f"examples of the shape {program.input_shape}"
        for part, known in (
            (loss, _native.has_loss),
            (penalty, _native.has_penalty),
            (optimizer, _native.has_optimizer),
        ):
            if part is not None and not _knows(known, part.kernel()):
                return str(part)
        return None

    def scores(self, model: Model, x: Array) -> Floats:
        """Scores (n, outputs)."""
        x = _readable(x)
        outputs = np.empty((len(x), model.program.outputs), dtype=model.parameters.dtype)  # (n, outputs)
        machine = self._machine_for(model.program, model.parameters, model.statistics)
        machine.scores(model.parameters, x, outputs.reshape(-1), self._asked)
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
        machine = self._machine_for(model.program, model.parameters, model.statistics)
        value = machine.gradient(
            model.parameters,
            _line(loss),
            _line(penalty),
            _readable(x),
            *_targets(targets),
            _weights(sample_weight),
            flat,
            self._asked,
        )
        return value, flat

    def train(self, task: Task, state: State, safe: State, epochs: int) -> Outcome:
        """Whole epochs in one call of the core."""
        logs: list[EpochLog] = []
        arrays = (_readable(task.x), *_targets(task.targets), _weights(task.sample_weight))
        stopped = ""
        while len(logs) < epochs and not stopped:
            count = min(_MOST_EPOCHS, epochs - len(logs))
            state, safe, some, stopped = self._train(task, arrays, state, safe, count)
            logs += some
        return Outcome(state, safe, logs, stopped)

    def _train(
        self, task: Task, arrays: tuple[Any, ...], state: State, safe: State, epochs: int
    ) -> tuple[State, State, list[EpochLog], str]:
        """One call of the core."""
        machine = self._machine_for(task.program, state.parameters, state.statistics)
        old = [state.parameters, *state.slots]
        new = [np.empty_like(vector) for vector in old]
        kept = [np.empty_like(vector) for vector in old]
        records = np.empty((epochs, 4))  # sums of losses, weights and right predictions; seconds
        x, classes, targets, weights = arrays
        stop, finished, moment, safe_moment = machine.train(
            state=old,
            loss=_line(task.loss),
            penalty=_line(task.penalty),
            optimizer=_line(task.optimizer),
            link=_LINKS[task.link],
            x=x,
            classes=classes,
            targets=targets,
            sample_weight=weights,
            batch_size=min(task.batch_size, len(x)),
            shuffle=task.shuffle,
            seed=task.seed,
            rates=_rates(task, state, epochs),
            epochs=epochs,
            moment=_moment(state),
            out=new,
            safe=kept,
            records=records.reshape(-1),
            check_signals=threading.current_thread() is threading.main_thread(),
            threads=self._asked,
        )
        if safe_moment[0] >= 0:
            safe = _state(state, kept, safe_moment)
        judged = task.link != "identity"
        logs = [
            EpochLog(loss / (mass or 1.0), right / (mass or 1.0) if judged else None, seconds)
            for loss, mass, right, seconds in records[:finished].tolist()
        ]
        return _state(state, new, moment), safe, logs, _STOPS[stop]

    def _machine_for(self, program: Program, parameters: Floats, statistics: Floats) -> Any:
        """The machine for this program, dtype and statistics: the last one, if nothing has changed."""
        made_for = (program, parameters.dtype, statistics)
        if len(self._made_for) != 3 or any(a is not b for a, b in zip(made_for, self._made_for, strict=True)):
            self._machine, self._made_for = _make_machine(*made_for), made_for
        return self._machine


def _asked_threads(threads: int | None) -> int:
    """What the core is told: a number, or 0 to choose; 1 where the environment says that there is one core to use."""
    if threads is not None:
        return threads
    hints = (os.environ.get(name, "") for name in ("LOKY_MAX_CPU_COUNT", "OMP_NUM_THREADS"))
    return 1 if "1" in hints else 0


def _make_machine(program: Program, dtype: Any, statistics: Floats) -> Any:
    make = _native.Machine32 if dtype == np.float32 else _native.Machine64
    leading = program.leading_scalings
    scaling = _scaling(program, statistics) if leading else ()
    return make(
        program.input_shape[0],
        program.outputs,
        program.parameter_count,
        [_layer_line(instruction) for instruction in program.instructions[leading:]],
        np.asarray(statistics, dtype=np.float64).tolist(),
        *([column.tolist() for column in scaling] if leading else ([], [], [])),
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


def _scaling(program: Program, statistics: Floats) -> tuple[Floats, Floats, Floats]:
    """The layers that scale the input, as one: y = (x − mean)·scale + offset, each (d,) in float64."""
    width = program.input_shape[0]
    mean, scale, offset = np.zeros(width), np.ones(width), np.zeros(width)
    for instruction in program.instructions[: program.leading_scalings]:
        kernel = instruction.layer.kernel()
        assert kernel is not None, f"{instruction.name} has no kernel"
        if kernel.name == "standardize":
            shift, factor = (view.of(statistics).astype(np.float64) for view in instruction.statistics)
            if instruction.index == 0:
                mean, scale = shift, factor
            else:
                scale, offset = scale * factor, (offset - shift) * factor
        else:
            by, plus = kernel.numbers
            scale, offset = scale * by, offset * by + plus
    return mean, scale, offset


def _knows(known: Any, kernel: Kernel | None) -> bool:
    return kernel is not None and bool(known(kernel.name))


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
        return np.ascontiguousarray(targets, dtype=np.int64), None
    return None, _readable(targets)


def _weights(sample_weight: Floats | None) -> Floats | None:
    return None if sample_weight is None else np.ascontiguousarray(sample_weight, dtype=np.float64)


def _rates(task: Task, state: State, epochs: int) -> Floats:
    """The learning rate of each step that may be made, or a single one."""
    if not callable(task.optimizer.learning_rate):
        return np.array([task.optimizer.rate_at(state.step)])
    steps = range(state.step, state.step + epochs * task.batches)
    return np.array([task.optimizer.rate_at(step) for step in steps], dtype=np.float64)


def _moment(state: State) -> tuple[int, int, int, float, float, float]:
    return state.epoch, state.batch, state.step, state.loss_sum, state.weight_sum, state.correct_sum


def _state(state: State, vectors: list[Floats], moment: tuple[Any, ...]) -> State:
    epoch, batch, step, loss_sum, weight_sum, correct_sum = moment
    return replace(
        state,
        parameters=vectors[0],
        slots=tuple(vectors[1:]),
        epoch=epoch,
        batch=batch,
        step=step,
        loss_sum=loss_sum,
        weight_sum=weight_sum,
        correct_sum=correct_sum,
    )
