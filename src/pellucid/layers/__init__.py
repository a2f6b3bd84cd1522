"""Layers: functions of a batch with parameters, and their derivatives. `base.py` has the contract."""

from __future__ import annotations

from pellucid.foreign import explain_constructors
from pellucid.layers.activations import HardTanh, Identity, ReLU, Sigmoid, Softmax, Softsign, Tanh
from pellucid.layers.containers import Add, Concatenate, Container, Join, Parallel, Residual, Sequential
from pellucid.layers.convolution import Conv1D, Conv2D, Conv2DTranspose, DepthwiseConv2D
from pellucid.layers.dense import Dense
from pellucid.layers.dropout import Dropout, SpatialDropout
from pellucid.layers.embedding import CategoryEmbedding
from pellucid.layers.layer import Context, Layer, ParameterSpec
from pellucid.layers.maxout import Maxout
from pellucid.layers.noise import GaussianNoise
from pellucid.layers.normalization import BatchNormalization, GroupNormalization, LayerNormalization
from pellucid.layers.parametric import ParametricActivation
from pellucid.layers.periodic import PeriodicEmbedding
from pellucid.layers.pooling import (
    AveragePooling1D,
    AveragePooling2D,
    GlobalAveragePooling,
    GlobalMaxPooling,
    MaxPooling1D,
    MaxPooling2D,
    UpSampling2D,
)
from pellucid.layers.rectifiers import ELU, GELU, SELU, LeakyReLU, Mish, PReLU, SiLU, Softplus
from pellucid.layers.scale import Scale
from pellucid.layers.scaling import Center, MinMax, Rescale, RobustScale, Standardize
from pellucid.layers.shapes import Flatten, Reshape

_ALL: tuple[type[Layer], ...] = (
    Dense, Maxout, Conv1D, Conv2D, DepthwiseConv2D, Conv2DTranspose,
    MaxPooling1D, MaxPooling2D, AveragePooling1D, AveragePooling2D, GlobalMaxPooling, GlobalAveragePooling,
    UpSampling2D, SpatialDropout, GroupNormalization,
    Identity, Sigmoid, Tanh, HardTanh, ReLU, LeakyReLU, PReLU, ELU, SELU, GELU, SiLU, Mish, Softplus, Softsign, Softmax,
    ParametricActivation,
    Dropout, GaussianNoise, BatchNormalization, LayerNormalization, Scale,
    Standardize, MinMax, RobustScale, Center, Rescale,
    PeriodicEmbedding, CategoryEmbedding,
    Flatten, Reshape, Sequential, Residual, Parallel,
)  # fmt: skip

explain_constructors(_ALL)

LAYERS: dict[str, type[Layer]] = {cls.__name__: cls for cls in _ALL}
"""Every layer of Pellucid by name: what a model file may ask for."""

ACTIVATIONS: dict[str, type[Layer]] = {
    "identity": Identity,
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "hard_tanh": HardTanh,
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "prelu": PReLU,
    "elu": ELU,
    "selu": SELU,
    "gelu": GELU,
    "silu": SiLU,
    "mish": Mish,
    "softplus": Softplus,
    "softsign": Softsign,
    "softmax": Softmax,
}
"""The activations by the names people type."""

__all__ = [
    "ACTIVATIONS",
    "ELU",
    "GELU",
    "LAYERS",
    "SELU",
    "Add",
    "AveragePooling1D",
    "AveragePooling2D",
    "BatchNormalization",
    "CategoryEmbedding",
    "Center",
    "Concatenate",
    "Container",
    "Context",
    "Conv1D",
    "Conv2D",
    "Conv2DTranspose",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "Flatten",
    "GaussianNoise",
    "GlobalAveragePooling",
    "GlobalMaxPooling",
    "GroupNormalization",
    "HardTanh",
    "Identity",
    "Join",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "MaxPooling1D",
    "MaxPooling2D",
    "Maxout",
    "MinMax",
    "Mish",
    "PReLU",
    "Parallel",
    "ParameterSpec",
    "ParametricActivation",
    "PeriodicEmbedding",
    "ReLU",
    "Rescale",
    "Reshape",
    "Residual",
    "RobustScale",
    "Scale",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Softsign",
    "SpatialDropout",
    "Standardize",
    "Tanh",
    "UpSampling2D",
]
