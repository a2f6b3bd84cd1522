"""The points that a network is trained on: drawn by formula, read from a CSV, or clicked.

Contract: `PlaneData` is a value: rows to train and to test, what their columns mean, and where the map lies. Each
change answers a new one or raises `DataError` with a sentence for people.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from pellucid.playground import plane
from pellucid.playground.catalogue import OWN, OWN_REGRESSION, REGRESSION_SETS, TENSORFLOW_SETS, TOY_SETS
from pellucid.playground.pasted_table import DataError, PastedTable
from pellucid.playground.state import PlaygroundState
from pellucid.streams import Purpose, Stream
from pellucid.typing import Array, Floats

MOST_POINTS = 20_000
MOST_CLASSES = 10
_FEW = 10  # points of a class, below which all are needed for training
_DOMAIN = (-6.0, 6.0, -6.0, 6.0)
_THUMBNAIL_POINTS = 200


@dataclass(frozen=True, eq=False)
class PlaneData:
    """Rows of numbers, two columns of which are the plane's coordinates.

    Parameters
    ----------
    name : str
        Of the data set, or of the file.
    problem : str
        "classification" or "regression".
    x_train, x_test : array (n, columns), (m, columns)
        The coordinates x₁ and x₂, then the other columns that are inputs.
    y_train, y_test : array (n,), (m,)
        Classes (int64) or numbers (float64).
    classes : tuple of str
        The classes' names; () for regression.
    axes : tuple of str
        The names of all columns.
    domain : tuple of float
        Where the map lies: x₁ from, to, x₂ from, to.
    own : bool
        Whether they are the user's. Drawn ones are drawn again from the state.
    measured : bool
        Whether the columns have units of their own, so that the network begins with `Standardize`.
    table : PastedTable or None
        The CSV it was read from.
    notes : tuple of str
        What people should know.
    """

    name: str
    problem: str
    x_train: Floats
    y_train: Array
    x_test: Floats
    y_test: Array
    classes: tuple[str, ...]
    axes: tuple[str, ...] = ("x1", "x2")
    domain: tuple[float, float, float, float] = _DOMAIN
    own: bool = False
    measured: bool = False
    table: PastedTable | None = None
    target: str = ""
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.x_train) + len(self.x_test)

    @property
    def target_range(self) -> tuple[float, float]:
        """The lowest and the highest target, (−1, 1) where there are none or for classes."""
        y = np.concatenate([self.y_train, self.y_test])
        if self.problem == "classification" or not len(y):
            return (-1.0, 1.0)
        return (float(y.min()), float(y.max()))

    def divided(self, percent: float, seed: int) -> PlaneData:
        """The same rows in a new order, so much of them to train."""
        x, y = np.concatenate([self.x_train, self.x_test]), np.concatenate([self.y_train, self.y_test])
        order = Stream(seed, Purpose.SPLIT).permutation(len(x)) if len(x) else np.arange(0)
        x_train, y_train, x_test, y_test = plane.divide(x[order], y[order], percent)
        return replace(self, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)

    def with_points(self, points: list[list[float]], percent: float) -> PlaneData:
        """Some more points (x₁, x₂, target); columns that are not in the plane get their mean.

        The first ten of a class are to train, later ones are divided as the others were.
        """
        if self.rows + len(points) > MOST_POINTS:
            raise DataError(f"There can be {MOST_POINTS:,} points at most, and there are {self.rows:,}.")
        rest = self.middle()[2:]
        parts: tuple[list[Any], list[Any]] = ([], [])
        counts = Counter(self.y_train.tolist()), Counter(self.y_test.tolist())
        for x1, x2, target in points:
            label = self._target(target)
            kind = label if self.problem == "classification" else None
            train, test = (count[kind] if kind is not None else count.total() for count in counts)
            to_test = train >= _FEW and train >= (train + test + 1) * percent / 100
            parts[to_test].append(([x1, x2, *rest], label))
            counts[to_test][label] += 1
        arrays = []
        for (x, y), new in zip(((self.x_train, self.y_train), (self.x_test, self.y_test)), parts, strict=True):
            if new:
                x = np.concatenate([x, np.array([row for row, _ in new], dtype=np.float64)])
                y = np.concatenate([y, np.array([label for _, label in new], dtype=y.dtype)])
            arrays += [x, y]
        names = self.classes
        if names and points:
            highest = max(int(point[2]) for point in points)
            names = (*names, *(str(number) for number in range(len(names), highest + 1)))
        return self._as_own(*arrays, classes=names)

    def _target(self, value: float) -> float:
        if self.problem == "regression":
            return value
        if value != int(value) or not 0 <= value < MOST_CLASSES:
            raise DataError(f"A point's class must be a whole number from 0 to {MOST_CLASSES - 1}, not {value:g}.")
        return int(value)

    def without_points(self, x1: float, x2: float, radius: float) -> PlaneData:
        """Without the points nearer than the radius."""
        kept = []
        for x, y in ((self.x_train, self.y_train), (self.x_test, self.y_test)):
            far = np.hypot(x[:, 0] - x1, x[:, 1] - x2) > radius
            kept += [x[far], y[far]]
        return self._as_own(*kept)

    def cleared(self) -> PlaneData:
        """Without any points; the classes stay."""
        return self._as_own(self.x_train[:0], self.y_train[:0], self.x_test[:0], self.y_test[:0])

    def _as_own(self, x_train: Array, y_train: Array, x_test: Array, y_test: Array, **changes: Any) -> PlaneData:
        name = self.name if self.own else f"{self.name}, edited"
        changes |= {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
        return replace(self, own=True, name=name, **changes)

    def middle(self) -> Floats:
        """Each column's mean over the training rows, (columns,): where the map cuts through the other columns."""
        return self.x_train.mean(axis=0) if len(self.x_train) else np.zeros(len(self.axes))

    def chosen_in(self, state: PlaygroundState) -> PlaygroundState:
        """The state with these own data chosen."""
        if self.problem == "classification":
            return replace(state, problem=self.problem, dataset=OWN)
        return replace(state, problem=self.problem, regression_dataset=OWN_REGRESSION)


