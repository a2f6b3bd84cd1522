"""How right predictions are: measures of classes, numbers, quantiles and counts, every row with a weight.

Contract: a measure is a function of (truth, answers, weight) that returns one number. Truth is class indices (n,) or
numbers (n,); answers are probabilities (n, K), numbers (n,) or quantiles (n, levels). Each takes O(n) for every new
weight, what is sorted is sorted once: a bootstrap is the same measure with other weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.losses import AbsoluteError
from pellucid.metrics import Weighted, ranked
from pellucid.tables.formatting import in_digits, minus
from pellucid.tables.targets import Target
from pellucid.typing import Array, Floats


@dataclass(frozen=True)
class Measure:
    """A measure by name.

    Parameters
    ----------
    name, title : str
        For files, and for people.
    higher : bool
        Whether more is better.
    compares : bool
        Whether more or less is better at all: a coverage should be what was promised.
    of : function
        (truth, answers) -> function of the weights.
    """

    name: str
    title: str
    higher: bool
    of: Callable[[Array, Array], Weighted]
    compares: bool = True

    def __call__(self, truth: Array, answers: Array, weight: Array | None = None) -> float:
        """The measure of some rows."""
        weights = np.ones(len(truth)) if weight is None else np.asarray(weight, dtype=np.float64)
        return self.of(truth, answers)(weights)

    @property
    def loss(self) -> str:
        """What it is to become worse, in words: "accuracy lost", "log loss added"."""
        return f"{self.title} {'lost' if self.higher else 'added'}"

    def format(self, value: float) -> str:
        """A value for people: shares with three decimals, R² and log loss with four, errors with four digits."""
        decimals = _DECIMALS.get(self.name)
        return in_digits(value) if decimals is None else minus(f"{value:.{decimals}f}")


_DECIMALS = {"accuracy": 3, "auc": 3, "coverage": 3, "r2": 4, "d2": 4, "log_loss": 4}


def _mean_of(values: Callable[[Array, Array], Floats]) -> Callable[[Array, Array], Weighted]:
    """The weighted mean of a value a row."""

    def measure(truth: Array, answers: Array) -> Weighted:
        each = np.asarray(values(truth, answers), dtype=np.float64)  # (n,)
        return lambda weight: float(each @ weight / weight.sum())

    return measure


def _right(truth: Array, probabilities: Array) -> Floats:
    return (probabilities.argmax(axis=1) == truth).astype(np.float64)


def _log_losses(truth: Array, probabilities: Array) -> Floats:
    chosen = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    return -np.log(np.maximum(chosen, np.finfo(np.float32).eps))


def _absolute(truth: Array, answers: Array) -> Floats:
    return np.abs(truth - answers)


def _squared(truth: Array, answers: Array) -> Floats:
    return np.square(truth - answers, dtype=np.float64)


def _auc(truth: Array, probabilities: Array) -> Weighted:
    return ranked(truth == 1, probabilities[:, 1])


def _explained(losses: Callable[[Array, Array], Floats], constant: Callable[[Array, Array], Floats]) -> Any:
    """1 − loss/(loss of the best constant)."""

    def measure(truth: Array, answers: Array) -> Weighted:
        each = np.asarray(losses(truth, answers), dtype=np.float64)

        def weighted(weight: npt.NDArray[np.float64]) -> float:
            lost, least = float(each @ weight), float(constant(truth, weight) @ weight)
            return 1.0 - lost / least if least else float(lost == 0)

        return weighted

    return measure


def _squared_of_mean(truth: Array, weight: Array) -> Floats:
    return np.square(truth - np.average(truth, weights=weight), dtype=np.float64)


def _root(measure: Callable[[Array, Array], Weighted]) -> Callable[[Array, Array], Weighted]:
    def rooted(truth: Array, answers: Array) -> Weighted:
        inner = measure(truth, answers)
        return lambda weight: float(np.sqrt(inner(weight)))

    return rooted


def _deviances(truth: Array, answers: Array) -> Floats:
    """2·(y·log(y/μ) − y + μ), with 0·log 0 = 0."""
    mean = np.maximum(np.asarray(answers, dtype=np.float64), np.finfo(np.float32).tiny)
    ratio = np.where(truth > 0, truth / mean, 1.0)
    return 2.0 * (truth * np.log(ratio) - truth + mean)


def _deviances_of_mean(truth: Array, weight: Array) -> Floats:
    return _deviances(truth, np.full(len(truth), np.average(truth, weights=weight)))


def _pinball(levels: tuple[float, ...]) -> Callable[[Array, Array], Floats]:
    def losses(truth: Array, answers: Array) -> Floats:
        level = np.asarray(levels)
        residual = truth[:, None] - answers.reshape(len(truth), -1)  # (n, levels)
        each: Floats = np.maximum(level * residual, (level - 1) * residual).mean(axis=1)
        return each

    return losses


def _pinball_of_quantiles(levels: tuple[float, ...]) -> Callable[[Array, Array], Floats]:
    losses = _pinball(levels)

    def constant(truth: Array, weight: Array) -> Floats:
        order = np.argsort(truth, kind="stable")
        share = np.cumsum(weight[order]) / weight.sum()
        best = truth[order][np.minimum(np.searchsorted(share, levels), len(truth) - 1)]  # (levels,)
        return losses(truth, np.broadcast_to(best, (len(truth), len(levels))))

    return constant


def _within(truth: Array, answers: Array) -> Floats:
    return ((truth >= answers[:, 0]) & (truth <= answers[:, -1])).astype(np.float64)


ACCURACY = Measure("accuracy", "accuracy", True, _mean_of(_right))
LOG_LOSS = Measure("log_loss", "log loss", False, _mean_of(_log_losses))
AUC = Measure("auc", "AUC", True, _auc)
R2 = Measure("r2", "R²", True, _explained(_squared, _squared_of_mean))
RMSE = Measure("rmse", "RMSE", False, _root(_mean_of(_squared)))
MAE = Measure("mae", "mean absolute error", False, _mean_of(_absolute))
DEVIANCE = Measure("deviance", "mean Poisson deviance", False, _mean_of(_deviances))
D2 = Measure("d2", "D²", True, _explained(_deviances, _deviances_of_mean))


def measures_of(target: Target) -> tuple[Measure, ...]:
    """The measures that suit a target. All models are compared by the first, which depends on the task alone and so is
    known before any of them is measured; `why_first` gives the reason.
    """
    if target.task == "classes":
        if len(target.classes) > 2:
            return LOG_LOSS, ACCURACY
        return (AUC, LOG_LOSS, ACCURACY) if target.rare else (LOG_LOSS, ACCURACY, AUC)
    if target.levels:
        levels = target.levels
        pinball, best = _pinball(levels), _pinball_of_quantiles(levels)
        first = Measure("d2", "D²", True, _explained(pinball, best))
        loss = Measure("pinball", "pinball loss", False, _mean_of(pinball))
        within = Measure(
            "coverage", f"within {levels[0]:g} and {levels[-1]:g}", True, _mean_of(_within), compares=False
        )
        return (first, loss, within) if len(levels) > 1 else (first, loss)
    if target.task == "counts":
        return D2, DEVIANCE, RMSE
    return (MAE, R2, RMSE) if isinstance(target.loss, AbsoluteError) else (R2, RMSE, MAE)


def why_first(target: Target) -> str:
    """Why models are compared by the first of `measures_of`, in one line."""
    first = measures_of(target)[0]
    of_what = "the quantiles" if target.levels else "the expected count"
    reasons = {
        "log_loss": "a proper score: lowest where probabilities are true, while accuracy sees only the likeliest class",
        "auc": "how well rows are ranked, since it does not depend on how rare a class is, as accuracy and log loss do",
        "mae": "the loss that was asked for: lowest where predictions are the expected median",
        "r2": "squared error on a scale where the best constant has 0: best where predictions are the expected mean",
        "d2": f"the loss on a scale where the best constant has 0: best where predictions are {of_what}",
    }
    return f"Models are compared by {first.title}, {reasons[first.name]}."
