"""Programs as the compiled core runs them.

Contract: `build(program, dtype, statistics)` returns a `NativeProgram` of the core, made from records: a `Layer` for
each instruction, with its kernel, sizes, hyper-parameters, and places in the flat vectors. The layers that scale the
input become one `Scaling`, in float64, where a row comes in. A native program holds those statistics that training does
not move; `is_reusable` tells whether it still serves.
"""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any, TypeAlias

import numpy as np

import pellucid._native as _native
from pellucid.layers.dropout import Scheduled
from pellucid.layers.scaling import FrontScaling
from pellucid.layers.windows import SlidesOverPositions
from pellucid.program.compilation import Instruction, Program
from pellucid.typing import Floats

NativeProgram: TypeAlias = "_native.NativeProgram32 | _native.NativeProgram64"


def build(program: Program, dtype: Any, statistics: Floats) -> NativeProgram:
    """The core's form of a program, in a dtype, with statistics (s,)."""
    make = _native.NativeProgram32 if dtype == np.float32 else _native.NativeProgram64
    leading, scaling = _front_scaling(program, statistics)
    return make(
        inputs=program.input_shape[-1],
        positions=math.prod(program.input_shape[:-1]),
        outputs=program.outputs,
        parameter_count=program.parameter_count,
        layers=[_layer_record(instruction, leading) for instruction in program.instructions[leading:]],
        statistics=np.asarray(statistics, dtype=np.float64).tolist(),
        scaling=scaling,
    )


def _layer_record(instruction: Instruction, leading: int) -> _native.Layer:
    """One instruction. The scalings in front are no layers of the core: its buffer 0 is the output of the last one."""
    layer, kernel = instruction.layer, instruction.layer.kernel()
    assert kernel is not None, f"{instruction.name} has no kernel"
    numbers = kernel.numbers
    if isinstance(layer, SlidesOverPositions):
        numbers += layer.windows(instruction.input_shape).as_numbers()
    parameters = []
    for view, spec in zip(instruction.parameters, instruction.specs, strict=True):
        rows, columns = math.prod(view.shape[:-1]), view.shape[-1]
        parameters.append(_native.Parameter(start=view.start, rows=rows, columns=columns, penalized=spec.penalized))
    return _native.Layer(
        kernel=kernel.name,
        index=instruction.index,
        inputs=instruction.input_shape[-1],
        outputs=instruction.output_shape[-1],
        positions=math.prod(instruction.input_shape[:-1]),
        output_positions=math.prod(instruction.output_shape[:-1]),
        sources=[source - leading for source in instruction.sources],
        numbers=[float(number) for number in numbers],
        parameters=parameters,
        statistics=[view.start for view in instruction.statistics],
        scheduled=isinstance(layer, Scheduled) and layer.follows_schedules,
    )


def _front_scaling(program: Program, statistics: Floats) -> tuple[int, _native.Scaling | None]:
    """How many of the layers that scale the input run as one, in float64, and what they do together, each (d,).

    All up to one that clips, since only a linear one can be joined to what follows it. After a clip numbers are small,
    and the dtype of the network suffices for them.
    """
    width = program.input_shape[-1]
    mean, scale, offset, limit, leading = np.zeros(width), np.ones(width), np.zeros(width), 0.0, 0
    for instruction in program.instructions[: program.leading_scalings]:
        layer, views = instruction.layer, instruction.statistics
        assert isinstance(layer, FrontScaling)
        measured = {view.name: view.of(statistics).astype(np.float64) for view in views}
        m, s, o, limit = layer.as_scaling(SimpleNamespace(**measured))
        if leading == 0:
            mean, scale, offset = (np.broadcast_to(number, width) for number in (m, s, o))
        else:
            scale, offset = scale * s, (offset - m) * s + o
        leading += 1
        if limit > 0:
            break
    if leading == 0:
        return 0, None
    return leading, _native.Scaling(mean=mean.tolist(), scale=scale.tolist(), offset=offset.tolist(), limit=limit)


def is_reusable(before: tuple[Any, ...], now: tuple[Any, ...]) -> bool:
    """Whether nothing differs but statistics that training moves."""
    program, dtype, statistics = now
    if before[0] is not program or before[1] is not dtype:
        return False
    return all(
        np.array_equal(view.of(before[2]), view.of(statistics))
        for instruction in program.instructions
        for view in instruction.statistics
        if not instruction.layer.moves_statistics
    )
