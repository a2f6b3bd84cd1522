"""Trainings that the doctor is tried on: data of many kinds, and what a training of them is made of.

The planted faults (`faults.py`) and the healthy trainings (`healthy.py`) are made of these. What is not at hand (MNIST
without PELLUCID_DATA, scikit-learn's tables) is left out, and whoever asks is told.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import pellucid as pl
from pellucid.typing import Array


@dataclass(frozen=True)
class Rows:
    """Three parts of a data set: to learn from, to choose by, and to judge a remedy by, which nobody else sees."""

    x: Array
    y: Array
    validation: tuple[Array, Array]
    test: tuple[Array, Array]

    @property
    def classes(self) -> int:
        """How many classes there are; 0 where numbers are predicted."""
        return int(max(self.y.max(), self.test[1].max())) + 1 if self.y.dtype.kind in "iu" else 0


class NotAtHand(Exception):
    """The data are not on this machine."""


@cache
def rows_of(name: str, seed: int = 0, rows: int = 2000) -> Rows:
    """The rows of a data set by its name, at most this many of them to learn from."""
    x, y = _loaded(name, seed, rows)
    order = np.random.default_rng(seed).permutation(len(x))
    parts = pl.datasets.split(x[order], y[order], validation=0.2, test=0.25, seed=seed)
    return Rows(*(np.ascontiguousarray(part) for part in parts[0]), tuple(parts[1]), tuple(parts[2]))


def _loaded(name: str, seed: int, rows: int) -> tuple[Array, Array]:
    if name in pl.datasets.TOY_MODELS:
        return pl.datasets.TOY_MODELS[name](rows // 4, seed=seed)
    if name == "digits":
        data = pl.datasets.load_digits()
        return np.concatenate([p.x for p in (data.train, data.validation, data.test)]), np.concatenate(
            [p.y for p in (data.train, data.validation, data.test)]
        )
    if name in ("mnist", "fashion-mnist"):
        folder = Path(os.environ.get("PELLUCID_DATA", "")) / name
        if not os.environ.get("PELLUCID_DATA") or not folder.is_dir():
            raise NotAtHand(f"{name}: set PELLUCID_DATA to the folder that holds it")
        train = pl.datasets.load(name).train
        some = np.random.default_rng(seed).permutation(len(train.x))[: 2 * rows]
        return train.x[some], train.y[some].astype(np.int64)
    if name in TABLES:
        return TABLES[name](rows, seed)
    try:
        from sklearn import datasets
    except ImportError:
        raise NotAtHand(f"{name}: scikit-learn is not installed") from None
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return x, _standard(y) if y.dtype.kind == "f" else y.astype(np.int64)


def _table(name: str) -> tuple[list[str], list[list[str]]]:
    path = Path(os.environ.get("PELLUCID_DATA", "")) / "tables" / f"{name}.csv"
    if not os.environ.get("PELLUCID_DATA") or not path.is_file():
        raise NotAtHand(f"{name}: set PELLUCID_DATA to the folder that holds tables/")
    with path.open(encoding="utf-8", newline="") as stream:
        header, *lines = csv.reader(stream)
    return header, lines


def _columns(header: list[str], lines: list[list[str]], names: tuple[str, ...]) -> Array:
    """Numbers as they are, words as a column for each."""
    parts = []
    for name in names:
        cells = [line[header.index(name)] for line in lines]
        try:
            parts.append(np.array([float(cell) for cell in cells])[:, None])
        except ValueError:
            words, codes = np.unique(cells, return_inverse=True)
            parts.append(np.eye(len(words))[codes])
    return np.concatenate(parts, axis=1)


def _some_lines(name: str, rows: int, seed: int) -> tuple[list[str], list[list[str]]]:
    header, lines = _table(name)
    return header, [lines[i] for i in np.random.default_rng(seed).permutation(len(lines))[: 2 * rows]]


def _default(rows: int, seed: int) -> tuple[Array, Array]:
    header, lines = _some_lines("Default", rows, seed)
    y = np.array([line[0] == "Yes" for line in lines], dtype=np.int64)
    return _columns(header, lines, ("student", "balance", "income")), y


def _diamonds(rows: int, seed: int) -> tuple[Array, Array]:
    header, lines = _some_lines("diamonds", rows, seed)
    x = _columns(header, lines, ("carat", "cut", "color", "clarity", "depth", "table", "x", "y", "z"))
    return x, _standard(np.log(np.array([float(line[header.index("price")]) for line in lines])))


def _bikeshare(rows: int, seed: int) -> tuple[Array, Array]:
    header, lines = _some_lines("Bikeshare", rows, seed)
    names = ("mnth", "hr", "holiday", "weekday", "workingday", "weathersit", "temp", "atemp", "hum", "windspeed")
    bikers = np.array([float(line[header.index("bikers")]) for line in lines])
    return _columns(header, lines, names), _standard(np.sqrt(bikers))


def _standard(y: Array) -> Array:
    return (y - y.mean()) / y.std()


TABLES: dict[str, Callable[[int, int], tuple[Array, Array]]] = {
    "default": _default,
    "diamonds": _diamonds,
    "bikeshare": _bikeshare,
}
"""Tables of a folder of CSV files, with targets in units of their standard deviation."""


@dataclass(frozen=True)
class Recipe:
    """A training: what is trained, how, and for how long."""

    hidden: tuple[int, ...] = (32,)
    activation: type = pl.ReLU
    scaling: tuple[Any, ...] = field(default_factory=lambda: (pl.Standardize(),))
    optimizer: Any = field(default_factory=lambda: pl.Adam(3e-3))
    batch_size: int | str = 32
    epochs: int = 30
    patience: int | None = 8
    behind: tuple[Any, ...] = ()
    """What follows each hidden activation."""
    last: tuple[Any, ...] = ()
    """What follows the last Dense."""
    dense: Mapping[str, Any] = field(default_factory=dict)
    """Further arguments of the hidden Dense layers."""
    head: Mapping[str, Any] = field(default_factory=dict)
    """Further arguments of the last Dense."""
    loss: Any = None
    more: Mapping[str, Any] = field(default_factory=dict)
    """Further arguments of the trainer."""
    fit: Mapping[str, Any] = field(default_factory=dict)

    def trainer(self, rows: Rows, seed: int) -> pl.Trainer:
        """A trainer that has not begun."""
        layers = list(self.scaling)
        for units in self.hidden:
            layers += [pl.Dense(units, **self.dense), self.activation(), *self.behind]
        layers += [pl.Dense(rows.classes or 1, **self.head), *self.last]
        loss = self.loss or (pl.SoftmaxCrossEntropy() if rows.classes else pl.SquaredError())
        callbacks = [pl.EarlyStopping(self.patience)] if self.patience else []
        return pl.Trainer(
            pl.Network(layers),
            **{
                "loss": loss,
                "optimizer": self.optimizer,
                "batch_size": self.batch_size,
                "seed": seed,
                "callbacks": callbacks,
                **self.more,
            },
        )


def score(trainer: pl.Trainer, rows: Rows, measure: str = "accuracy") -> float:
    """How good the network is on the test rows: accuracy or r2, "balanced" accuracy, or minus the "loss"; NaN where its
    outputs are.
    """
    try:
        return _score(trainer, rows, measure)
    except FloatingPointError:
        return np.nan


def _score(trainer: pl.Trainer, rows: Rows, measure: str) -> float:
    x, y = rows.test
    with np.errstate(all="ignore"):
        if measure == "balanced":
            predicted = trainer.network.predict(x)
            return float(np.mean([(predicted[y == c] == c).mean() for c in np.unique(y)]))
        values = trainer.network.evaluate(x, y)
    if measure == "honest":  # how near what validation rows say is to the truth
        told = trainer.network.evaluate(*rows.validation)
        return -abs(told.get("accuracy", told.get("r2", np.nan)) - values.get("accuracy", values.get("r2", np.nan)))
    if measure == "loss":
        return -values["loss"]
    return values.get("accuracy", values.get("r2", np.nan))
