"""What each column of a table does: how much predictions need it, and how they follow it.

Contract: both functions take a function that returns predictions for columns as they are in the table, so that they
work of one network as of several. Importance is measured on rows that were not trained on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.tables.report.metrics import Measure
from pellucid.tables.value_counts import class_name
from pellucid.typing import Array, Floats

Columns = Mapping[str, Array]
"""A table's cells by the names of its columns, (n,) each."""

Answer = Callable[[Columns], Floats]
"""What a model answers: probabilities (n, K), quantiles (n, levels) or numbers (n,)."""

_POINTS = 12
_MOST_VALUES = 8
_EFFECT_ROWS = 300


@dataclass(frozen=True)
class Effect:
    """How predictions follow one column, all others as they are (partial dependence).

    Parameters
    ----------
    column : str
        Its name.
    values : tuple
        Where it was set to: quantiles of a number, the commonest values of a category.
    means : tuple of tuple of float
        The mean answer over the rows for each of the values: a number for each class or quantile, or one alone.
    number : bool
        Whether the values are numbers, with a distance between them.
    """

    column: str
    values: tuple[Any, ...]
    means: tuple[tuple[float, ...], ...]
    number: bool

    @property
    def reach(self) -> float:
        """By how much the mean answer moves, in the answer that moves most."""
        return float(np.ptp(np.array(self.means), axis=0).max())

    def to_plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "column": self.column,
            "values": [value if isinstance(value, float) else str(value) for value in self.values],
            "means": [list(mean) for mean in self.means],
        }


def permutation_importance(
    answer: Answer, columns: Columns, truth: Array, measure: Measure, names: Sequence[str], *, seed: int = 0
) -> dict[str, float]:
    """By how much a measure becomes worse when a column's values are dealt out to the wrong rows.

    Parameters
    ----------
    answer : function
        The model.
    columns, truth : mapping, array (n,)
        Rows that were not trained on.
    measure : Measure
        What becomes worse.
    names : sequence of str
        The columns that are looked at.
    seed : int
        Decides who gets whose value.

    Notes
    -----
    Two columns that say the same can stand in for each other: each alone then looks needless. Source: Breiman, "Random
    forests", Machine Learning 45, 2001, section 10.
    """
    sign = 1.0 if measure.higher else -1.0
    before = measure(truth, answer(columns))
    generator = np.random.Generator(np.random.Philox(seed))
    drops = {}
    for name in names:
        shuffled = {**columns, name: columns[name][generator.permutation(len(truth))]}
        drops[name] = sign * (before - measure(truth, answer(shuffled)))
    return drops


def effect_of(answer: Answer, columns: Columns, name: str, *, number: bool, seed: int = 0) -> Effect | None:
    """The partial dependence of a model on one column; None where it has no two values to compare.

    Source: Friedman, "Greedy function approximation", Annals of Statistics 29, 2001, section 8.2.
    """
    rows = len(columns[name])
    generator = np.random.Generator(np.random.Philox(seed))
    chosen = generator.permutation(rows)[:_EFFECT_ROWS]
    some = {other: cells[chosen] for other, cells in columns.items()}
    values = _quantiles(columns[name]) if number else _commonest(columns[name])
    if len(values) < 2:
        return None
    means = []
    for value in values:
        cells = np.empty_like(some[name])
        cells[:] = value
        answers = np.asarray(answer({**some, name: cells}), dtype=np.float64)
        means.append(tuple(np.atleast_1d(answers.mean(axis=0)).tolist()))
    shown = tuple(float(value) if number else class_name(value) for value in values)
    return Effect(name, shown, tuple(means), number)


def _quantiles(cells: Array) -> list[Any]:
    """Evenly spread over the rows that have a value, each of them one that occurs."""
    known = np.sort(np.asarray(cells)[~np.isnan(np.asarray(cells, dtype=np.float64))])
    if not len(known):
        return []
    places = np.linspace(0.01, 0.99, _POINTS) * (len(known) - 1)
    return np.unique(known[places.round().astype(np.int64)]).tolist()


def _commonest(cells: Array) -> list[Any]:
    """The values that occur most, the commonest first."""
    known = [value for value in cells.tolist() if value is not None and value == value]
    names = np.array([class_name(value) for value in known])
    _, first, counts = np.unique(names, return_index=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:_MOST_VALUES]
    return [known[int(first[place])] for place in order]
