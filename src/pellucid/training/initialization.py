"""How training begins: shapes, first weights, what layers measure, parameters that look at the data, the target's unit.

Contract: `prepare(network, examples, …)` makes the network ready for its first step; what it
has already it keeps. Parameters whose initializer is `from_data` (`UnitVariance`, `DataDependentBias`) change by what
their layer makes of training rows when all parameters before them are as training will begin with them. That takes only
running layers forward, so it holds for any layer, whatever it does with its weights. All of it is done or nothing: an
interrupt or an error leaves the network as it was.
"""

from __future__ import annotations

import copy

import numpy as np

from pellucid.engines.engine import Model
from pellucid.engines.reference import Pass, layer_by_layer
from pellucid.layers.dense import PreActivation
from pellucid.layers.layer import Layer, as_rows
from pellucid.losses import Loss, TargetScaling
from pellucid.losses.links import check_unit
from pellucid.network import Network, link_of
from pellucid.program.compilation import compile_program
from pellucid.streams import Purpose, Stream
from pellucid.training.examples import Examples
from pellucid.typing import Array, Floats

ROWS = 1024
"""How many rows are looked at, at most."""


def prepare(network: Network, examples: Examples, *, loss: Loss, seed: int, unit: tuple[bool, bool]) -> None:
    """Make a network ready to train on examples.

    Parameters
    ----------
    unit : (bool, bool)
        Whether the target is standardized, and whether predictions are clamped, where the network has no unit yet.
    """
    x, targets = examples.x, examples.targets
    program = network.program if network.built else compile_program(network.layers, x.shape[1:])
    link = link_of(loss, targets, program.output_shape)
    if any(unit) or network.target is not None:
        check_unit(link, str(loss), network.target)
    network.check_names(link, program)
    ready = copy.copy(network)  # what is refused or interrupted leaves nothing behind
    if not network.built:
        ready.build(x.shape[1:], seed=seed)
    if not ready.statistics_fitted:
        ready.measure_statistics(x)
    if not network.built:
        adapt_parameters(ready, x, seed)
    ready.loss, ready.link = loss, link
    if any(unit) and network.target is None:
        ready.target = TargetScaling.measured(targets, standardize=unit[0], clamp=unit[1], link=link)
    network.become(ready)


def adapt_parameters(network: Network, x: Array, seed: int) -> None:
    """Let the initializers that ask for data see what their layers make of rows of x (n, *input_shape)."""
    program = network.program
    if not any(spec.initializer and spec.initializer.from_data for i in program.instructions for spec in i.specs):
        return
    flat = network.parameters.copy()  # (p,): each layer's part changes just before the layer runs

    def adapt(at: Pass, given: Floats) -> None:
        layer, index = at.instruction.layer, at.instruction.index
        for place, (view, spec) in enumerate(zip(at.instruction.parameters, at.instruction.specs, strict=True)):
            if spec.initializer is not None and spec.initializer.from_data:
                outputs = sums_of(layer, given, at)  # (n, units)
                stream = Stream(seed, Purpose.ADAPT, index, place + 1)
                view.of(flat)[...] = spec.initializer.adapt(view.of(flat), outputs, stream)

    for _ in layer_by_layer(Model(program, flat, network.statistics), some_rows(x, seed), before=adapt):
        pass
    network.parameters = flat


def sums_of(layer: Layer, x: Floats, at: Pass) -> Floats:
    """What weights and biases alone make of x, (rows, units)."""
    if isinstance(layer, PreActivation):
        return as_rows(layer.pre_activation(x, at.parameters, at.context))
    return as_rows(layer.forward(x, at.parameters, at.context)[0])


def some_rows(x: Array, seed: int) -> Array:
    """All rows, or about `ROWS` random ones where there are more: the first may all be of one class."""
    if len(x) <= ROWS:
        return x
    return x[np.unique((Stream(seed, Purpose.ADAPT).uniform(ROWS) * len(x)).astype(np.int64))]
