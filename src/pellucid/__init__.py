"""Pellucid: neural networks in which every number can be seen.

The public names are imported when they are first used, so that `import pellucid` costs no more than NumPy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from pellucid import datasets, plots
    from pellucid.formats.model_file import ModelFileError, load, save
    from pellucid.initializers import (
        GlorotNormal,
        GlorotUniform,
        HeNormal,
        HeUniform,
        Initializer,
        LeCunNormal,
        LeCunUniform,
        Normal,
        Zeros,
        normal,
    )
    from pellucid.layers import Dense, Dropout, Identity, Layer, ReLU, Rescale, Sigmoid, Softmax, Standardize, Tanh
    from pellucid.losses import Loss, SigmoidCrossEntropy, SoftmaxCrossEntropy, SquaredError
    from pellucid.network import Network
    from pellucid.optimizers import Adam, GradientDescent, Momentum, Nesterov, Optimizer
    from pellucid.penalties import L1, L2, Penalty
    from pellucid.schedules import ExponentialDecay, StepDecay
    from pellucid.training import Callback, DivergenceError, EarlyStopping, Every, History, Progress, Trainer

_HOMES = {
    "pellucid.formats.model_file": "ModelFileError load save",
    "pellucid.initializers": (
        "GlorotNormal GlorotUniform HeNormal HeUniform Initializer LeCunNormal LeCunUniform Normal Zeros normal"
    ),
    "pellucid.layers": "Dense Dropout Identity Layer ReLU Rescale Sigmoid Softmax Standardize Tanh",
    "pellucid.losses": "Loss SigmoidCrossEntropy SoftmaxCrossEntropy SquaredError",
    "pellucid.network": "Network",
    "pellucid.optimizers": "Adam GradientDescent Momentum Nesterov Optimizer",
    "pellucid.penalties": "L1 L2 Penalty",
    "pellucid.schedules": "ExponentialDecay StepDecay",
    "pellucid.training": "Callback DivergenceError EarlyStopping Every History Progress Trainer",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}
_MODULES = ("datasets", "plots")

__all__ = [
    "L1",
    "L2",
    "Adam",
    "Callback",
    "Dense",
    "DivergenceError",
    "Dropout",
    "EarlyStopping",
    "Every",
    "ExponentialDecay",
    "GlorotNormal",
    "GlorotUniform",
    "GradientDescent",
    "HeNormal",
    "HeUniform",
    "History",
    "Identity",
    "Initializer",
    "Layer",
    "LeCunNormal",
    "LeCunUniform",
    "Loss",
    "ModelFileError",
    "Momentum",
    "Nesterov",
    "Network",
    "Normal",
    "Optimizer",
    "Penalty",
    "Progress",
    "ReLU",
    "Rescale",
    "Sigmoid",
    "SigmoidCrossEntropy",
    "Softmax",
    "SoftmaxCrossEntropy",
    "SquaredError",
    "Standardize",
    "StepDecay",
    "Tanh",
    "Trainer",
    "Zeros",
    "datasets",
    "load",
    "normal",
    "plots",
    "save",
]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        value = getattr(import_module(_HOME_OF[name]), name)
    elif name in _MODULES:
        value = import_module(f"pellucid.{name}")
    else:
        raise AttributeError(f"module 'pellucid' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*_HOME_OF, *_MODULES, "__version__"])
