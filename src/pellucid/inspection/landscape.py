"""The loss around a network's parameters, in a plane; and the path that training took, seen in its own plane.

Contract: functions that return values; the network is not changed. `pellucid.plots` draws them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pellucid.engines.engine import Model
from pellucid.engines.reference import mean_loss, penalty_value
from pellucid.inspection.instrumented import check_examples
from pellucid.losses import Loss
from pellucid.network import Network
from pellucid.penalties import Penalty
from pellucid.streams import Purpose, Stream
from pellucid.typing import Floats
from pellucid.validation import check_array, check_integer, check_number, check_seed

_MOST_ROWS = 2048


class LossSurface(NamedTuple):
    """The loss in a plane through a point of the parameters' space."""

    across: Floats
    """Steps along the first direction, (k,)."""
    up: Floats
    """Steps along the second direction, (m,)."""
    losses: Floats
    """The loss at center + across·first + up·second, (m, k)."""
    directions: Floats
    """The two directions, (2, p)."""
    center: Floats
    """The parameters at (0, 0), (p,)."""


class TrainingPath(NamedTuple):
    """The path of training in the plane of its two widest directions."""

    points: Floats
    """Where each snapshot lies, (snapshots, 2); the last one lies at (0, 0)."""
    directions: Floats
    """The two directions, orthonormal, (2, p)."""
    explained: Floats
    """Which part of the path's spread around its end lies along each direction, (2,)."""


def random_directions(network: Network, seed: int = 0) -> Floats:
    """Two random directions (2, p) in which each unit's weights move as far as they are long.

    Normal numbers; the weights into each unit are scaled to the length of the network's own, so that networks of
    different scale look alike. Biases and norms stay where they are.

    Notes
    -----
    Source: Li, Xu, Taylor, Studer and Goldstein, "Visualizing the loss landscape of neural nets", NeurIPS 2018,
    section 4 (filter normalization).
    """
    parameters, directions = network.parameters.astype(np.float64), np.zeros((2, network.parameters.size))
    for number, view in enumerate(network.program.weights):
        weight = view.of(parameters)
        own = np.sqrt(np.square(weight).sum(axis=0, keepdims=True))  # (1, units): each unit's incoming weights
        for direction in range(2):
            drawn = Stream(check_seed(seed), Purpose.SAMPLE, number, direction).normal(weight.shape)
            size = np.sqrt(np.square(drawn).sum(axis=0, keepdims=True))
            view.of(directions[direction])[...] = drawn * own / size
    return directions


def loss_surface(
    network: Network,
    x: Any,
    y: Any,
    *,
    loss: Loss | str | None = None,
    penalty: Penalty | None = None,
    directions: Any = None,
    across: tuple[float, float] = (-1.0, 1.0),
    up: tuple[float, float] = (-1.0, 1.0),
    points: int = 25,
    center: Any = None,
    seed: int = 0,
) -> LossSurface:
    """Compute the loss in a plane around a network's parameters: points² passes forward over the rows.

    Parameters
    ----------
    network : Network
        Trained.
    x, y : array
        Rows and targets; of more than 2,048, as many spread evenly are used.
    loss : Loss, str or None
        None: the one it was trained with.
    penalty : Penalty or None
        Added to the loss.
    directions : array (2, p) or None
        None: two random ones, see `random_directions`.
    across, up : (float, float)
        From where to where along each direction.
    points : int
        How many points along each, at least 2.
    center : array (p,) or None
        The parameters in the middle; None: the network's.
    seed : int
        Where random directions start.

    Returns
    -------
    LossSurface

    Examples
    --------
    >>> import pellucid as pl
    >>> x, y = pl.datasets.two_gaussians(20, seed=0)
    >>> network = pl.Network([pl.Dense(2)])
    >>> _ = pl.Trainer(network, loss=pl.SoftmaxCrossEntropy(), optimizer=pl.Adam(0.1)).fit(x, y, epochs=50)
    >>> surface = pl.inspection.loss_surface(network, x, y, points=5)
    >>> surface.losses.shape, round(abs(float(surface.losses[2, 2]) - network.evaluate(x, y)["loss"]), 6)
    ((5, 5), 0.0)
    """
    check_integer("points", points, minimum=2)
    examples = check_examples(network, loss, x, y)
    chosen = slice(None)
    if len(examples.x) > _MOST_ROWS:
        chosen = np.linspace(0, len(examples.x) - 1, _MOST_ROWS).round().astype(int)
    rows, targets = examples.x[chosen], examples.targets[chosen]
    size = network.parameters.size
    middle = _vectors(network.parameters if center is None else center, "center", (size,))
    plane = _vectors(random_directions(network, seed) if directions is None else directions, "directions", (2, size))
    steps = [np.linspace(*_ends(name, ends), points) for name, ends in (("across", across), ("up", up))]
    engine = network.engines.choose(network.program)[0]
    losses = np.empty((points, points))
    with np.errstate(all="ignore"):  # far from the minimum a loss may overflow
        for row, upward in enumerate(steps[1]):
            for column, sideward in enumerate(steps[0]):
                moved = (middle + sideward * plane[0] + upward * plane[1]).astype(network.parameters.dtype)
                model = Model(network.program, moved, network.statistics)
                value = mean_loss(examples.loss, engine.scores(model, rows), targets, None)
                losses[row, column] = value + penalty_value(model, penalty)
    return LossSurface(steps[0], steps[1], losses, plane, middle)


def training_path(vectors: Sequence[Any]) -> TrainingPath:
    """Find the plane in which a path of parameters is widest, and where its points lie in it.

    The principal components of the differences to the last point.

    Parameters
    ----------
    vectors : sequence of arrays (p,)
        The parameters at some moments, such as `[snapshot.vector for snapshot in recorder.snapshots]`; at least 3.

    Returns
    -------
    TrainingPath
    """
    if len(vectors) < 3:
        raise ValueError(f"A path needs at least 3 points, not {len(vectors)}: record more often, or train longer.")
    path = np.stack([check_array(vector, "vectors").astype(np.float64) for vector in vectors])  # (k, p)
    moved = path - path[-1]
    if path.shape[1] < 2:
        raise ValueError("A path lies in a plane only where there are at least 2 parameters.")
    small = moved @ moved.T  # (k, k): fewer snapshots than parameters
    spread, sides = np.linalg.eigh(small)
    widest = np.argsort(-spread)[:2]
    directions = (sides[:, widest].T @ moved) / np.sqrt(np.maximum(spread[widest], 1e-300))[:, None]  # (2, p)
    total = float(np.trace(small))
    explained = np.maximum(spread[widest], 0.0) / total if total > 0 else np.zeros(2)
    return TrainingPath(moved @ directions.T, directions, explained)


def _vectors(value: Any, name: str, shape: tuple[int, ...]) -> Floats:
    array = check_array(value, name).astype(np.float64)
    if array.shape != shape:
        raise ValueError(f"{name} must have the shape {shape}, not {array.shape}.")
    return array


def _ends(name: str, ends: tuple[float, float]) -> tuple[float, float]:
    low, high = ends
    return check_number(name, low), check_number(name, high, above=float(low))
