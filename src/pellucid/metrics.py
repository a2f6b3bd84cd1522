"""Metrics: what is measured beside the loss, by name or by a function of one's own.

Contract: a metric is a function of (y, predictions) that returns a number; y is what was given as targets, in the form
that the loss takes, and predictions are those of `Network.predict`. A function whose second argument is named `scores`
or `probabilities` gets these. A metric by name also takes the weights of the rows.
"""

from __future__ import annotations

import inspect
import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from pellucid.engines.reference import at_positions, of_positions
from pellucid.layers.layer import as_rows
from pellucid.losses import Loss, TargetScaling, metrics, predictions, probabilities
from pellucid.typing import Array, Floats
from pellucid.validation import unknown_name_message

Metrics: TypeAlias = Sequence[str | Callable[..., Any]] | Mapping[str, Callable[..., Any]]
"""Names of `METRICS` and functions, or functions by the name that they are to have."""

Weighted: TypeAlias = Callable[[npt.NDArray[np.float64]], float]
"""A measure of rows that are given: a function of their weights (n,)."""


class ScoredExamples(NamedTuple):
    """Scores and targets of rows, in the forms that a metric may take."""

    loss: Loss
    scores: Floats
    """(n, outputs)."""
    targets: Array
    """As the loss takes them, in the unit of the scores."""
    target: TargetScaling | None
    weight: Floats | None

    @classmethod
    def of(
        cls, loss: Loss, scores: Floats, targets: Array, target: TargetScaling | None, weight: Floats | None
    ) -> ScoredExamples:
        """Of scores (n, …, outputs) and targets of examples with weights (n,): all positions below each other."""
        return cls(loss, as_rows(scores), at_positions(targets, scores), target, of_positions(weight, scores))

    @property
    def link(self) -> str:
        """How scores become predictions."""
        return self.loss.link(self.targets)

    @property
    def y(self) -> Array:
        """The targets in the unit in which they were given, (n,), or (n, outputs) for several."""
        if self.targets.ndim == 1:
            return self.targets
        y = self.targets if self.target is None else self.targets * self.target.scale + self.target.mean
        return y[:, 0] if y.shape[1] == 1 or self.targets.strides[1] == 0 else y  # one column for all outputs

    @property
    def predictions(self) -> Array:
        """Those of `Network.predict`."""
        return self.loss.ordered(predictions(self.scores, self.link, self.target))

    @property
    def probabilities(self) -> Floats:
        """Those of `Network.predict_proba`."""
        return probabilities(self.scores, self.link)

    def usual(self) -> dict[str, float]:
        """The metric that is always measured: `accuracy` for classes, `r2` for numbers."""
        return metrics(self.loss.ordered(self.scores), self.targets, self.link, self.weight, self.target)


def _usual(name: str) -> Callable[[ScoredExamples], float]:
    def measure(answers: ScoredExamples) -> float:
        values = answers.usual()
        if name not in values:
            kinds = {"accuracy": "classes", "r2": "numbers"}
            raise ValueError(f"The metric {name!r} is for {kinds[name]}; with {answers.loss} take {', '.join(values)}.")
        return values[name]

    return measure


def _weights(answers: ScoredExamples) -> Floats:
    return np.ones(len(answers.scores)) if answers.weight is None else answers.weight


def _classes(name: str, answers: ScoredExamples) -> tuple[Array, Array]:
    """The true and the predicted class of each row, (n,)."""
    truth, predicted = answers.y, answers.predictions
    if answers.link in ("softmax", "argmax") and truth.ndim == 2:
        truth = truth.argmax(axis=1)
    if answers.link in ("identity", "exponential") or predicted.ndim != 1:
        raise ValueError(f"The metric {name!r} is for one class a row, which {answers.loss} does not predict here.")
    return truth.astype(np.int64), predicted


def _of_each_class(name: str, answers: ScoredExamples) -> tuple[Floats, Floats, Floats]:
    """The weight of the rows of each class, of those predicted so, and of those that are both; (classes,)."""
    truth, predicted = _classes(name, answers)
    weight, classes = _weights(answers), max(truth.max(), predicted.max()) + 1
    right = truth == predicted
    count = [(truth, weight), (predicted, weight), (truth[right], weight[right])]
    real, found, both = (np.bincount(rows, weights, minlength=classes) for rows, weights in count)
    return real, found, both


def _balanced_accuracy(answers: ScoredExamples) -> float:
    """The mean over the classes that occur of the share of their rows that is predicted right."""
    real, _, both = _of_each_class("balanced_accuracy", answers)
    return float((both[real > 0] / real[real > 0]).mean())


def _f1(answers: ScoredExamples) -> float:
    """2·right/(real + predicted) of each class that occurs among either; the mean over them, of 0 and 1 that of 1."""
    real, found, both = _of_each_class("f1", answers)
    if len(real) <= 2 and answers.scores.shape[1] <= 2:
        real, found, both = (np.pad(each, (0, 2 - len(each)))[1:] for each in (real, found, both))
    some = real + found > 0
    return float((2 * both[some] / (real + found)[some]).mean()) if some.any() else 0.0


