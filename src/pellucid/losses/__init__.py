"""Losses: how wrong the scores are, and what they predict. `base.py` has the contract."""

from __future__ import annotations

from typing import Any

from pellucid.foreign import explain_constructors
from pellucid.losses.classes import Hinge, SigmoidCrossEntropy, SoftmaxCrossEntropy
from pellucid.losses.custom import CustomLoss
from pellucid.losses.links import LINKS, class_count, correct, metrics, predictions, probabilities
from pellucid.losses.loss import Loss
from pellucid.losses.numbers import AbsoluteError, Huber, Poisson, Quantile, SquaredError
from pellucid.losses.target import TargetScaling
from pellucid.validation import unknown_name_message

LOSSES: dict[str, type[Loss]] = {
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "huber": Huber,
    "quantile": Quantile,
    "poisson": Poisson,
    "softmax_cross_entropy": SoftmaxCrossEntropy,
    "sigmoid_cross_entropy": SigmoidCrossEntropy,
    "hinge": Hinge,
}
explain_constructors(LOSSES.values())


def find_loss(value: Any) -> Loss:
    """The loss that `value` is or names ("squared_error")."""
    if isinstance(value, Loss):
        return value
    if isinstance(value, str) and value in LOSSES:
        return LOSSES[value]()
    raise ValueError(unknown_name_message("loss", value, LOSSES))


__all__ = [
    "LINKS",
    "LOSSES",
    "AbsoluteError",
    "CustomLoss",
    "Hinge",
    "Huber",
    "Loss",
    "Poisson",
    "Quantile",
    "SigmoidCrossEntropy",
    "SoftmaxCrossEntropy",
    "SquaredError",
    "TargetScaling",
    "class_count",
    "correct",
    "find_loss",
    "metrics",
    "predictions",
    "probabilities",
]
