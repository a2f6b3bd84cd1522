"""Members of every registry, for batteries that take each class by its existing: made with its defaults, and variants.

A class that cannot be made without arguments needs a line in `VARIANTS`; the others may have one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pellucid as pl
from pellucid.layers import LAYERS, Container
from pellucid.layers.layer import Layer
from pellucid.layers.parametric import FUNCTIONS
from pellucid.losses import LOSSES, Loss
from pellucid.optimizers import OPTIMIZERS, Optimizer
from pellucid.penalties import PENALTIES, Penalty

VARIANTS: dict[str, list[Any]] = {
    "Dense": [
        pl.Dense(7),
        pl.Dense(40, bias=False),
        *(pl.Dense(23, bias=b, parametrization="ntk") for b in (True, False)),
    ],
    "Maxout": [pl.Maxout(3), pl.Maxout(21, 3)],
    "Rescale": [pl.Rescale(0.5, 0.25)],
    "HardTanh": [pl.HardTanh(-0.3, 0.8)],
    "LeakyReLU": [pl.LeakyReLU(-0.4)],
    "PReLU": [pl.PReLU(per_unit=True)],
    "ParametricActivation": [pl.ParametricActivation(name) for name in FUNCTIONS],
    "PeriodicEmbedding": [pl.PeriodicEmbedding(1, 17, 2)],
    "Reshape": [pl.Reshape((-1,))],
    "CategoryEmbedding": [pl.CategoryEmbedding((3, 1, 21), size=5)],
    "ELU": [pl.ELU(1.7)],
    "GELU": [pl.GELU("tanh")],
    "Softplus": [pl.Softplus(3.0)],
    "Dropout": [pl.Dropout(0.3), pl.Dropout(0.0)],
    "GaussianNoise": [pl.GaussianNoise(0.5), pl.GaussianNoise(0.0)],
    "BatchNormalization": [pl.BatchNormalization(0.7, 0.1)],
    "LayerNormalization": [pl.LayerNormalization(0.5)],
    "GroupNormalization": [pl.GroupNormalization(1)],
    "SpatialDropout": [pl.SpatialDropout(0.3)],
    "MinMax": [pl.MinMax(-2.0, 1.0)],
    "RobustScale": [pl.RobustScale(None)],
    "L1": [pl.L1(0.01)],
    "L2": [pl.L2(0.02)],
    "ElasticNet": [pl.ElasticNet(0.02, 0.3)],
    "Huber": [pl.Huber(0.3)],
    "Quantile": [pl.Quantile((0.1, 0.5, 0.9))],
    "Hinge": [pl.Hinge(0.4)],
    "SoftmaxCrossEntropy": [pl.SoftmaxCrossEntropy(0.2)],
    "Momentum": [pl.Momentum(0.001, 0.8)],
    "Adam": [pl.Adam(0.001, 0.8, 0.9, 1e-6)],
    "NAdam": [pl.NAdam(0.001, momentum_decay=0.5)],
}


def _members(classes: Mapping[str, type[Any]]) -> list[Any]:
    members = []
    for cls in classes.values():
        if issubclass(cls, Container) or hasattr(cls, "windows"):  # they need positions: their batteries are others
            continue
        variants = VARIANTS.get(cls.__name__, [])
        try:
            members.append(cls())
        except TypeError:
            assert variants, f"{cls.__name__} needs arguments: give it a line in VARIANTS"
        members += variants
    return members


ALL_LAYERS: list[Layer] = _members(LAYERS)
ALL_LOSSES: list[Loss] = _members(LOSSES)
ALL_OPTIMIZERS: list[Optimizer] = _members(OPTIMIZERS)
ALL_PENALTIES: list[Penalty] = _members(PENALTIES)