def drawn(state: PlaygroundState) -> PlaneData:
    """The data set that the state names."""
    name = state.chosen_dataset
    if name in (OWN, OWN_REGRESSION):
        raise DataError("The link is for own data, which are not in it: drop the file again, or add points.")
    x, y = plane.draw(name, noise=state.noise / 100, seed=state.seed)
    classes = () if state.problem == "regression" else tuple(str(number) for number in range(int(y.max()) + 1))
    return PlaneData(name, state.problem, *plane.divide(x, y, state.training_percent), classes)


def from_table(table: PastedTable, state: PlaygroundState, **choice: Any) -> PlaneData:
    """What a CSV holds, with the columns chosen or guessed."""
    read = table.choose(**choice)
    y, notes = read.y, [*table.notes, *read.notes]
    if not read.classes:  # prices in thousands would need a rate of their own: every target is measured in deviations
        mean, deviation = float(y.mean()), float(y.std()) or 1.0
        y = (y - mean) / deviation
        notes.append(
            f"The target is shown as ({read.target} − {mean:.4g})/{deviation:.4g}: in deviations from its mean."
        )
    low, high = read.x[:, :2].min(axis=0), read.x[:, :2].max(axis=0)
    room = np.where(high > low, 0.1 * (high - low), 0.5)
    low, high = low - room, high + room
    data = PlaneData(
        name=table.name,
        problem="classification" if read.classes else "regression",
        x_train=read.x,
        y_train=y,
        x_test=read.x[:0],
        y_test=y[:0],
        classes=read.classes,
        axes=read.names,
        domain=(float(low[0]), float(high[0]), float(low[1]), float(high[1])),
        own=True,
        measured=True,
        table=table,
        target=read.target,
        notes=tuple(notes),
    )
    return data.divided(state.training_percent, state.seed)


@lru_cache(maxsize=1)
def thumbnails() -> tuple[dict[str, Any], ...]:
    """Every data set of the catalogue with 200 points of it, without noise."""
    table = []
    for names, problem in ((TENSORFLOW_SETS | TOY_SETS, "classification"), (REGRESSION_SETS, "regression")):
        for name, label in names.items():
            x, y = plane.draw(name, points=_THUMBNAIL_POINTS)
            points = np.column_stack([x, y]).round(2).tolist()
            classes = int(y.max()) + 1 if problem == "classification" else 0
            table.append({"name": name, "label": label, "problem": problem, "classes": classes, "points": points})
    return tuple(table)
