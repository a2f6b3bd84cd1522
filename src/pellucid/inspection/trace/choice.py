"""What the lines of a trace are made with: the line itself, the choice of what is shown, templates with numbers."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from pellucid.inspection.trace.numbers import MINUS, number, within
from pellucid.inspection.trace.symbols import without_missing
from pellucid.inspection.trace.values import LayerTrace, TracedStep
from pellucid.typing import Array

FEW = 4  # a layer of at most this many units is worked out in full


class Line(NamedTuple):
    """One quantity of the step."""

    left: str
    """What it is: "∂C/∂z₂"."""
    formula: str
    """What it is computed by: "∂C/∂a₂·σ′(z₂)"; "" where nothing can be said."""
    result: Array
    """Its numbers."""
    worked: list[tuple[str, str]]
    """(place, sum) of single numbers: ("∂C/∂z₂[1]", "−0.7056·0.2077 = −0.1466")."""
    where: str = ""
    """What the formula's letters mean: "σ′(z₂) = a₂(1 − a₂)"."""


class Choice(NamedTuple):
    """What is shown: which row, which units, how many decimals."""

    trace: TracedStep
    row: int
    unit: int | str | None
    digits: int

    def units(self, layer: LayerTrace, of_input: bool = False) -> list[int]:
        """The units of a layer that are worked out."""
        gradient = (layer.input_gradient if of_input else layer.output_gradient)[self.row].reshape(-1)
        size = gradient.size
        if isinstance(self.unit, int):
            return [self.unit] if self.unit < size else []
        if self.unit == "all" or size <= FEW:
            return list(range(size))
        return [int(np.argmax(np.abs(gradient)))]

    def number(self, value: float) -> str:
        """A number in words."""
        return number(value, self.digits)

    def cost(self, value: float) -> str:
        """A cost, with two digits more: what a step changes in it is small."""
        return number(value, self.digits + 2)

    def within(self, value: float) -> str:
        """A number inside a formula."""
        return within(value, self.digits)


def place(values: Array, unit: int) -> str:
    """Which number of an example is meant: "" where there is one only, else [3] or [3, 1]."""
    if values.size == 1:
        return ""
    return f"[{', '.join(str(int(index)) for index in np.unravel_index(unit, values.shape))}]"


def layer_symbols(layer: LayerTrace) -> dict[str, str]:
    """What stands for what in the templates of a layer."""
    symbols = layer.symbols
    names = {"x": symbols.input, "y": symbols.output, "g": f"∂C/∂{symbols.output}", "factor": "m"}
    names.update(fields_of(layer.layer))
    names.update({name: name for name in vars(layer.statistics)})
    return {**names, **symbols.parameters}


def fields_of(part: Any) -> dict[str, str]:
    """The numbers and names among a part's fields, for its templates."""
    values = {field.name: getattr(part, field.name) for field in dataclasses.fields(part)}
    return {
        name: value if isinstance(value, str) else number(value)
        for name, value in values.items()
        if isinstance(value, str | int | float) and not isinstance(value, bool)
    }


def put_in(template: str, numbers: Mapping[str, float], digits: int) -> str:
    """A template with numbers; negative ones in brackets unless they begin it or stand in brackets already."""
    template = without_missing(template, {name for name, value in numbers.items() if value != 0})

    def replace(found: re.Match[str]) -> str:
        text = number(numbers[found[1]], digits)
        before, after = template[: found.start()][-1:], template[found.end() :][:1]
        bare = before in ("", "(", "|") and after not in ("²", "(")
        return text if bare or not text.startswith(MINUS) else f"({text})"

    return re.sub(r"{(\w+)}", replace, template)
