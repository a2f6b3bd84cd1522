"""Programs as machines of the compiled core.

Contract: `make_machine(program, dtype, statistics)` answers a machine whose layers are lines: name, index, sizes,
hyper-parameters, places in the flat vectors. The layers that scale the input become one, in float64, where a row comes
in. A machine holds those statistics that training does not move; `needs_no_other` says whether it still serves.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import pellucid._native as _native
from pellucid.layers.dropout import Scheduled
from pellucid.program.compilation import Instruction, Program
from pellucid.typing import Floats

_RUNNING = "batch_normalization"  # the layer whose statistics training moves


def make_machine(program: Program, dtype: Any, statistics: Floats) -> Any:
    """The machine for a program, in a dtype, with statistics (s,)."""
    make = _native.Machine32 if dtype == np.float32 else _native.Machine64
    leading = _leading(program)
    layers = program.instructions[leading:]
    columns = _scaling(program, leading, statistics) if leading else (np.empty(0),) * 3
    mean, scale, offset = (column.tolist() for column in columns)
    moving = (isinstance(each.layer, Scheduled) and each.layer.follows_schedules for each in layers)
    scheduled = [place for place, moves in enumerate(moving) if moves]  # whose numbers a task has a table of
    last = program.instructions[leading - 1].layer.kernel() if leading else None
    return make(
        program.input_shape[-1],
        math.prod(program.input_shape[:-1]),
        program.outputs,
        program.parameter_count,
        [_layer_line(instruction, leading) for instruction in layers],
        np.asarray(statistics, dtype=np.float64).tolist(),
        mean,
        scale,
        offset,
        last.numbers[0] if last is not None and last.name == "robust_scale" else 0.0,
        scheduled,
    )


def _layer_line(instruction: Instruction, leading: int) -> tuple[Any, ...]:
    """(name, index, inputs, outputs, numbers, parameters, statistics, (positions, of the output, buffers it reads)).

    The scalings in front are no layers of the machine: its buffer 0 is the output of the last one.
    """
    kernel = instruction.layer.kernel()
    assert kernel is not None, f"{instruction.name} has no kernel"
    parameters = []
    for view, spec in zip(instruction.parameters, instruction.specs, strict=True):
        rows, columns = view.shape if len(view.shape) == 2 else (1, view.shape[0])
        parameters.append((view.start, rows, columns, spec.penalized))
    statistics = [view.start for view in instruction.statistics]
    widths = (instruction.input_shape[-1], instruction.output_shape[-1])
    positions = (math.prod(instruction.input_shape[:-1]), math.prod(instruction.output_shape[:-1]))
    shapes = (*positions, [source - leading for source in instruction.sources])
    return (kernel.name, instruction.index, *widths, [float(n) for n in kernel.numbers], parameters, statistics, shapes)


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
    width = program.input_shape[-1]
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


def needs_no_other(before: tuple[Any, ...], now: tuple[Any, ...]) -> bool:
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


def moves_statistics(program: Program) -> bool:
    """Whether training moves statistics of the program."""
    kernels = (instruction.layer.kernel() for instruction in program.instructions if instruction.statistics)
    return any(kernel is not None and kernel.name == _RUNNING for kernel in kernels)
