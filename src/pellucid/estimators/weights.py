"""First weights as scikit-learn draws them, and the weights of a network as lists."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.layers import Dense, Sigmoid
from pellucid.network import Network
from pellucid.typing import Floats


def draw_as_scikit_learn(network: Network, features: int, random_state: np.random.RandomState) -> None:
    """Uniform weights and biases in ±√(6/(n_in + n_out)), or ±√(2/…) beside a sigmoid: the same numbers, in order.

    Everything that is no dense layer starts as it does elsewhere.
    """
    network.build(features)
    flat = network.parameters.astype(np.float64)
    dense = [instruction for instruction in network.program.instructions if isinstance(instruction.layer, Dense)]
    factor = 6.0
    for instruction in dense:
        factor = _factor(network, instruction.index, factor)
        weight, bias = instruction.parameters
        bound = math.sqrt(factor / sum(weight.shape))
        for view in (weight, bias):
            view.of(flat)[...] = random_state.uniform(-bound, bound, view.shape)
    network.parameters = flat


def _factor(network: Network, index: int, before: float) -> float:
    """By the activation behind the layer; the output layer has that of the layer before it."""
    for layer in network.layers[index + 1 :]:
        if isinstance(layer, Dense):
            return 6.0
        if layer.preferred_initializer is not None:
            return 2.0 if isinstance(layer, Sigmoid) else 6.0
    return before


def dense_names(network: Network, part: str) -> list[str]:
    """The names of the weights or biases of all dense layers, in order."""
    return [f"{i.path}.{part}" for i in network.program.instructions if isinstance(i.layer, Dense)]


class Weights(list[Floats]):
    """The weights (or biases) of a network's dense layers, layer by layer: read-only views.

    Whoever sets an item sets it in the network.
    """

    def __init__(self, network: Network, part: str) -> None:
        self._network, self._names = network, dense_names(network, part)
        super().__init__(network.get(name) for name in self._names)

    def __setitem__(self, index: Any, values: Any) -> None:
        self._network.assign(dict(zip(*_as_lists(self._names[index], values), strict=True)))
        super().__init__(self._network.get(name) for name in self._names)

    def __reduce__(self) -> tuple[Any, ...]:
        return (list, ([np.array(values) for values in self],))


def _as_lists(names: str | list[str], values: Any) -> tuple[list[str], list[Any]]:
    return ([names], [values]) if isinstance(names, str) else (names, list(values))


def set_weights(network: Network, weights: Sequence[Any], part: str) -> None:
    """Put a list of weights or biases into the dense layers."""
    names = dense_names(network, part)
    if len(weights) != len(names):
        raise ValueError(f"The network has {len(names)} dense layers, but {len(weights)} arrays were given.")
    network.assign(dict(zip(names, weights, strict=True)))
