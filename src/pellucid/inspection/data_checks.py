"""What can be said of data before any network sees it.

Contract: pure functions of arrays, (n, d) inputs and targets, that return small facts; they change nothing and judge
nothing. `preflight` and the doctor say what the facts mean.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pellucid.streams import Purpose, Stream
from pellucid.typing import Array, Floats

_FAR = 10.0  # interquartile ranges
_MOST_VARIANCE = 0.5
_LEAST_REPEATS = 3
_GIVEN_AWAY = 0.999
_NEXT = 0.97  # a column that explains all is no leak where the next best explains nearly as much
_NEIGHBOURS = 10
_NEIGHBOUR_ROWS = 1500


class Scales(NamedTuple):
    """Mean and standard deviation of each column, (d,)."""

    mean: Floats
    deviation: Floats


def scales_of(x: Array) -> Scales:
    """Of rows (n, ...), in float64."""
    rows = x.reshape(len(x), -1).astype(np.float64)  # (n, d)
    mean = rows.mean(axis=0)
    return Scales(mean, np.sqrt(np.square(rows - mean).mean(axis=0)))


def constant_columns(x: Array) -> Array:
    """The numbers of the columns in which all rows are the same."""
    rows = x.reshape(len(x), -1)
    return np.flatnonzero((rows == rows[0]).all(axis=0))


def duplicate_columns(x: Array) -> list[tuple[int, int]]:
    """Pairs (first, later) of columns that are equal in every row, constant ones aside."""
    rows = x.reshape(len(x), -1)
    constant = set(constant_columns(x).tolist())
    first: dict[bytes, int] = {}
    pairs = []
    for column in range(rows.shape[1]):
        if column in constant:
            continue
        key = np.ascontiguousarray(rows[:, column]).tobytes()
        if key in first:
            pairs.append((first[key], column))
        else:
            first[key] = column
    return pairs


class Leak(NamedTuple):
    """A column that tells the target alone."""

    column: int
    explained: float
    """The share of the target's variance, or of the rows' classes beyond a guess."""
    next_best: float


def leaking_columns(x: Array, targets: Floats) -> list[Leak]:
    """Columns of which a straight line gives a target away, where no other column comes near.

    Parameters
    ----------
    x : array (n, d)
    targets : array (n, k)
        Numbers, or a column of 0 and 1 for each class.
    """
    rows = x.reshape(len(x), -1).astype(np.float64)
    if rows.shape[1] < 3 or len(rows) < 10:
        return []
    z, t = _standard(rows), _standard(targets)  # (n, d), (n, k)
    explained = np.square(z.T @ t / len(rows))  # (d, k): squared correlations
    best = explained.max(axis=1) if targets.shape[1] <= 2 else explained.min(axis=1)
    order = np.argsort(-best)
    top, following = int(order[0]), float(best[order[1]])
    if best[top] < _GIVEN_AWAY or following > _NEXT:
        return []
    return [Leak(top, float(best[top]), following)]


def _standard(values: Floats) -> Floats:
    centred = values - values.mean(axis=0)
    deviation = centred.std(axis=0)
    return centred / np.where(deviation > 0, deviation, np.inf)


class Outlier(NamedTuple):
    """A target that many rows share, far from all others."""

    value: float
    rows: int
    variance: float
    """The share of the targets' variance that these rows make up."""
    low: float
    """The lowest and the highest of the other targets."""
    high: float


def repeated_outlier(targets: Array) -> Outlier | None:
    """The most telling one, if there is one; targets (n, k)."""
    for column in targets.reshape(len(targets), -1).astype(np.float64).T:
        values, counts = np.unique(column, return_counts=True)
        low, middle, high = np.percentile(column, [25, 50, 75])
        width = max(high - low, 1e-12 * max(1.0, abs(middle)))
        suspects = values[(counts >= _LEAST_REPEATS) & (np.abs(values - middle) > _FAR * width)]
        for value in sorted(suspects, key=lambda each: -abs(each - middle)):
            own, others = column == value, column[column != value]
            nearest = others.max() if value > middle else others.min()
            total = float(np.square(column - column.mean()).sum())
            rest = float(np.square(others - others.mean()).sum())
            variance = 1 - rest / total if total > 0 else 0.0
            if variance > _MOST_VARIANCE and abs(value - nearest) > 0.5 * abs(nearest - middle):
                return Outlier(float(value), int(own.sum()), variance, float(others.min()), float(others.max()))
    return None


