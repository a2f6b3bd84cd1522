"""What a network is compared with, on the same rows: a constant, a linear model, and gradient boosting.

Contract: a rival is a function of a `Fold` that answers what a model answers: probabilities (n, K), quantiles
(n, levels) or numbers (n,), for the fold's test rows. The linear model is a network without hidden layers; gradient
boosting is scikit-learn's, with all its defaults, on the columns as they are; None where it cannot learn the target.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, NamedTuple

import numpy as np

import pellucid as pl
from pellucid.tables.encoder import TableEncoder
from pellucid.tables.fitting import Settings, TableModel, plan
from pellucid.tables.recipes import LINEAR
from pellucid.tables.report.report import CONSTANT
from pellucid.tables.running import run_all
from pellucid.tables.table import Table
from pellucid.tables.targets import Target
from pellucid.typing import Array, Floats

LINEAR_MODEL, BOOSTING = "linear model", "gradient boosting"
_FEW_ROWS = 10_000
_MOST_CODES = 255  # values of a category that HistGradientBoosting takes


class Fold(NamedTuple):
    """Rows to learn from and rows to be measured on."""

    train: Table
    y: Array
    test: Table
    weight: Array | None
    target: Target
    settings: Settings


def constant(fold: Fold) -> Floats:
    """The shares of the classes, the mean, or the quantiles of the training rows, for every row."""
    target, y, rows = fold.target, fold.y, fold.test.rows
    weight = np.ones(len(y)) if fold.weight is None else fold.weight
    if target.task == "classes":
        shares = np.bincount(y, weights=weight, minlength=len(target.classes)) / weight.sum()
        return np.tile(shares, (rows, 1))
    if target.levels:
        answer = np.quantile(y, target.levels)
        return np.tile(answer, (rows, 1)) if len(target.levels) > 1 else np.full(rows, answer[0])
    middle = np.median(y) if isinstance(target.loss, pl.AbsoluteError) else np.average(y, weights=weight)
    return np.full(rows, float(middle))


def linear_model(fold: Fold) -> Floats:
    """Linear, logistic, quantile or Poisson regression: the recipe without hidden layers."""
    settings = Settings(
        LINEAR, validation=0.0, seed=fold.settings.seed, engine=fold.settings.engine, threads=fold.settings.threads
    )
    encoder = TableEncoder.fit(fold.train, one_hot_up_to=LINEAR.one_hot_up_to)
    x = encoder.transform(fold.train)
    jobs = plan(x, fold.y, encoder.layout, fold.target, settings, weight=fold.weight)
    run_all(jobs, settings.threads)
    return TableModel.of(jobs, encoder).answers(encoder.transform(fold.test))


def gradient_boosting(fold: Fold) -> Floats | None:
    """scikit-learn's `HistGradientBoosting` with its defaults; None where it is not there."""
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    except ImportError:
        return None
    train, test, categories = matrices(fold.train, fold.test)
    target = fold.target
    options: dict[str, Any] = {"categorical_features": categories, "random_state": fold.settings.seed}
    with warnings.catch_warnings(), _cores(len(train)):
        warnings.simplefilter("ignore")
        if target.task == "classes":
            model = HistGradientBoostingClassifier(**options).fit(train, fold.y, sample_weight=fold.weight)
            answers = np.zeros((len(test), len(target.classes)))
            answers[:, model.classes_] = model.predict_proba(test)  # a class may have no row in this fold
            return answers
        if target.levels:
            each = [
                HistGradientBoostingRegressor(loss="quantile", quantile=level, **options)
                .fit(train, fold.y, sample_weight=fold.weight)
                .predict(test)
                for level in target.levels
            ]
            return np.sort(np.stack(each, axis=1), axis=1) if len(each) > 1 else each[0]
        losses = {"Poisson": "poisson", "AbsoluteError": "absolute_error"}
        loss = losses.get(type(target.loss).__name__, "squared_error")
        model = HistGradientBoostingRegressor(loss=loss, **options)
        answer: Floats = model.fit(train, fold.y, sample_weight=fold.weight).predict(test)
        return answer


def _cores(rows: int) -> Any:
    """One core for few rows: several would wait for each other longer than they work."""
    from threadpoolctl import threadpool_limits  # comes with scikit-learn

    return threadpool_limits(1, "openmp") if rows < _FEW_ROWS else nullcontext()


def matrices(train: Table, test: Table) -> tuple[Floats, Floats, list[bool]]:
    """The columns as trees take them: numbers as they are, NaN where one is missing, categories as codes.

    Dates are seconds. A category with more values than trees take keeps the commonest; which columns are categories
    comes as the third.
    """
    columns = [column for column in train.columns if column.used]
    parts = [_column(train[column.name], test[column.name], column.kind) for column in columns]
    kinds = [column.kind in ("category", "boolean") for column in columns]
    return np.stack([part[0] for part in parts], axis=1), np.stack([part[1] for part in parts], axis=1), kinds


def _column(train: Array, test: Array, kind: str) -> tuple[Floats, Floats]:
    if kind == "number":
        return train, test
    if kind == "date":
        seconds = [np.where(np.isnat(cells), np.nan, cells.astype(np.int64)) for cells in (train, test)]
        return seconds[0], seconds[1]
    known = [cell for cell in train.tolist() if cell is not None]
    names, counts = np.unique(np.array(known, dtype=str), return_counts=True)
    commonest = names[np.argsort(-counts, kind="stable")[:_MOST_CODES]].tolist()
    code: dict[Any, float] = {name: float(number) for number, name in enumerate(commonest)}
    coded = [np.array([code.get(cell, np.nan) for cell in cells.tolist()]) for cells in (train, test)]
    return coded[0], coded[1]


RIVALS: dict[str, Callable[[Fold], Floats | None]] = {
    CONSTANT: constant,
    LINEAR_MODEL: linear_model,
    BOOSTING: gradient_boosting,
}
"""By name, in the order of the report."""
