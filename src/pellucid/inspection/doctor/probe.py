"""A probe: a training at one moment, measured layer by layer on a few rows.

Contract: `take_probe` walks the rows forward and back through the layers' own functions, as a training step would, and
answers small numbers; it changes nothing. Any layer works that keeps the contract of layers; one that does not is named
in `Probe.trouble`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pellucid.engines.engine import Model, TrainingState, TrainingTask
from pellucid.engines.reference import Randomness, add_penalty_gradient, mean_loss_and_gradient
from pellucid.inspection.instrumented import LayerBackward, LayerForward, walk_backward, walk_forward
from pellucid.layers import HardTanh, ReLU, Sigmoid, Softsign, Tanh
from pellucid.layers.layer import Layer
from pellucid.typing import Array, Floats

SATURATED = {Tanh: (-1.0, 1.0), Sigmoid: (0.0, 1.0), HardTanh: (-1.0, 1.0), Softsign: (-1.0, 1.0)}
"""Activations with two ends."""

NEAR = 0.0125
"""How near to an end, as a part of the way between both, counts as at it: there σ′ and tanh′ are below a twentieth of
their largest value."""

ROWS_IN_TEN = 0.9
"""A unit is saturated that is at its ends for this many of the rows."""


MANY = 0.5
"""A layer is worth a word when half of its units do nothing: with fewer it is only narrower than it looks, and some
dead units are usual in every network of ReLUs."""


class LayerProbe(NamedTuple):
    """One layer at one moment."""

    place: int
    layer: Layer
    output_rms: float
    output_spread: float
    """The spread of a unit's outputs over the rows, beside their size: 0 where all rows give the same."""
    dead: float
    """The share of a ReLU's units that are 0 for every row; 0 for other layers."""
    saturated: float
    """The share of an activation's units that are at their ends for nine rows in ten; 0 for layers without ends."""
    gradient_rms: float
    """Of the gradient of an example's loss with respect to the layer's outputs."""
    weight_rms: float
    """0 for layers without weights."""
    update_ratio: float
    """‖Δw‖/‖w‖ of the step that comes next; 0 for layers without weights."""


@dataclass(frozen=True)
class Probe:
    """A training at one moment.

    Parameters
    ----------
    epoch, step : int
        How many were done.
    loss : float
        Of the rows, in training.
    gradient_norm : float
        Of all parameters together.
    layers : tuple of LayerProbe
        In the order of the network; empty where a layer could not be walked through.
    finite : bool
        Whether all of it is.
    trouble : str
        What a layer does against its contract; "" if none does.
    """

    epoch: int
    step: int
    loss: float
    gradient_norm: float
    layers: tuple[LayerProbe, ...]
    finite: bool = True
    trouble: str = ""

    @property
    def trained(self) -> list[LayerProbe]:
        """The layers with weights."""
        return [layer for layer in self.layers if layer.weight_rms or layer.update_ratio]


def take_probe(task: TrainingTask, state: TrainingState, rows: Array) -> Probe:
    """Measure a state on some of the task's rows."""
    x, targets = task.x[rows], task.targets[rows]
    weight = None if task.sample_weight is None else task.sample_weight[rows]
    model = Model(task.program, state.parameters, state.statistics)
    with np.errstate(all="ignore"):
        try:
            visits = walk_forward(model, x, Randomness(task.seed, state.step))
            scores = visits[-1].output.reshape(len(x), -1)  # (n, outputs)
            loss, gradient = mean_loss_and_gradient(task.loss, scores, targets, weight)
            returns = walk_backward(visits, np.asarray(gradient, dtype=scores.dtype))
        except ValueError as error:
            return Probe(state.epoch, state.step, float("nan"), float("nan"), (), False, str(error))
        flat = np.zeros_like(model.parameters)  # (p,)
        for visit, back in zip(visits, returns, strict=True):
            for view in visit.made.instruction.parameters:
                view.of(flat)[...] = back.parameter_gradients[view.name]
        if task.penalty is not None:
            add_penalty_gradient(model, task.penalty, flat)
        change = next_update(task, state, flat)
        layers = tuple(_layer(task, state, *pair, change) for pair in zip(visits, returns, strict=True))
        norm = float(np.sqrt(np.square(flat, dtype=np.float64).sum()))
    finite = bool(np.isfinite([loss, norm]).all() and np.isfinite(scores).all())
    return Probe(state.epoch, state.step, loss, norm, layers, finite)


def next_update(task: TrainingTask, state: TrainingState, gradient: Floats) -> Floats:
    """What the next step would add to the parameters (p,), for this gradient."""
    rate = task.rate_at(state)
    rates = rate if task.rate_factors is None else rate * task.rate_factors
    clipped = task.optimizer.clip(gradient)
    parameters, _ = task.optimizer.update(state.parameters, clipped, state.slots, rates, state.step)
    return parameters - state.parameters


def _layer(
    task: TrainingTask, state: TrainingState, visit: LayerForward, back: LayerBackward, change: Floats
) -> LayerProbe:
    instruction = visit.made.instruction
    layer, output = instruction.layer, visit.output.reshape(len(visit.output), -1)  # (n, d)
    weights = [view.of(state.parameters) for view in instruction.parameters]
    moves = [view.of(change) for view in instruction.parameters]
    length, moved = _length(weights), _length(moves)
    size = rms(output)
    scaling = instruction.index < task.program.leading_scalings  # of the data's own size, and of no interest here
    spread = 1.0 if scaling else float(output.std(axis=0).max())
    return LayerProbe(
        place=instruction.index,
        layer=layer,
        output_rms=size,
        output_spread=spread / size if size > 0 else 0.0,
        dead=float((output == 0).all(axis=0).mean()) if isinstance(layer, ReLU) else 0.0,
        saturated=_saturated(layer, output),
        gradient_rms=rms(back.output_gradient) * len(output),
        weight_rms=rms(weights[0]) if weights else 0.0,
        update_ratio=moved / length if length > 0 else 0.0,
    )


def _saturated(layer: Layer, output: Floats) -> float:
    """The share of units at their ends for nine rows in ten."""
    ends = (layer.minimum, layer.maximum) if isinstance(layer, HardTanh) else SATURATED.get(type(layer))
    if ends is None or not output.size:
        return 0.0
    low, high = ends
    near = NEAR * (high - low)
    at_an_end = (output < low + near) | (output > high - near)  # (n, d)
    return float((at_an_end.mean(axis=0) >= ROWS_IN_TEN).mean())


def rms(values: Array) -> float:
    """The root of the mean square."""
    flat = values.reshape(-1)
    return float(np.sqrt(float(np.dot(flat, flat)) / flat.size)) if flat.size else 0.0


def _length(arrays: list[Floats]) -> float:
    return float(np.sqrt(sum(float(np.square(array, dtype=np.float64).sum()) for array in arrays)))
