"""First parameters that look at the data: what `UnitVariance` and `ThroughData` ask for, layer after layer.

Contract: `adapt_parameters(network, x, seed)` changes the parameters whose initializer is `from_data`, each by what its
layer makes of training rows when all parameters before it are as training will begin with them. It only runs layers
forward, so it holds for any layer, whatever it does with its weights.
"""

from __future__ import annotations

import numpy as np

from pellucid.engines.base import Model
from pellucid.engines.reference import Pass, layer_by_layer
from pellucid.network import Network
from pellucid.streams import Purpose, Stream
from pellucid.typing import Array, Floats

ROWS = 1024
"""How many rows are looked at, at most."""


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
                outputs = layer.sums(given, at.parameters, at.context)  # (n, units)
                stream = Stream(seed, Purpose.ADAPT, index, place + 1)
                view.of(flat)[...] = spec.initializer.adapt(view.of(flat), outputs, stream)

    for _ in layer_by_layer(Model(program, flat, network.statistics), some_rows(x, seed), before=adapt):
        pass
    network.parameters = flat


def some_rows(x: Array, seed: int) -> Array:
    """All rows, or about `ROWS` random ones where there are more: the first may all be of one class."""
    if len(x) <= ROWS:
        return x
    return x[np.unique((Stream(seed, Purpose.ADAPT).uniform(ROWS) * len(x)).astype(np.int64))]
