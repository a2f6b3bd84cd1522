"""Normalization: activations brought to mean 0 and variance 1, over the batch or over the row."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar, NamedTuple

import numpy as np

from pellucid.formulas import Formulas
from pellucid.initializers import Constant, Zeros
from pellucid.kernel import Kernel
from pellucid.layers.layer import Context, Gradients, Layer, ParameterSpec, as_rows
from pellucid.typing import Floats, Shape
from pellucid.validation import coerce_integer_field, coerce_number_field


class Normalized(NamedTuple):
    """What a normalization saves."""

    values: Floats
    """x̂ = (x − mean)/√(variance + ε), (n, …, d)."""
    inverse: Floats
    """1/√(variance + ε), (d,) or (n, …, 1)."""
    mean: Floats
    variance: Floats


@dataclass(frozen=True)
class BatchNormalization(Layer):
    """y = γ·x̂ + β with x̂ = (x − m)/√(v + ε): m and v are the batch's in training, running averages in prediction.

    In training each step moves the running averages: mean ← (1 − momentum)·mean + momentum·m, and the variance
    likewise with the unbiased variance of the batch, v·n/(n − 1). A batch of a single row is normalized by the running
    averages, since it has no variance.

    Parameters
    ----------
    momentum : float
        How far the running averages move in a step, 0 < momentum <= 1.
    epsilon : float
        Keeps the root away from 0, above 0.

    Notes
    -----
    PyTorch's meaning of momentum and defaults. γ and β are not penalized. Source: Ioffe and Szegedy, "Batch
    normalization", ICML 2015, algorithms 1 and 2.
    """

    momentum: float = 0.1
    epsilon: float = 1e-5
    formulas: ClassVar[Formulas] = Formulas(
        symbol="n",
        value="{scale}·x̂ + {shift} with x̂ = ({x} − m)/√(v + {epsilon})",
        gradient="{scale}/√(v + {epsilon})·({g} − mean of {g} − x̂·(mean of {g}·x̂)), without the means in prediction",
        parameters={"scale": ("γ", "Σ {g}·x̂"), "shift": ("β", "Σ {g}")},
        where="m and v are the batch's mean and variance, in prediction their running averages",
    )

    def __post_init__(self) -> None:
        coerce_number_field(self, "momentum", above=0.0, maximum=1.0)
        coerce_number_field(self, "epsilon", above=0.0)

    def parameter_specs(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        """γ (named scale) and β (named shift), one for each feature."""
        return _scale_and_shift(input_shape)

    def statistic_specs(self, input_shape: Shape) -> dict[str, tuple[Shape, float]]:
        """The running mean and variance of each feature."""
        return {"mean": (input_shape[-1:], 0.0), "variance": (input_shape[-1:], 1.0)}

    def forward(
        self, x: Floats, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, tuple[Normalized, bool]]:
        """x (n, …, d) -> γ·x̂ + β; saved: x̂, the root's inverse, and whether the batch's own numbers were used."""
        of_batch = context.training and len(as_rows(x)) > 1
        mean = as_rows(x).mean(axis=0) if of_batch else context.statistics.mean  # (d,)
        variance = np.square(as_rows(x) - mean).mean(axis=0) if of_batch else context.statistics.variance  # (d,)
        inverse = 1 / np.sqrt(variance + x.dtype.type(self.epsilon))  # (d,)
        values = (x - mean) * inverse  # (n, …, d)
        return parameters.scale * values + parameters.shift, (Normalized(values, inverse, mean, variance), of_batch)

    def backward(
        self, gradient: Floats, saved: tuple[Normalized, bool], parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """∂x = γ/√(v + ε)·(g − mean(g) − x̂·mean(g·x̂)), the means over the batch; in prediction γ/√(v + ε)·g."""
        normalized, of_batch = saved
        gradients = {"scale": as_rows(gradient * normalized.values).sum(axis=0), "shift": as_rows(gradient).sum(axis=0)}
        g = gradient * parameters.scale  # (n, …, d)
        if of_batch:
            g = g - as_rows(g).mean(axis=0) - normalized.values * as_rows(g * normalized.values).mean(axis=0)
        return g * normalized.inverse, gradients

    def updated_statistics(self, saved: Any, statistics: SimpleNamespace) -> dict[str, Floats]:
        """The running averages after a training step."""
        normalized, of_batch = saved
        if not of_batch:
            return {}
        rows = len(as_rows(normalized.values))
        unbiased = normalized.variance.astype(np.float64) * (rows / (rows - 1))  # (d,)
        move = self.momentum
        return {
            "mean": (1 - move) * statistics.mean + move * normalized.mean.astype(np.float64),
            "variance": (1 - move) * statistics.variance + move * unbiased,
        }

    def kernel(self) -> Kernel:
        """`batch_normalization`, with its momentum and ε."""
        return Kernel("batch_normalization", (self.momentum, self.epsilon))


@dataclass(frozen=True)
class LayerNormalization(Layer):
    """y = γ·x̂ + β with x̂ = (x − m)/√(v + ε): m and v are the mean and variance of each row over its features.

    The same in training and prediction, and for any batch size.

    Parameters
    ----------
    epsilon : float
        Keeps the root away from 0, above 0.

    Notes
    -----
    γ and β are not penalized. Source: Ba, Kiros and Hinton, "Layer normalization", 2016, equation 4.
    """

    epsilon: float = 1e-5
    formulas: ClassVar[Formulas] = Formulas(
        symbol="n",
        value="{scale}·x̂ + {shift} with x̂ = ({x} − m)/√(v + {epsilon})",
        gradient="(h − mean of h − x̂·(mean of h·x̂))/√(v + {epsilon}) with h = {scale}·{g}",
        parameters={"scale": ("γ", "Σ {g}·x̂"), "shift": ("β", "Σ {g}")},
        where="m and v are the row's mean and variance",
    )

    def __post_init__(self) -> None:
        coerce_number_field(self, "epsilon", above=0.0)

    def parameter_specs(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        """γ (named scale) and β (named shift), one for each feature."""
        return _scale_and_shift(input_shape)

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Normalized]:
        """x (n, …, d) -> γ·x̂ + β; saved: x̂ and the root's inverse."""
        mean = x.mean(axis=-1, keepdims=True)  # (n, …, 1)
        variance = np.square(x - mean).mean(axis=-1, keepdims=True)  # (n, …, 1)
        inverse = 1 / np.sqrt(variance + x.dtype.type(self.epsilon))  # (n, …, 1)
        values = (x - mean) * inverse  # (n, …, d)
        return parameters.scale * values + parameters.shift, Normalized(values, inverse, mean, variance)

    def backward(
        self, gradient: Floats, saved: Normalized, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """∂x = 1/√(v + ε)·(h − mean(h) − x̂·mean(h·x̂)), h = γg, the means over the row."""
        values, inverse = saved.values, saved.inverse
        gradients = {"scale": as_rows(gradient * values).sum(axis=0), "shift": as_rows(gradient).sum(axis=0)}  # (d,)
        h = gradient * parameters.scale  # (n, …, d)
        centred = h - h.mean(axis=-1, keepdims=True) - values * (h * values).mean(axis=-1, keepdims=True)
        return centred * inverse, gradients

    def kernel(self) -> Kernel:
        """`layer_normalization`, with ε."""
        return Kernel("layer_normalization", (self.epsilon,))


@dataclass(frozen=True)
class GroupNormalization(Layer):
    """y = γ·x̂ + β with x̂ = (x − m)/√(v + ε): m and v are those of an example's group of channels, over all positions.

    Between layer normalization over everything (one group) and instance normalization (a group for each channel); it
    needs no batch, and is the same in training and prediction.

    Parameters
    ----------
    groups : int
        Into how many groups the channels are divided; divides their number.
    epsilon : float
        Keeps the root away from 0, above 0.

    Raises
    ------
    ValueError
        If `groups` does not divide the channels.

    Examples
    --------
    >>> import pellucid as pl
    >>> network = pl.Network([pl.GroupNormalization(1, epsilon=1e-12)]).build((2, 1))
    >>> network.scores([[[1.0], [3.0]]])
    array([[[-1.],
            [ 1.]]], dtype=float32)

    Notes
    -----
    PyTorch's numbers; γ and β are those of a channel, and not penalized. Source: Wu and He, "Group normalization", ECCV
    2018, equations 1 to 7.
    """

    groups: int
    epsilon: float = 1e-5
    formulas: ClassVar[Formulas] = Formulas(
        symbol="n",
        value="{scale}·x̂ + {shift} with x̂ = ({x} − m)/√(v + {epsilon})",
        gradient="(h − mean of h − x̂·(mean of h·x̂))/√(v + {epsilon}) with h = {scale}·{g}",
        parameters={"scale": ("γ", "Σ {g}·x̂"), "shift": ("β", "Σ {g}")},
        where="m and v are mean and variance of a group of channels over all positions of an example",
    )

    def __post_init__(self) -> None:
        coerce_integer_field(self, "groups", minimum=1)
        coerce_number_field(self, "epsilon", above=0.0)

    def output_shape(self, input_shape: Shape) -> Shape:
        """The same."""
        if input_shape[-1] % self.groups:
            raise ValueError(f"groups must divide the number of channels, {input_shape[-1]}, but it is {self.groups}.")
        return input_shape

    def parameter_specs(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        """γ (named scale) and β (named shift), one for each channel."""
        return _scale_and_shift(input_shape)

    def _grouped(self, x: Floats) -> Floats:
        """x (n, *positions, d) as (n, positions, groups, d/groups)."""
        return x.reshape(len(x), math.prod(x.shape[1:-1]), self.groups, x.shape[-1] // self.groups)

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Normalized]:
        """x (n, *positions, d) -> γ·x̂ + β; saved: x̂ and the root's inverse."""
        grouped = self._grouped(x)
        mean = grouped.mean(axis=(1, 3), keepdims=True)  # (n, 1, groups, 1)
        variance = np.square(grouped - mean).mean(axis=(1, 3), keepdims=True)
        inverse = 1 / np.sqrt(variance + x.dtype.type(self.epsilon))
        values = ((grouped - mean) * inverse).reshape(x.shape)
        return parameters.scale * values + parameters.shift, Normalized(values, inverse, mean, variance)

    def backward(
        self, gradient: Floats, saved: Normalized, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """∂x = 1/√(v + ε)·(h − mean(h) − x̂·mean(h·x̂)), h = γg, the means over the group."""
        gradients = {"scale": as_rows(gradient * saved.values).sum(axis=0), "shift": as_rows(gradient).sum(axis=0)}
        h, values = self._grouped(gradient * parameters.scale), self._grouped(saved.values)
        centred = h - h.mean(axis=(1, 3), keepdims=True) - values * (h * values).mean(axis=(1, 3), keepdims=True)
        return (centred * saved.inverse).reshape(gradient.shape), gradients

    def kernel(self) -> Kernel:
        """`group_normalization`, with ε and the number of groups."""
        return Kernel("group_normalization", (self.epsilon, float(self.groups)))


def _scale_and_shift(input_shape: Shape) -> dict[str, ParameterSpec]:
    return {
        "scale": ParameterSpec(input_shape[-1:], Constant(1.0), penalized=False),
        "shift": ParameterSpec(input_shape[-1:], Zeros(), penalized=False),
    }
