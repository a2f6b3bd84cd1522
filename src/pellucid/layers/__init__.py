"""Layers: functions of a batch with parameters, and their derivatives. `base.py` has the contract."""

from __future__ import annotations

from pellucid.layers.activations import Identity, ReLU, Sigmoid, Softmax, Tanh
from pellucid.layers.base import Context, Layer, ParameterSpec
from pellucid.layers.dense import Dense
from pellucid.layers.dropout import Dropout
from pellucid.layers.scaling import Rescale, Standardize

LAYERS: dict[str, type[Layer]] = {
    cls.__name__: cls for cls in (Dense, Identity, ReLU, Sigmoid, Tanh, Softmax, Dropout, Standardize, Rescale)
}
"""Every layer of Pellucid by name: what a model file may ask for."""

__all__ = [
    "LAYERS",
    "Context",
    "Dense",
    "Dropout",
    "Identity",
    "Layer",
    "ParameterSpec",
    "ReLU",
    "Rescale",
    "Sigmoid",
    "Softmax",
    "Standardize",
    "Tanh",
]
