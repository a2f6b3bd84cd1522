"""What a trace holds: one training step with every number kept."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

from pellucid.inspection.trace.symbols import Symbols
from pellucid.layers.layer import Layer
from pellucid.losses import Loss
from pellucid.optimizers import Optimizer
from pellucid.penalties import Penalty
from pellucid.typing import Array, Floats


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
class TracedStep:
    """One training step with every number in it.

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

    def class_of(self, row: int) -> str:
        """The name of a row's class; "" where its target is not one class, or the class has no name but its number."""
        target = self.targets[row].reshape(-1)
        if target.size != 1 or target[0] not in range(len(self.classes)):
            return ""
        name = self.classes[int(target[0])]
        return "" if name == str(int(target[0])) else name
