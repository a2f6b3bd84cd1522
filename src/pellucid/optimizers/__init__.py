"""Optimizers: how a gradient becomes a step. `base.py` has the contract."""

from __future__ import annotations

from typing import Any

from pellucid.foreign import explain_constructors
from pellucid.optimizers.adam import Adam, Adamax, AdamW, AMSGrad, NAdam
from pellucid.optimizers.adaptive import AdaDelta, AdaGrad, Lion, RMSProp
from pellucid.optimizers.descent import GradientDescent, Momentum, Nesterov
from pellucid.optimizers.optimizer import Optimizer, Slots
from pellucid.validation import unknown_name_message

OPTIMIZERS: dict[str, type[Optimizer]] = {
    "gradient_descent": GradientDescent,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "adagrad": AdaGrad,
    "rmsprop": RMSProp,
    "adadelta": AdaDelta,
    "adam": Adam,
    "adamw": AdamW,
    "amsgrad": AMSGrad,
    "adamax": Adamax,
    "nadam": NAdam,
    "lion": Lion,
}
explain_constructors(OPTIMIZERS.values())


def find_optimizer(value: Any) -> Optimizer:
    """The optimizer that `value` is or names ("adam", with its defaults)."""
    if isinstance(value, Optimizer):
        return value
    if isinstance(value, str) and value in OPTIMIZERS:
        return OPTIMIZERS[value]()
    raise ValueError(unknown_name_message("optimizer", value, OPTIMIZERS))


__all__ = [
    "OPTIMIZERS",
    "AMSGrad",
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Adamax",
    "GradientDescent",
    "Lion",
    "Momentum",
    "NAdam",
    "Nesterov",
    "Optimizer",
    "RMSProp",
    "Slots",
    "find_optimizer",
]
