"""The steps of one network in JavaScript: a line for each, and the arrays that they name."""

from __future__ import annotations

import numpy as np

from pellucid.formats.javascript.expressions import EXPRESSIONS
from pellucid.formats.steps import (
    Affine,
    Bend,
    DenseStep,
    Elementwise,
    Largest,
    Lookup,
    NormalizeRow,
    Prediction,
    Slopes,
    SoftClip,
    SoftmaxStep,
    Step,
    Waves,
)
from pellucid.typing import Array


class Program:
    """The lines of a network's scores and the arrays they name; the names of its arrays begin with the prefix."""

    def __init__(self, prediction: Prediction, prefix: str = "") -> None:
        self.prediction, self.prefix = prediction, prefix
        self.arrays: dict[str, Array] = {}
        self.lines: list[str] = []
        self._dtype = np.dtype(np.float64)
        for step in prediction.scaling:
            self._step(step)
        self._dtype = prediction.dtype
        if not prediction.scaling or prediction.dtype != np.float64:
            self.lines.append(f"z = {self.numbers}.from(z);")
        for step in prediction.steps:
            self._step(step)

    @property
    def numbers(self) -> str:
        """The array type of the network's precision."""
        return "Float64Array" if self.prediction.dtype == np.float64 else "Float32Array"

    def _array(self, name: str, values: Array) -> str:
        """An element of an array of the module, or a plain number where all are the same."""
        if (values == values[0]).all():
            return number(float(values[0]))
        return f"{self._kept(name, values)}[i]"

    def _kept(self, name: str, values: Array) -> str:
        """An array of the module."""
        full = f"{self.prefix}{name}"
        self.arrays[full] = values.astype(self._dtype)
        return full

    def _step(self, step: Step) -> None:
        if isinstance(step, DenseStep):
            weight = self._kept(f"weight{step.index}", step.weight)
            line = f"z = dense(z, {weight}, {self._kept(f'bias{step.index}', step.bias)});"
        elif isinstance(step, Largest):
            line = f"z = largestPieces(z, {step.pieces});"
        elif isinstance(step, Waves):
            numbers, count, more = step.mixture.shape
            parts = {"angle": step.angle, "phase": step.phase, "mixture": step.mixture, "bias": step.bias}
            names = ", ".join(self._kept(f"{name}{step.index}", values.ravel()) for name, values in parts.items())
            line = f"z = waves(z, {numbers}, {count}, {more}, {names});"
        elif isinstance(step, Lookup):
            table = self._kept(f"table{step.index}", step.table)
            line = f"z = lookup(z, {list(step.cardinalities)}, {table}, {step.table.shape[1]});"
        elif isinstance(step, SoftmaxStep):
            line = "z = softmax(z);"
        elif isinstance(step, NormalizeRow):
            scale = self._array(f"scale{step.index}", step.scale)
            shift = self._array(f"shift{step.index}", step.shift)
            line = f"z = standard(z, {number(step.epsilon)}).map((z, i) => z * {scale} + {shift});"
        else:
            expression = self._expression(step)
            arguments = "z, i" if "[i]" in expression else "z"
            line = f"z = z.map(({arguments}) => {expression});"
        self.lines.append(f"{line} // {step.words}")

    def _expression(self, step: Step) -> str:
        if isinstance(step, Affine):
            words = "z"
            if step.centre.any():
                words = f"({words} - {self._array(f'centre{step.index}', step.centre)})"
            if (step.scale != 1).any():
                words = f"{words} * {self._array(f'scale{step.index}', step.scale)}"
            return f"{words} + {self._array(f'shift{step.index}', step.shift)}" if step.shift.any() else words
        if isinstance(step, Slopes):
            return f"z > 0 ? z : {self._array(f'slope{step.index}', step.slope)} * z"
        if isinstance(step, Bend):
            share = self._array(f"share{step.index}", step.share)
            return f"z + {share} * (({EXPRESSIONS[type(step.layer)](step.layer)}) - z)"
        if isinstance(step, SoftClip):
            return f"z / Math.sqrt(1 + (z / {step.limit!r}) ** 2)"
        assert isinstance(step, Elementwise), step
        return EXPRESSIONS[type(step.layer)](step.layer)


def number(value: float) -> str:
    """A number of JavaScript; in brackets where it is negative, so that no two signs meet."""
    return f"({value!r})" if value < 0 else repr(value)
