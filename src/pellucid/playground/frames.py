"""What a frame holds: the network at one moment, seen as maps, numbers and histograms.

Contract: functions of a network, its recipe and its data; nothing here changes them. Maps have their first row at the
top.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pellucid.inspection.instrumented import check_examples, walk_backward, walk_forward
from pellucid.network import Network
from pellucid.playground.data import PlaneData
from pellucid.playground.network_recipe import NetworkRecipe
from pellucid.typing import Array, Floats

_BINS = 30
_HISTOGRAM_ROWS = 256
_WORK = 2e7  # products of a large map, at most: larger networks get smaller maps


@dataclass(frozen=True, eq=False)
class View:
    """What is looked at."""

    network: Network
    recipe: NetworkRecipe
    data: PlaneData
    _grids: dict[int, Floats] = field(default_factory=dict)

    def grid(self, size: int) -> Floats:
        """The network's inputs at the points of a map, (size·size, inputs): the same for every frame."""
        if size not in self._grids:
            self._grids[size] = self.recipe.inputs(grid(self.data, size))
        return self._grids[size]

    def shows(self, *parts: object) -> bool:
        """Whether it looks at these very parts: network, recipe and data."""
        return all(mine is each for mine, each in zip((self.network, self.recipe, self.data), parts, strict=True))


def grid(data: PlaneData, size: int) -> Floats:
    """The points of a map, (size·size, columns): row by row from the top; other columns at their mean."""
    low_1, high_1, low_2, high_2 = data.domain
    step_1, step_2 = (high_1 - low_1) / size, (high_2 - low_2) / size
    x1 = low_1 + step_1 * (np.arange(size) + 0.5)  # the middle of each cell
    x2 = high_2 - step_2 * (np.arange(size) + 0.5)
    points = np.tile(data.middle(), (size * size, 1))  # (size·size, columns)
    points[:, 0], points[:, 1] = np.tile(x1, size), np.repeat(x2, size)
    return points


def large_size(network: Network, wanted: int) -> int:
    """How fine a large map can be without taking longer than a frame should."""
    affordable = int(np.sqrt(_WORK / max(1, network.program.parameter_count)))
    return max(10, min(wanted, affordable))


def parameters(view: View) -> dict[str, Array]:
    """Weights and biases by column: layer 0 is the one behind the inputs."""
    arrays = {}
    for place, index in enumerate(view.recipe.dense):
        arrays[f"weight.{place}"] = view.network.get(f"{index}.weight").astype(np.float32)
        arrays[f"bias.{place}"] = view.network.get(f"{index}.bias").astype(np.float32)
    return arrays


def unit_values(view: View, size: int) -> list[Floats]:
    """What every unit says at each point of a map: inputs, each hidden layer, outputs; (size·size, units) each."""
    x = view.grid(size)
    with np.errstate(all="ignore"):
        visits = walk_forward(view.network.model, x)
        shown = view.recipe.decision(visits[-1].output.astype(np.float64))
    outputs = shown if shown.shape[1] == view.network.outputs else visits[-1].output
    first = visits[0].output if view.data.measured else x  # a CSV's columns as they meet the first weights
    return [first, *(visits[index].output for index in view.recipe.hidden), outputs]


def unit_maps(view: View, size: int) -> Array:
    """Every unit's small map, (units, size, size), int8: the value times 127, clamped to [−1, 1]."""
    values = np.concatenate(unit_values(view, size), axis=1)  # (size·size, units)
    maps = np.clip(np.nan_to_num(values, nan=0.0), -1, 1).T.reshape(-1, size, size)
    return np.rint(127 * maps).astype(np.int8)


def unit_map(view: View, layer: int, unit: int, size: int) -> Floats | None:
    """A large map of one unit (size, size); None if there is no such unit."""
    values = unit_values(view, size)
    if layer >= len(values) or unit >= values[layer].shape[1]:
        return None
    return values[layer][:, unit].reshape(size, size).astype(np.float32)


def output_map(view: View, size: int) -> Floats:
    """What the network says over the plane, (k, size, size); see `Recipe.decision`."""
    with np.errstate(all="ignore"):
        scores = view.network.scores(view.grid(size)).astype(np.float64)
        return view.recipe.decision(scores).T.reshape(-1, size, size).astype(np.float32)


def measure(view: View, x: Floats, y: Array) -> dict[str, Any] | None:
    """Loss, and accuracy with the confusion table or R²; None without rows."""
    if not len(x):
        return None
    recipe, network = view.recipe, view.network
    inputs, targets = recipe.inputs(x), recipe.encode(y)
    loss = network.evaluate(inputs, targets, loss=recipe.loss)["loss"]
    scores = network.scores(inputs)
    if not recipe.classes:
        rest = float(np.sum((recipe.decision(scores)[:, 0] - y) ** 2, dtype=np.float64))
        whole = float(np.sum((y - y.mean()) ** 2))
        return {"loss": loss, "metric": 1 - rest / whole if whole > 0 else None, "confusion": None}
    predicted = recipe.classify(scores)
    confusion = np.zeros((recipe.classes, recipe.classes), dtype=np.int64)  # (true, predicted)
    np.add.at(confusion, (y, predicted), 1)
    return {"loss": loss, "metric": float(np.trace(confusion) / len(y)), "confusion": confusion.tolist()}


def histograms(view: View) -> list[dict[str, Any]] | None:
    """How the outputs of each layer, and the gradients with respect to them, are spread over some training rows."""
    rows = slice(0, _HISTOGRAM_ROWS)
    x, y = view.data.x_train[rows], view.data.y_train[rows]
    if not len(x):
        return None
    recipe = view.recipe
    with np.errstate(all="ignore"):
        examples = check_examples(view.network, recipe.loss, recipe.inputs(x), recipe.encode(y), None)
        visits = walk_forward(view.network.model, examples.x)
        scores = visits[-1].output.reshape(len(x), -1)
        returns = walk_backward(visits, recipe.loss.gradient(scores, examples.targets))
    table = []
    for column, index in enumerate([*recipe.hidden, len(visits) - 1], start=1):
        values, slopes = visits[index].output, returns[index].output_gradient
        table.append({"layer": column, "activation": _histogram(values), "gradient": _histogram(slopes)})
    return table


def _histogram(values: Array) -> dict[str, Any]:
    flat = np.asarray(values, dtype=np.float64).reshape(-1)
    flat = flat[np.isfinite(flat)]
    if not len(flat):
        return {"counts": [0] * _BINS, "low": 0, "high": 1, "mean": None, "deviation": None}
    low, high = float(flat.min()), float(flat.max())
    if high - low <= 1e-12 * max(1.0, abs(high)):
        low, high = low - 0.5, high + 0.5
    counts = np.histogram(flat, _BINS, (low, high))[0]
    return {"counts": counts.tolist(), "low": low, "high": high, "mean": flat.mean(), "deviation": flat.std()}