def ranked(yes: npt.NDArray[np.bool_], scores: Floats) -> Weighted:
    """The area under the ROC curve: the chance that a row with `yes` (n,) has a higher score than one without; ties
    count ½. Sorted once: a function of the weights, which is NaN where one of both has none.
    """
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])  # of each run of equal scores
    is_yes = yes[order]

    def measure(weight: npt.NDArray[np.float64]) -> float:
        ordered_weight = weight[order]
        positive = np.add.reduceat(np.where(is_yes, ordered_weight, 0.0), starts)  # (runs,)
        negative = np.add.reduceat(np.where(is_yes, 0.0, ordered_weight), starts)
        below = np.cumsum(negative) - negative
        total = positive.sum() * negative.sum()
        return float(positive @ (below + 0.5 * negative) / total) if total else float("nan")

    return measure


def _auc(answers: ScoredExamples) -> float:
    truth, _ = _classes("auc", answers)
    columns = answers.scores.shape[1]
    if columns > 2:
        raise ValueError(f"The metric 'auc' is for two classes, and there are {columns}.")
    scores = answers.scores[:, 0] if columns == 1 else answers.scores[:, 1] - answers.scores[:, 0]
    return ranked(truth == 1, scores)(_weights(answers))


def _residual(answers: ScoredExamples) -> Floats:
    if answers.link not in ("identity", "exponential"):
        raise ValueError(f"The metrics 'rmse' and 'mae' are for numbers, which {answers.loss} does not predict.")
    y, predicted = (each.reshape(len(each), -1).astype(np.float64) for each in (answers.y, answers.predictions))
    return predicted - y  # (n, outputs)


def _rmse(answers: ScoredExamples) -> float:
    return float(np.sqrt(np.average(np.square(_residual(answers)).mean(axis=1), weights=answers.weight)))


def _mae(answers: ScoredExamples) -> float:
    return float(np.average(np.abs(_residual(answers)).mean(axis=1), weights=answers.weight))


METRICS: dict[str, Callable[[ScoredExamples], float]] = {
    "accuracy": _usual("accuracy"),
    "balanced_accuracy": _balanced_accuracy,
    "f1": _f1,
    "auc": _auc,
    "r2": _usual("r2"),
    "rmse": _rmse,
    "mae": _mae,
}
"""The metrics that have a name: accuracy, its mean over the classes, F1 (of class 1 of two, else the mean over the
classes), the area under the ROC curve of two classes; R², the root of the mean squared error and the mean absolute
error, in the unit of y."""

_HIGHER = {"accuracy", "balanced_accuracy", "f1", "auc", "r2"}
_LOWER = {"loss", "rmse", "mae", "seconds", "learning_rate"}


def is_known(column: str) -> bool:
    """Whether it is known if a column of the history improves by growing or by falling."""
    return column.removeprefix("validation_") in _HIGHER | _LOWER


def higher_is_better(column: str, asked: bool | None = None, argument: str = "higher_is_better") -> bool:
    """Whether a column of the history improves by growing: accuracies and their kin do, losses do not.

    Raises
    ------
    ValueError
        If it is not known, and `asked` is None.
    """
    if asked is not None:
        return asked
    if not is_known(column):
        raise ValueError(
            f"Whether higher or lower values of {column!r} are better is not known: give {argument}=True or False."
        )
    return column.removeprefix("validation_") in _HIGHER


def find_metrics(wanted: Metrics | None) -> dict[str, Callable[[ScoredExamples], float]]:
    """Metrics by name, checked.

    Raises
    ------
    ValueError
        If a name is unknown, or a function has none.
    TypeError
        For what is neither.
    """
    if wanted is None:
        return {}
    if isinstance(wanted, str) or not isinstance(wanted, Sequence | Mapping):
        raise TypeError(f"metrics must be a list of names and functions, or functions by name, not {wanted!r:.80}.")
    if isinstance(wanted, Mapping):
        return {str(name): _of_function(str(name), function) for name, function in wanted.items()}
    found = {}
    for metric in wanted:
        if isinstance(metric, str):
            if metric not in METRICS:
                raise ValueError(unknown_name_message("metric", metric, METRICS))
            found[metric] = METRICS[metric]
            continue
        name = getattr(metric, "__name__", "<without a name>")
        if callable(metric) and not name.isidentifier():
            raise ValueError("A metric needs a name for its column: metrics={'cost': lambda y, predictions: …}.")
        found[name] = _of_function(name, metric)
    return found


def _of_function(name: str, function: Any) -> Callable[[ScoredExamples], float]:
    if not callable(function):
        raise TypeError(f"A metric must be a name or a function of (y, predictions), not {function!r:.80}.")
    try:
        second = list(inspect.signature(function).parameters)[1:2]
    except ValueError:  # a function of C has no signature
        second = []
    takes = second[0] if second and second[0] in ("scores", "probabilities") else "predictions"

    def measure(answers: ScoredExamples) -> float:
        value = function(answers.y, getattr(answers, takes))
        if not isinstance(value, numbers.Real):
            raise TypeError(f"The metric {name!r} must return a number, not {value!r:.80}.")
        return float(value)

    return measure


def measured(metrics: Mapping[str, Callable[[ScoredExamples], float]], answers: ScoredExamples) -> dict[str, float]:
    """The value of each metric."""
    return {name: metric(answers) for name, metric in metrics.items()}
