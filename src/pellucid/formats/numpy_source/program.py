"""The steps of one network in NumPy: a line for each, and the arrays that they name."""

from __future__ import annotations

import numpy as np

from pellucid.formats.numpy_source.expressions import FORMULAS
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
    """The lines of a network's scores, the arrays they name, and the functions they call; the names of its arrays begin
    with the prefix.
    """

    def __init__(self, prediction: Prediction, prefix: str = "") -> None:
        self.prediction, self.prefix = prediction, prefix
        self.arrays: dict[str, Array] = {}
        self.functions: set[str] = set()
        self.lines: list[str] = []
        single = np.dtype(np.float64 if prediction.scaling else prediction.dtype)
        self._dtype, self._width = single, prediction.inputs
        for step in prediction.scaling:
            self._step(step)
        if prediction.scaling and prediction.dtype != np.float64:
            self.lines.append(f"z = z.astype(np.{prediction.dtype.name})")
        self._dtype = prediction.dtype
        for step in prediction.steps:
            self._step(step)
        self.start = single.name

    def _array(self, name: str, values: Array) -> str:
        """An array of the file, or a plain number where all of its numbers are the same."""
        if values.ndim == 1 and (values == values[0]).all():
            return repr(float(values[0]))
        return self._kept(name, values)

    def _kept(self, name: str, values: Array) -> str:
        """An array of the file."""
        full = f"{self.prefix}{name}"
        self.arrays[full] = values.astype(self._dtype)
        return full

    def _step(self, step: Step) -> None:
        width, after = self._width, step.width(self._width)
        self._width = after
        if isinstance(step, DenseStep):
            weight = self._kept(f"weight_{step.index}", step.weight)
            bias = f" + {self._array(f'bias_{step.index}', step.bias)}" if step.bias.any() else ""
            self._line(f"z @ {weight}{bias}", f"(n, {width}) @ ({width}, {after}) -> (n, {after})", step)
        elif isinstance(step, Affine):
            self._line(self._affine(step), "", step)
        elif isinstance(step, Largest):
            self._line(f"z.reshape(len(z), {after}, {step.pieces}).max(axis=2)", "the largest piece", step)
        elif isinstance(step, Slopes):
            self._line(f"np.where(z > 0, z, {self._array(f'slope_{step.index}', step.slope)} * z)", "", step)
        elif isinstance(step, Bend):
            formula = FORMULAS[type(step.layer)](step.layer)
            self.functions.update(formula.functions)
            self._line(f"z + {self._array(f'share_{step.index}', step.share)} * ({formula.text} - z)", "", step)
        elif isinstance(step, Waves):
            self.functions.add("waves")
            parts = {"angle": step.angle, "phase": step.phase, "mixture": step.mixture, "bias": step.bias}
            names = ", ".join(self._kept(f"{name}_{step.index}", values) for name, values in parts.items())
            self._line(f"waves(z, {names})", f"(n, {width}) -> (n, {after})", step)
        elif isinstance(step, Lookup):
            self.functions.add("lookup")
            table = self._kept(f"table_{step.index}", step.table)
            self._line(f"lookup(z, {table}, {step.cardinalities!r})", f"(n, {width}) -> (n, {after})", step)
        elif isinstance(step, SoftClip):
            self._line(f"z / np.sqrt(1 + np.square(z / {step.limit!r}))", "", step)
        elif isinstance(step, SoftmaxStep):
            self.functions.add("softmax")
            self._line("softmax(z)", "", step)
        elif isinstance(step, NormalizeRow):
            scale = self._array(f"scale_{step.index}", step.scale)
            shift = self._array(f"shift_{step.index}", step.shift)
            self.lines.append("z = z - z.mean(axis=1, keepdims=True)")
            deviation = f"np.sqrt(np.square(z).mean(axis=1, keepdims=True) + {step.epsilon!r})"
            self._line(f"{scale} * z / {deviation} + {shift}", "", step)
        else:
            assert isinstance(step, Elementwise), step
            formula = FORMULAS[type(step.layer)](step.layer)
            self.functions.update(formula.functions)
            self._line(formula.text, "", step)

    def _affine(self, step: Affine) -> str:
        """(z − centre)·scale + shift, without what changes nothing."""
        words = "z"
        if step.centre.any():
            words = f"({words} - {self._array(f'centre_{step.index}', step.centre)})"
        if (step.scale != 1).any():
            words = f"{words} * {self._array(f'scale_{step.index}', step.scale)}"
        return f"{words} + {self._array(f'shift_{step.index}', step.shift)}" if step.shift.any() else words

    def _line(self, expression: str, shapes: str, step: Step) -> None:
        self.lines.append(f"z = {expression}  # {step.words}{': ' if shapes else ''}{shapes}")
