"""What a unit responds to, and what an answer hangs on: derivatives with respect to the input.

Contract: functions of a network and inputs that return arrays of the shape of the inputs, in prediction, through the
layers' own `forward` and `backward`. The network is not changed. `pellucid.plots` draws them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pellucid.inspection.instrumented import walk_backward, walk_forward
from pellucid.network import Network
from pellucid.typing import Array, Floats
from pellucid.validation import check_inputs, check_integer, check_number


class Excitation(NamedTuple):
    """An input, and what it makes of a unit."""

    input: Floats
    """(*input_shape)."""
    activations: list[float]
    """The unit's value at the start and after each step of the search."""


def unit_values(network: Network, x: Any, layer: int, unit: int) -> Floats:
    """The value of one unit of a layer for each row of x (n, *input_shape): (n,)."""
    x = check_inputs(x, "x", network.input_shape)
    _check_unit(network, layer, unit)
    return _values(network, x, layer, unit)


def top_inputs(network: Network, x: Any, layer: int, unit: int, count: int = 9) -> Array:
    """The numbers of the rows of x that excite a unit most, the strongest first, (count,).

    Parameters
    ----------
    network : Network
        Built or trained.
    x : array (n, *input_shape)
        The rows to choose from.
    layer, unit : int
        The layer's place in `network.layers`, and the unit's in the layer.
    count : int
        How many; at most n are answered.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> network = pl.Network([pl.Dense(1)]).build(1)
    >>> network.set("0.weight", [[2.0]])
    >>> pl.inspection.top_inputs(network, np.array([[1.0], [3.0], [2.0]]), layer=0, unit=0, count=2)
    array([1, 2])
    """
    check_integer("count", count, minimum=1)
    return np.argsort(-unit_values(network, x, layer, unit), kind="stable")[:count]


def exciting_input(
    network: Network, x: Any, layer: int, unit: int, *, steps: int = 200, rate: float = 0.02, decay: float = 0.01
) -> Excitation:
    """Look for the input that excites a unit most, by gradient ascent within the range of the data.

    From the mean of the rows on, v ← v + rate·d·g/‖g‖∞ − decay·(v − mean) with g = ∂unit/∂v and d the range of each
    feature, kept between each feature's lowest and highest value. Codes of categories (`CategoryEmbedding`) stay at the
    most frequent one. The best input on the way is answered.

    Parameters
    ----------
    network : Network
        Built or trained.
    x : array (n, *input_shape)
        Rows that say what inputs look like.
    layer, unit : int
        The layer's place in `network.layers`, and the unit's in the layer.
    steps : int
        How many steps are made.
    rate : float
        How far a step goes, as a fraction of each feature's range, above 0.
    decay : float
        How much of the way back to the mean is gone in each step: what the unit does not care about fades, 0 … 1.

    Returns
    -------
    Excitation

    Notes
    -----
    Source: Erhan, Bengio, Courville and Vincent, "Visualizing higher-layer features of a deep network", 2009.
    """
    x = check_inputs(x, "x", network.input_shape)
    _check_unit(network, layer, unit)
    check_integer("steps", steps, minimum=1)
    check_number("rate", rate, above=0.0)
    check_number("decay", decay, minimum=0.0, maximum=1.0)
    low, high = x.min(axis=0).astype(np.float64), x.max(axis=0).astype(np.float64)  # (*input_shape)
    mean = x.mean(axis=0, dtype=np.float64)
    for column in range(
        -max(each.layer.code_columns for each in network.program.instructions), 0
    ):  # codes stay at the most frequent one
        codes, counts = np.unique(x[:, column], return_counts=True)
        mean[column] = codes[counts.argmax()]
    here, found = mean, Excitation(mean, [float(_values(network, mean[None], layer, unit)[0])])
    for _ in range(steps):
        gradient = _gradient(network, here[None], layer, np.array([unit]))[0] * (high - low)
        steepest = float(np.abs(gradient).max())
        if not steepest > 0:
            break  # a dead unit: no way leads up from here
        moved = here + rate * (high - low) * gradient / steepest - decay * (here - mean)
        here = np.clip(moved, low, high)
        value = float(_values(network, here[None], layer, unit)[0])
        best = here if value > max(found.activations) else found.input
        found = Excitation(best, [*found.activations, value])
    return found


def saliency(
    network: Network, x: Any, unit: int | None = None, layer: int | None = None, *, scaled: bool = False
) -> Floats:
    """How much a score hangs on each input: ∂score/∂x for each row, (n, *input_shape).

    Parameters
    ----------
    network : Network
        Built or trained.
    x : array (n, *input_shape)
        Inputs.
    unit : int or None
        Which score, or which unit of `layer`; None: for each row its highest.
    layer : int or None
        None: the last, whose outputs are the scores.
    scaled : bool
        Whether the derivative is taken behind the layers that only scale the inputs. A feature that hardly ever
        changes is scaled up far by `Standardize`; this way it does not seem to matter more for that.

    Notes
    -----
    Source: Simonyan, Vedaldi and Zisserman, "Deep inside convolutional networks", 2013, section 3; there the absolute
    value is shown.
    """
    x = check_inputs(x, "x", network.input_shape)
    layer = len(network.program.instructions) - 1 if layer is None else layer
    if unit is None:
        _check_layer(network, layer)
        outputs = walk_forward(network.model, x)[layer].output.reshape(len(x), -1)  # (n, units)
        units = outputs.argmax(axis=1)
    else:
        _check_unit(network, layer, unit)
        units = np.full(len(x), unit)
    return _gradient(network, x, layer, units, behind=min(network.program.leading_scalings, layer) if scaled else 0)


def _values(network: Network, x: Array, layer: int, unit: int) -> Floats:
    return walk_forward(network.model, x)[layer].output.reshape(len(x), -1)[:, unit]


def _gradient(network: Network, x: Array, layer: int, units: Array, behind: int = 0) -> Floats:
    """∂(a unit of the layer)/∂x, the unit of each row its own; or with respect to the input of a later layer."""
    visits = walk_forward(network.model, x)[: layer + 1]
    chosen = np.zeros_like(visits[-1].output).reshape(len(x), -1)  # (n, units)
    chosen[np.arange(len(x)), units] = 1
    return walk_backward(visits, chosen)[behind].input_gradient


def _check_layer(network: Network, layer: int) -> None:
    check_integer("layer", layer, minimum=0, maximum=len(network.program.instructions) - 1)


def _check_unit(network: Network, layer: int, unit: int) -> None:
    _check_layer(network, layer)
    size = int(np.prod(network.program.instructions[layer].output_shape))
    check_integer("unit", unit, minimum=0, maximum=size - 1)
