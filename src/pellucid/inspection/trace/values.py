"""What a trace is: one training step with every number kept, and its ways out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pellucid.inspection.trace.symbols import Symbols
from pellucid.layers.layer import Layer
from pellucid.losses import Loss
from pellucid.optimizers import Optimizer
from pellucid.penalties import Penalty
from pellucid.typing import Array, Floats
from pellucid.validation import check_integer


@dataclass(frozen=True, eq=False)
class LayerTrace:
    """What went through one layer, with n rows and the layer's shapes d_in and d_out.

    Parameters
    ----------
    index : int
        Its place in the network.
    layer : Layer
        The layer itself, with the numbers that its schedules give for this step.
    symbols : Symbols
        What its numbers are called: `symbols.input`, `symbols.output`, `symbols.parameters["weight"]`.
    input, output : array (n, *d_in), (n, *d_out)
        What it was given and what it answered: x and z, or z and a.
    input_gradient, output_gradient : array (n, *d_in), (n, *d_out)
        ∂C/∂input and ∂C/∂output, of the mean cost C.
    derivative : array (n, *d_in) or None
        Where it works on each unit for itself: the derivative of that function, such as σ′(z).
    parameters, gradient, update, after : namespace
        By the parameter's name (`gradient.weight`): its value, ∂C/∂value with the penalty's part, what the optimizer
        added, and the new value. Without an optimizer the last two are empty.
    statistics : namespace
        What it measured on data.
    slots_before, slots_after : dict of namespaces
        What the optimizer remembers, by the slot's and the parameter's name: `slots_after["velocity"].weight`.
    """

    index: int
    layer: Layer
    symbols: Symbols
    input: Floats
    output: Floats
    input_gradient: Floats
    output_gradient: Floats
    derivative: Floats | None
    parameters: SimpleNamespace
    gradient: SimpleNamespace
    update: SimpleNamespace
    after: SimpleNamespace
    statistics: SimpleNamespace
    slots_before: dict[str, SimpleNamespace]
    slots_after: dict[str, SimpleNamespace]


@dataclass(frozen=True, eq=False)
class Trace:
    """One training step with every number in it. Print it, show it in a notebook, or save it as a page.

    Parameters
    ----------
    x : array (n, *input_shape)
        The inputs.
    targets : array (n,) or (n, outputs)
        Classes or numbers.
    layers : tuple of LayerTrace
        Each layer's numbers, in the order of the network.
    loss : Loss
        What was minimized.
    values : array (n,)
        The loss of each row.
    cost : float
        C: their (weighted) mean, plus the penalty.
    penalty : Penalty or None
        What the weights cost.
    penalty_cost : float
        The penalty's part of C.
    sample_weight : array (n,) or None
        How much each row counts.
    training : bool
        Whether dropout and batch normalization ran as in training.
    optimizer : Optimizer or None
        What made the step; None: there was none.
    rate : float
        The learning rate of the step.
    step : int
        The number of the step, from 0 on.
    cost_after : float or None
        C of the same rows with the new weights.
    features, classes : tuple of str
        The names of the numbers in a row and of the classes; () where they have none.
    unit : str
        What predictions are, where targets were scaled: "score·20 + 100"; "" where scores are in the unit of y.
    """

    x: Array
    targets: Array
    layers: tuple[LayerTrace, ...]
    loss: Loss
    values: Floats
    cost: float
    penalty: Penalty | None
    penalty_cost: float
    sample_weight: Floats | None
    training: bool
    optimizer: Optimizer | None
    rate: float
    step: int
    cost_after: float | None
    features: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    unit: str = ""

    @property
    def scores(self) -> Floats:
        """The last layer's outputs, (n, outputs)."""
        return self.layers[-1].output.reshape(len(self.x), -1)

    @property
    def score_gradient(self) -> Floats:
        """∂C/∂scores, (n, outputs)."""
        return self.layers[-1].output_gradient.reshape(len(self.x), -1)

    def text(self, *, unit: int | str | None = None, row: int = 0, digits: int = 4) -> str:
        """The step as a walk through the chain rule: each line's formula, and the numbers put in.

        Parameters
        ----------
        unit : int, "all" or None
            Which unit of each layer is worked out number by number. None: every one of a layer of at most four, of a
            larger one that whose gradient is the largest.
        row : int
            Which row is followed through the layers, from 0 on.
        digits : int
            How many decimals are shown; small numbers show three digits anyway. `layers` has them all.
        """
        from pellucid.inspection.trace.text import text

        self._check_row(row)
        if unit is not None and unit != "all":
            if isinstance(unit, str):
                raise ValueError(f"unit must be a whole number, 'all' or None, not {unit!r}.")
            widest = max(layer.output[0].size for layer in self.layers)
            check_integer("unit", unit, minimum=0, maximum=widest - 1)
        return text(self, unit, row, check_integer("digits", digits, minimum=1, maximum=16))

    def __str__(self) -> str:
        """The walk through the chain rule."""
        return self.text()

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data: dictionaries, lists, numbers and strings."""
        from pellucid.inspection.trace.data import to_dict

        return to_dict(self)

    def to_json(self, *, indent: int | None = None) -> str:
        """Everything as JSON; numbers that are not finite are the strings "NaN", "Infinity" and "-Infinity"."""
        import json

        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=indent)

    def to_html(self, *, row: int = 0) -> str:
        """A page of its own: fold out a layer, hover over a unit to see its sum written out. It loads nothing."""
        from pellucid.inspection.trace.page import page

        self._check_row(row)
        return page(self, row)

    def save_html(self, path: str | Path, *, row: int = 0) -> None:
        """Write `to_html` to a file."""
        from pellucid.storage.atomic import write_atomically

        write_atomically(Path(path).expanduser(), [self.to_html(row=row).encode()])

    def _repr_html_(self) -> str:
        """What notebooks show."""
        from pellucid.inspection.trace.page import fragment

        return fragment(self, 0)

    def class_of(self, row: int) -> str:
        """The name of a row's class; "" where its target is not one class, or the class has no name but its number."""
        target = self.targets[row].reshape(-1)
        if target.size != 1 or target[0] not in range(len(self.classes)):
            return ""
        name = self.classes[int(target[0])]
        return "" if name == str(int(target[0])) else name

    def _check_row(self, row: int) -> None:
        check_integer("row", row, minimum=0, maximum=len(self.x) - 1)
