"""A network in whole numbers: int8 weights and activations, int32 sums.

Between the first and the last dense layer a number r is kept as q = round(r/step) + zero in one byte, with a step and a
zero for each layer, and every unit's weights as −127 … 127 with a step of its own. What a dense layer computes is then

    Σᵢ (qᵢ − zero)·wᵢⱼ + bⱼ      an int32, exact, in units of (step of the input)·(step of the unit's weights)

and is brought into the units of its own output by a multiplication with a whole number and a shift (`Multiplier`),
rounded half away from zero. An activation of one number is a table of 256 answers; a ReLU costs nothing, as the lowest
number of its output is its 0. The last layer answers int16. In front of the first dense layer (scaling) and behind the
last one (a softmax) is float.

The ranges are measured on given rows, each tightened where that lowers the mean squared error on them. `run` computes
here what the program in C computes, to the bit. Source of the scheme: Jacob and others, "Quantization and training of
neural networks for efficient integer-arithmetic-only inference", CVPR 2018.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from pellucid import layers
from pellucid.formats.c_source.operations import (
    HIGH,
    LOW,
    Grid,
    Multiplier,
    Operation,
    QuantizedDense,
    QuantizedLargest,
    QuantizedLines,
    QuantizedTable,
)
from pellucid.formats.steps import (
    Affine,
    Bend,
    DenseStep,
    Elementwise,
    Largest,
    NormalizeRow,
    Prediction,
    Slopes,
    SoftClip,
    SoftmaxStep,
    Step,
    Waves,
)
from pellucid.typing import Array, Floats

_LAST = 32767  # the largest number of an output
_HEADROOM = 2.0  # the outputs may be so many times larger than on the rows they were measured on
_LARGEST_SUM = 2**31 - 1
_SAMPLES = 65536  # numbers that a range is chosen by


class Quantized(NamedTuple):
    """A network in whole numbers."""

    head: tuple[Step, ...]
    """What is computed in float in front."""
    input: Grid
    operations: tuple[Operation, ...]
    tail: tuple[Step, ...]
    """What is computed in float behind: a softmax, or nothing."""

    @property
    def unit(self) -> float:
        """What 1 of an output stands for."""
        return self.operations[-1].output.step

    def inputs(self, x: Floats) -> Array:
        """Rows (n, inputs) as whole numbers (n, d)."""
        for step in self.head:
            x = step.apply(x)
        return self.input.quantize(x)

    def run(self, q: Array) -> Array:
        """Whole numbers in, whole numbers out: (n, d) -> (n, outputs)."""
        for operation in self.operations:
            q = operation.run(q)
        return q

    def scores(self, x: Floats) -> Floats:
        """The scores (n, outputs) of rows (n, inputs)."""
        scores = self.unit * self.run(self.inputs(x))  # the last zero is 0
        for step in self.tail:
            scores = step.apply(scores)
        return scores


def quantize(prediction: Prediction, x: Floats) -> Quantized:
    """The network in whole numbers, its ranges measured on rows x (n, inputs).

    Raises
    ------
    ValueError
        If there is no dense layer, or a layer between the first and the last is none of those that int8 knows: the
        message names it.
    """
    head, body, tail = _divide(prediction)
    for step in head:
        x = step.apply(x)
    grid = first = _grid(x, x.min(), x.max())
    operations: list[Operation] = []
    steps = list(body)
    while steps:
        step = steps.pop(0)
        relu = isinstance(step, DenseStep) and bool(steps) and _is_relu(steps[0])
        values = step.apply(x)
        if relu:
            values = np.maximum(values, 0)
            steps.pop(0)
        last = all(isinstance(step, Largest) for step in steps)  # which keep the grid of what comes in
        operation = _operation(step, grid, values, relu=relu, last=last, after=steps[0] if steps else None)
        operations.append(operation)
        grid, x = operation.output, values
    return Quantized(tuple(head), first, tuple(operations), tuple(tail))


def _divide(prediction: Prediction) -> tuple[Sequence[Step], Sequence[Step], Sequence[Step]]:
    """What is float in front, what becomes whole numbers, and what is float behind."""
    steps = prediction.all_steps
    begin = next((place for place, step in enumerate(steps) if isinstance(step, DenseStep)), None)
    if begin is None:
        raise ValueError("The network has no dense layer: there is nothing that int8 could make smaller.")
    end = len(steps) - isinstance(steps[-1], SoftmaxStep)
    body: list[Step] = []
    for step in steps[begin:end]:
        if isinstance(step, NormalizeRow | SoftmaxStep):
            raise ValueError(
                f"layer {step.index}, {step.words}, between two dense layers cannot be computed in int8, since it "
                f"looks at the whole row: leave int8 out, or train with BatchNormalization in its place."
            )
        if isinstance(step, Waves):
            raise ValueError(
                f"layer {step.index}, {step.words}, behind a dense layer cannot be computed in int8: leave int8 out, "
                f"or put the layer in front of all others."
            )
        if isinstance(step, Bend) and (step.share != step.share[0]).any():
            raise ValueError(
                f"layer {step.index}, {step.words}, between two dense layers has a share of each unit: int8 would need "
                f"a table of 256 answers for each. Leave int8 out, or train with the plain activation in its place."
            )
        last = body[-1] if body else None
        if isinstance(step, DenseStep) and isinstance(last, Affine):  # (x − c)·s + t in front of x W + b
            body[-1] = _taken_in(last, step)
        else:
            body.append(step)
    return steps[:begin], body, steps[end:]


def _taken_in(affine: Affine, dense: DenseStep) -> DenseStep:
    bias = dense.bias + (affine.shift - affine.centre * affine.scale) @ dense.weight
    return DenseStep(dense.index, f"{affine.words}, {dense.words}", affine.scale[:, None] * dense.weight, bias)


def _is_relu(step: Step) -> bool:
    return isinstance(step, Elementwise) and type(step.layer) is layers.ReLU


def _operation(step: Step, grid: Grid, values: Floats, *, relu: bool, last: bool, after: Step | None) -> Operation:
    """A step in whole numbers; `values` are what comes out of it (n, d)."""
    if isinstance(step, Largest):
        return QuantizedLargest(step, grid)
    follow = None if after is None or not isinstance(after, Bend | Elementwise | SoftClip) else after.apply
    output = _last_grid(values) if last else _grid(values, values.min(), values.max(), follow)
    if relu:
        output = Grid(output.step, output.zero, max(output.low, min(output.zero, output.high)), output.high)
    if isinstance(step, DenseStep):
        return _dense(step, grid, output)
    if isinstance(step, Affine | Slopes):
        return _lines(step, grid, output)
    answers = step.apply(grid.real(np.arange(LOW, HIGH + 1))[:, None])[:, 0]  # (256,)
    return QuantizedTable(step, output.quantize(answers).astype(np.int16 if last else np.int8), output)


def _dense(step: DenseStep, grid: Grid, output: Grid) -> QuantizedDense:
    largest = np.abs(step.weight).max(axis=0)  # (units,)
    steps = np.where(largest > 0, largest, 127.0) / 127
    weight = np.rint(step.weight / steps).astype(np.int64)  # (inputs, units)
    units = grid.step * steps  # what 1 of each sum stands for
    bias = np.rint(step.bias / units) - grid.zero * weight.sum(axis=0)
    reach = 128 * np.abs(weight).sum(axis=0) + np.abs(bias)
    if (reach > _LARGEST_SUM).any():
        unit = int(reach.argmax())
        raise ValueError(
            f"The sums of layer {step.index}, {step.words}, unit {unit} may leave 32 bits: its bias of "
            f"{step.bias[unit]:.3g} is too large beside its weights, or it has too many inputs. Leave int8 out."
        )
    return QuantizedDense(
        step, weight.T.astype(np.int8), bias.astype(np.int32), Multiplier.of(units / output.step), output
    )


def _lines(step: Affine | Slopes, grid: Grid, output: Grid) -> QuantizedLines:
    if isinstance(step, Slopes):
        up, down, offset = np.ones_like(step.slope), step.slope, np.zeros_like(step.slope)
    else:
        up = down = step.scale
        offset = step.shift - step.centre * step.scale
    whole = np.rint(offset / output.step) + output.zero  # (d,)
    if (np.abs(whole) > 2**30).any():
        raise ValueError(f"layer {step.index}, {step.words}, shifts too far for int8: leave int8 out.")
    factor = grid.step / output.step
    return QuantizedLines(
        step, grid.zero, Multiplier.of(up * factor), Multiplier.of(down * factor), whole.astype(np.int32), output
    )


def _last_grid(values: Floats) -> Grid:
    """For outputs: int16 around 0."""
    return Grid(max(float(np.abs(values).max()), 1e-30) * _HEADROOM / _LAST, 0, -_LAST, _LAST)


def _grid(values: Floats, low: float, high: float, follow: Callable[[Floats], Floats] | None = None) -> Grid:
    """The grid of the least mean squared error on some values; with `follow`, of what that makes of them."""
    sample = values.ravel()[:: -(-values.size // _SAMPLES)][:, None]  # (m, 1)
    truth = sample if follow is None else follow(sample)
    best, least = None, np.inf
    for part in np.linspace(1.0, 0.2, 33):
        grid = _between(float(low) * part, float(high) * part)
        kept = grid.real(grid.quantize(sample))
        error = float(np.square((kept if follow is None else follow(kept)) - truth).mean())
        if error < least:
            best, least = grid, error
    assert best is not None
    return best


def _between(low: float, high: float) -> Grid:
    """The grid that just reaches from low to high, with 0 on it."""
    low, high = min(low, 0.0), max(high, 0.0)
    step = (high - low) / (HIGH - LOW) or 1.0
    return Grid(step, round(LOW - low / step))