class Purity(NamedTuple):
    """How much neighbours agree in their labels."""

    core: float
    """Around the purest half of the rows: the mean share of the commonest label."""
    all: float


def neighbourhood_purity(x: Array, labels: Array) -> Purity:
    """The share of the commonest label among the ten nearest other rows, of standardized inputs."""
    rows = _standard(x[:_NEIGHBOUR_ROWS].reshape(min(len(x), _NEIGHBOUR_ROWS), -1).astype(np.float64))  # (n, d)
    labels = labels[:_NEIGHBOUR_ROWS]
    squares = np.square(rows).sum(axis=1)
    distance = squares[:, None] + squares[None, :] - 2 * rows @ rows.T  # (n, n)
    np.fill_diagonal(distance, np.inf)
    count = min(_NEIGHBOURS, len(rows) - 1)
    nearest = np.argpartition(distance, count - 1, axis=1)[:, :count]  # (n, count)
    classes, codes = np.unique(labels, return_inverse=True)
    votes = np.zeros((len(rows), len(classes)))
    np.add.at(votes, (np.repeat(np.arange(len(rows)), count), codes[nearest].reshape(-1)), 1.0)
    purity = np.sort(votes.max(axis=1) / count)
    return Purity(float(purity[len(purity) // 2 :].mean()), float(purity.mean()))


class Shared(NamedTuple):
    """Rows that stand in both parts."""

    training: Array
    """The numbers of the training rows that the other part holds, too."""
    share: float
    """The share of the other part's rows that stand in the training rows."""
    twins: float
    """The share of the training rows that have a twin among themselves."""


def rows_in_both(x: Array, other: Array) -> Shared:
    """Which training rows (n, ...) stand in `other` (m, ...), to the last bit.

    Each row is first reduced to one number, its product with a random vector; only rows whose numbers agree are
    compared.
    """
    a, b = x.reshape(len(x), -1), other.reshape(len(other), -1)
    direction = Stream(0, Purpose.DATA).normal(a.shape[1])
    with np.errstate(all="ignore"):
        mine, theirs = _product(a, direction), _product(b, direction)
    candidates = np.flatnonzero(np.isin(mine, theirs))
    theirs_in = np.flatnonzero(np.isin(theirs, mine))
    known = {_bytes(b[row]): row for row in theirs_in}
    rows = np.array([row for row in candidates if _bytes(a[row]) in known], dtype=np.int64)
    held_out = {_bytes(a[row]) for row in rows}
    share = sum(_bytes(b[row]) in held_out for row in theirs_in) / max(1, len(b))
    _, counts = np.unique(mine, return_counts=True)
    twins = float(counts[counts > 1].sum() - (counts > 1).sum()) / max(1, len(a))
    return Shared(rows, float(share), twins)


def _product(rows: Array, direction: Floats) -> Floats:
    """Rows (n, d) times a vector, each row by itself: equal rows must give equal bits, whatever their neighbours."""
    answer = np.empty(len(rows))
    for start in range(0, len(rows), 2048):
        part = rows[start : start + 2048].astype(np.float64)
        answer[start : start + 2048] = (part * direction).sum(axis=1)
    return answer


def _bytes(row: Array) -> bytes:
    return (row.astype(np.float64) + 0.0).tobytes()  # + 0.0: minus zero is zero


def class_shares(labels: Array) -> dict[int, float]:
    """The share of the rows of each class that occurs."""
    classes, counts = np.unique(labels, return_counts=True)
    return {int(name): float(count / len(labels)) for name, count in zip(classes, counts, strict=True)}
