"""What a network is compared with, on the same rows: a constant, a linear model, and gradient boosting.

Contract: a rival is a function of a `Fold` that returns what a model answers: probabilities (n, K), quantiles
(n, levels) or numbers (n,), for the fold's test rows. Gradient boosting is scikit-learn's, with all its defaults, on
the columns as they are; None where scikit-learn is not installed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Any, NamedTuple

import numpy as np

from pellucid.datasets.splits import k_fold_indices
from pellucid.encoding.encoder import Layout, TableEncoder
from pellucid.engines.cores import one_thread
from pellucid.losses import AbsoluteError, SquaredError
from pellucid.tables.fitting import Settings, TableModel, plan
from pellucid.tables.recipes import LINEAR
from pellucid.tables.report.metrics import DEVIANCE, LOG_LOSS
from pellucid.tables.report.scores import CONSTANT
from pellucid.tables.running import run_all
from pellucid.tables.table import Table
from pellucid.tables.targets import Target
from pellucid.typing import Array, Floats

LINEAR_MODEL, BOOSTING = "linear model", "gradient boosting"
_FEW_ROWS = 10_000
_MOST_CODES = 255  # values of a category that HistGradientBoosting takes
_MOST_ONE_HOT = 100  # values of a category that have a column in a linear model
_MOST_INPUTS = 2_000  # of a linear model, unless there are more columns
_AT_ONCE = 4096  # rows
_NO_CLIP = 1e300
_STRENGTHS = np.logspace(-9, 3, 25)  # of the ridge, a row
_ROUNDING = 1e-14  # of the variance
_INVERSE_STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0)  # of logistic regression, as scikit-learn's C


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
    return _constant(fold.y, fold.weight, fold.target, fold.test.rows)


def _constant(y: Array, weight: Array | None, target: Target, rows: int) -> Floats:
    weight = np.ones(len(y)) if weight is None else weight
    if target.task == "classes":
        shares = np.bincount(y, weights=weight, minlength=len(target.classes)) / weight.sum()
        return np.tile(shares, (rows, 1))
    if target.levels:
        answer = np.quantile(y, target.levels)
        return np.tile(answer, (rows, 1)) if len(target.levels) > 1 else np.full(rows, answer[0])
    middle = np.median(y) if isinstance(target.loss, AbsoluteError) else np.average(y, weights=weight)
    return np.full(rows, float(middle))


def linear_model(fold: Fold) -> Floats:
    """Ridge, logistic or Poisson regression; of other losses, and of classes and counts where scikit-learn is not
    installed, a network without hidden layers.
    """
    x, asked = standardized(fold.train, fold.test)
    if isinstance(fold.target.loss, SquaredError):
        return ridge(x, asked, fold.y, fold.weight)
    if fold.target.task in ("classes", "counts"):
        with suppress(ImportError):
            return generalized_linear(x, asked, fold)
    settings = Settings(
        LINEAR, validation=0.0, seed=fold.settings.seed, engine=fold.settings.engine, threads=fold.settings.threads
    )
    jobs = plan(x, fold.y, Layout(x.shape[1], 0, ()), fold.target, settings, weight=fold.weight)
    run_all(jobs, settings.threads)
    return TableModel.of(jobs).answers(asked)


def standardized(train: Table, test: Table) -> tuple[Floats, Floats]:
    """The rows as linear models take them, in float32: numbers as they are, a column for each of the commonest values
    of a category and for what is missing, all with mean 0 and deviation 1 over the training rows.
    """
    used = sum(column.used for column in train.columns)
    most = min(_MOST_ONE_HOT, max(2, _MOST_INPUTS // used))
    encoder = TableEncoder.fit(train, one_hot_up_to=most, clip=_NO_CLIP)
    x, asked = encoder.transform(train), encoder.transform(test)
    plain = encoder.layout.numbers + encoder.layout.flags  # behind it, codes
    parts, asked_parts = [x[:, :plain]], [asked[:, :plain]]
    for codes, asked_codes in zip(x.T[plain:], asked.T[plain:], strict=True):
        values, counts = np.unique(codes, return_counts=True)
        common = values[np.argsort(-counts, kind="stable")[:most]]
        parts.append(codes[:, None] == common)
        asked_parts.append(asked_codes[:, None] == common)
    if len(parts) > 1:
        x, asked = (np.concatenate(each, axis=1, dtype=np.float32) for each in (parts, asked_parts))
    mean = x.mean(axis=0, dtype=np.float64)
    for rows in (x, asked):  # in place, and sums without copies: there may be many rows
        rows -= mean.astype(np.float32)
    deviation = np.sqrt(np.einsum("ij,ij->j", x, x, dtype=np.float64) / len(x))
    deviation[deviation <= 1e-6 * np.abs(mean)] = np.inf  # a constant column stays out
    for rows in (x, asked):
        rows /= deviation.astype(np.float32)
    return x, asked


def ridge(x: Floats, test: Floats, y: Array, weight: Array | None = None) -> Floats:
    r"""Ridge regression whose strength is chosen by generalized cross-validation.

    Of rows that weigh w, with the weighted means taken away, and :math:`X^T W X = V \Lambda V^T`,

    .. math:: \hat y = X V (\Lambda + \alpha)^{-1} V^T X^T W y, \qquad
        \text{GCV}(\alpha) = \frac{\sum_i w_i (y_i - \hat y_i)^2}{(n - 1 - \sum_k \lambda_k/(\lambda_k + \alpha))^2}.

    Parameters
    ----------
    x, test : array (n, d), array (m, d)
        Rows to learn from and rows to predict.
    y, weight : array (n,), array (n,) or None
        Numbers, and how much each row counts.

    Returns
    -------
    array (m,)
        Predictions.

    References
    ----------
    Golub, Heath and Wahba, "Generalized cross-validation as a method for choosing a good ridge parameter",
    Technometrics 21, 1979.
    """
    w = np.ones(len(y)) if weight is None else weight * (len(y) / weight.sum())
    center, middle = np.einsum("i,ij->j", w, x, dtype=np.float64) / len(y), w @ y / len(y)  # (d,)
    gram, products = np.zeros((x.shape[1], x.shape[1])), np.zeros(x.shape[1])
    for start in range(0, len(y), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        rows = x[part] - center  # (b, d) in float64
        gram += rows.T @ (w[part, None] * rows)
        products += rows.T @ (w[part] * (y[part] - middle))
    spread, directions = np.linalg.eigh(gram)
    spread = np.maximum(spread, 0.0)
    projected = directions.T @ products  # (d,)
    total = w @ np.square(y - middle)

    def criterion(strength: float) -> float:
        kept = 1.0 / (spread + strength)  # (d,)
        unexplained = total - np.square(projected) @ (kept * (2.0 - spread * kept))
        freedom = max(len(y) - 1.0 - spread @ kept, 1e-9)
        return max(float(unexplained), _ROUNDING * total) / freedom**2

    strength = min(_STRENGTHS * len(y), key=criterion)
    coefficients = directions @ (projected / (spread + strength))  # (d,)
    return middle + (test - center) @ coefficients


def generalized_linear(x: Floats, test: Floats, fold: Fold) -> Floats:
    """scikit-learn's logistic or Poisson regression with an L2 penalty: of few rows the one that is best on three folds
    of them, of many one that is weak beside them (C = 1).
    """
    from sklearn.linear_model import LogisticRegression, PoissonRegressor

    classes = fold.target.task == "classes"
    loss, weights = LOG_LOSS if classes else DEVIANCE, np.ones(len(x)) if fold.weight is None else fold.weight

    def fitted(strength: float, rows: Any, asked: Floats) -> Floats:
        y, weight = fold.y[rows], weights[rows]
        if (y == y[0]).all():  # which scikit-learn refuses
            return _constant(y, weight, fold.target, len(asked))
        if classes:
            model = LogisticRegression(C=strength, max_iter=1000).fit(x[rows], y, sample_weight=weight)
            return _all_classes(model, asked, fold.target)
        return PoissonRegressor(alpha=1 / (strength * len(y)), max_iter=1000).fit(x[rows], y, weight).predict(asked)

    def error(strength: float) -> float:
        parts = k_fold_indices(fold.y, 3, stratify=False, seed=fold.settings.seed)
        answers = [(testing, fitted(strength, training, x[testing])) for training, testing in parts]
        order = np.concatenate([testing for testing, _ in answers])
        return loss(fold.y[order], np.concatenate([answer for _, answer in answers]), weights[order])

    with warnings.catch_warnings(), _cores(len(x)):
        warnings.simplefilter("ignore")
        strength = min(_INVERSE_STRENGTHS, key=error) if len(x) < _FEW_ROWS else 1.0
        return fitted(strength, slice(None), test)


def _all_classes(model: Any, rows: Floats, target: Target) -> Floats:
    """Probabilities (n, K) of a classifier of scikit-learn, which may have seen no row of a class."""
    answers = np.zeros((len(rows), len(target.classes)))
    answers[:, model.classes_] = model.predict_proba(rows)
    return answers


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
            return _all_classes(model, test, target)
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
    return one_thread("openmp") if rows < _FEW_ROWS else nullcontext()


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
