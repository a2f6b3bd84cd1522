"""Samples of every part: how to make one, and the shape of its input.

A battery takes its members from here, and fails for a class of `LAYERS`, `LOSSES`, `OPTIMIZERS`, `PENALTIES` or
`INITIALIZERS` that has no sample. So a new member joins by a line in its table.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import pellucid as pl
from pellucid.layers.layer import Layer
from pellucid.losses import Loss
from pellucid.typing import Array, Floats, Shape


@dataclass(frozen=True)
class LayerSample:
    """A layer and the shape of one example in front of it."""

    layer: Layer
    input_shape: Shape

    @property
    def free(self) -> int:
        """How many of a row's columns may hold any number; the others hold codes."""
        return self.input_shape[-1] - self.layer.code_columns

    def inputs(self, rows: int, seed: int = 0, scale: float = 1.0) -> Floats:
        """Normal numbers (rows, *input_shape), and codes where they must be."""
        x = random_numbers((rows, *self.input_shape), seed, scale)
        if isinstance(self.layer, pl.CategoryEmbedding):
            x[..., self.free :] = np.random.default_rng(seed).integers(
                0, self.layer.cardinalities, (*x.shape[:-1], x.shape[-1] - self.free)
            )
        return x

    def __str__(self) -> str:
        return f"{self.layer} on {self.input_shape}"


LAYER_SAMPLES = [
    LayerSample(pl.Dense(3), (4,)),
    LayerSample(pl.Dense(1), (1,)),
    LayerSample(pl.Dense(2, bias=False), (5,)),
    LayerSample(pl.Dense(5, weight_initializer=pl.Normal(0.3), bias_initializer="normal"), (2,)),
    LayerSample(pl.Dense(3, parametrization="ntk"), (4,)),
    LayerSample(pl.Dense(2, bias=False, parametrization="ntk"), (5,)),
    LayerSample(pl.Identity(), (3,)),
    LayerSample(pl.ReLU(), (6,)),
    LayerSample(pl.Sigmoid(), (4,)),
    LayerSample(pl.Tanh(), (4,)),
    LayerSample(pl.Softmax(), (4,)),
    LayerSample(pl.Softmax(), (1,)),
    LayerSample(pl.Dropout(0.0), (4,)),
    LayerSample(pl.Dropout(0.3), (7,)),
    LayerSample(pl.Dropout(pl.FlatCosine(0.4, steps=6, flat=0.25)), (7,)),
    LayerSample(pl.Standardize(), (3,)),
    LayerSample(pl.Rescale(0.25, offset=-1.5), (3,)),
    LayerSample(pl.Maxout(3, pieces=2), (4,)),
    LayerSample(pl.Maxout(2, pieces=3, weight_initializer="he_normal"), (3,)),
    LayerSample(pl.HardTanh(-0.6, 0.8), (5,)),
    LayerSample(pl.LeakyReLU(0.2), (5,)),
    LayerSample(pl.PReLU(), (4,)),
    LayerSample(pl.PReLU(0.1, per_unit=True), (4,)),
    LayerSample(pl.ELU(0.8), (5,)),
    LayerSample(pl.SELU(), (5,)),
    LayerSample(pl.GELU(), (5,)),
    LayerSample(pl.GELU("tanh"), (5,)),
    LayerSample(pl.SiLU(), (5,)),
    LayerSample(pl.Mish(), (5,)),
    LayerSample(pl.Softplus(), (5,)),
    LayerSample(pl.Softplus(3.0), (5,)),
    LayerSample(pl.Softsign(), (5,)),
    LayerSample(pl.ParametricActivation("mish"), (5,)),
    LayerSample(pl.ParametricActivation("selu"), (3,)),
    LayerSample(pl.Scale(), (4,)),
    LayerSample(pl.Scale(0.5), (2,)),
    LayerSample(pl.PeriodicEmbedding(frequencies=5, outputs=3), (4,)),
    LayerSample(pl.PeriodicEmbedding(1, frequencies=3, outputs=2, sigma=0.5), (3,)),
    LayerSample(pl.CategoryEmbedding((3, 4), size=2), (5,)),
    LayerSample(pl.CategoryEmbedding((2,)), (1,)),
    LayerSample(pl.GaussianNoise(0.2), (4,)),
    LayerSample(pl.BatchNormalization(), (4,)),
    LayerSample(pl.BatchNormalization(momentum=0.3, epsilon=1e-3), (2,)),
    LayerSample(pl.LayerNormalization(), (5,)),
    LayerSample(pl.MinMax(-1, 1), (3,)),
    LayerSample(pl.Center(), (3,)),
    LayerSample(pl.RobustScale(), (3,)),
    LayerSample(pl.RobustScale(limit=None), (3,)),
    LayerSample(pl.Flatten(), (3,)),
    LayerSample(pl.Reshape((-1,)), (6,)),
]

SLIDING_LAYER_SAMPLES = [
    LayerSample(pl.Conv1D(3, 2), (5, 2)),
    LayerSample(pl.Conv1D(2, 3, stride=2, padding="causal", dilation=2), (6, 3)),
    LayerSample(pl.Conv2D(3, 3), (5, 4, 2)),
    LayerSample(pl.Conv2D(2, (2, 3), stride=2, padding="same", bias=False), (5, 4, 1)),
    LayerSample(pl.Conv2D(4, 2, padding=((0, 1), (2, 0)), dilation=(1, 2), groups=2), (4, 5, 2)),
    LayerSample(pl.DepthwiseConv2D(3, padding="same"), (4, 3, 2)),
    LayerSample(pl.DepthwiseConv2D(2, multiplier=2, stride=2), (4, 5, 2)),
    LayerSample(pl.Conv2DTranspose(2, 3, stride=2, padding="same"), (3, 2, 3)),
    LayerSample(pl.MaxPooling1D(2), (5, 3)),
    LayerSample(pl.MaxPooling2D(2), (4, 5, 2)),
    LayerSample(pl.MaxPooling2D(3, stride=2, padding="same"), (4, 5, 2)),
    LayerSample(pl.AveragePooling1D(3, stride=1, padding="same"), (5, 2)),
    LayerSample(pl.AveragePooling2D((2, 3)), (4, 6, 2)),
    LayerSample(pl.GlobalMaxPooling(), (4, 3)),
    LayerSample(pl.GlobalAveragePooling(), (2, 3, 2)),
    LayerSample(pl.UpSampling2D((2, 3)), (2, 3, 2)),
    LayerSample(pl.GroupNormalization(1), (4,)),
    LayerSample(pl.GroupNormalization(2), (3, 4)),
    LayerSample(pl.SpatialDropout(0.4), (3, 2, 5)),
]
"""Layers that move across positions, and their kin."""

RANKED_LAYER_SAMPLES = [
    *LAYER_SAMPLES,
    *SLIDING_LAYER_SAMPLES,
    *(
        LayerSample(sample.layer, (*positions, *sample.input_shape))
        for sample in LAYER_SAMPLES
        if not isinstance(sample.layer, pl.Reshape)
        for positions in ((3,), (2, 3))
    ),
    LayerSample(pl.Reshape((3, 4)), (2, 3, 2)),
    LayerSample(pl.Reshape((12,)), (2, 3, 2)),
    LayerSample(pl.Reshape((2, 3)), (6,)),
    LayerSample(pl.Reshape((-1, 3)), (6,)),
]
"""The same on rows, on sequences (time, channels) and on images (height, width, channels)."""

FREE_LAYER_SAMPLES = [sample for sample in LAYER_SAMPLES if not sample.layer.code_columns]
"""Those that may stand anywhere: in front of them, no numbers need be whole."""


@dataclass(frozen=True)
class LossSample:
    """A loss, a number of outputs, and targets of four examples in one of the forms the loss takes."""

    name: str
    loss: Loss
    outputs: int
    y: Array

    def __str__(self) -> str:
        return self.name


_PROBABILITIES = np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [0.25, 0.25, 0.5], [0.0, 0.9, 0.1]])
_NUMBERS = np.array([[0.5, -1.0, 2.0], [0.0, 0.25, -3.0], [1.5, 1.0, 0.0], [-0.5, 0.75, 1.25]])

LOSS_SAMPLES = [
    LossSample("SquaredError of numbers", pl.SquaredError(), 3, _NUMBERS),
    LossSample("SquaredError of one number", pl.SquaredError(), 1, _NUMBERS[:, 0]),
    LossSample("SquaredError of classes", pl.SquaredError(), 3, np.array([0, 2, 1, 2])),
    LossSample("SoftmaxCrossEntropy of classes", pl.SoftmaxCrossEntropy(), 3, np.array([2, 0, 1, 1])),
    LossSample("SoftmaxCrossEntropy of probabilities", pl.SoftmaxCrossEntropy(), 3, _PROBABILITIES),
    LossSample("SoftmaxCrossEntropy, smoothed", pl.SoftmaxCrossEntropy(0.2), 3, np.array([2, 0, 1, 1])),
    LossSample("SoftmaxCrossEntropy of probabilities, smoothed", pl.SoftmaxCrossEntropy(0.2), 3, _PROBABILITIES),
    LossSample("AbsoluteError", pl.AbsoluteError(), 3, _NUMBERS),
    LossSample("Huber", pl.Huber(0.7), 3, _NUMBERS),
    LossSample("Quantile of one level", pl.Quantile((0.3,)), 1, _NUMBERS[:, 0]),
    LossSample("Quantile of several levels", pl.Quantile((0.1, 0.5, 0.9)), 3, _NUMBERS[:, 0]),
    LossSample("Poisson", pl.Poisson(), 3, np.array([[0, 1, 2], [3, 0, 0], [1, 5, 1], [2, 2, 0]])),
    LossSample("Hinge", pl.Hinge(0.7), 3, np.array([2, 0, 1, 1])),
    LossSample("Hinge of one output", pl.Hinge(), 1, np.array([1, 0, 0, 1])),
    LossSample("SigmoidCrossEntropy of one yes or no", pl.SigmoidCrossEntropy(), 1, np.array([1, 0, 0, 1])),
    LossSample("SigmoidCrossEntropy of several", pl.SigmoidCrossEntropy(), 3, np.round(_PROBABILITIES)),
    LossSample("SigmoidCrossEntropy, smoothed", pl.SigmoidCrossEntropy(0.2), 1, np.array([1, 0, 0, 1])),
    LossSample("SigmoidCrossEntropy of probabilities", pl.SigmoidCrossEntropy(), 3, _PROBABILITIES),
]

OPTIMIZER_SAMPLES = [
    pl.GradientDescent(0.1),
    pl.Momentum(0.05, momentum=0.8),
    pl.Momentum(0.05, momentum=0.0),
    pl.Nesterov(0.05, momentum=0.8),
    pl.Adam(0.1),
    pl.Adam(0.1, beta_1=0.5, beta_2=0.9, epsilon=1e-3),
    pl.Adam(0.1, epsilon=1e-3, epsilon_hat=True),
    pl.AdaGrad(0.1),
    pl.RMSProp(0.05, decay=0.9),
    pl.AdaDelta(1.0),
    pl.AdamW(0.1, weight_decay=0.1),
    pl.AdamW(pl.Cosine(0.1, steps=200), weight_decay=pl.FlatCosine(0.3, steps=8)),
    pl.AMSGrad(0.1, beta_2=0.9),
    pl.Adamax(0.1),
    pl.NAdam(0.1),
    pl.Lion(0.02),
    pl.Momentum(0.05, clip_norm=0.5, clip_value=0.3, weight_decay=0.1),
]

PENALTY_SAMPLES = [
    pl.L1(0.3),
    pl.L2(0.3),
    pl.L2(0.0),
    pl.L2(0.9, per_example=True),
    pl.ElasticNet(0.3, ratio=0.2),
    pl.ElasticNet(0.9, ratio=0.2, per_example=True),
]

INITIALIZER_SAMPLES = [
    pl.Zeros(),
    pl.Constant(0.3),
    pl.Normal(0.7),
    pl.Uniform(0.4),
    pl.Orthogonal(1.4),
    pl.UnitVariance(),
    pl.DataDependentBias(),
    pl.HeNormal(),
    pl.HeUniform(),
    pl.GlorotNormal(),
    pl.GlorotUniform(),
    pl.LeCunNormal(),
    pl.LeCunUniform(),
]


def random_numbers(shape: int | Shape, seed: int = 0, scale: float = 1.0) -> Floats:
    """Normal numbers from NumPy's own generator, not from ours."""
    return scale * np.random.default_rng(seed).normal(size=shape)


def classification(rows: int = 60, features: int = 3, classes: int = 3, seed: int = 0) -> tuple[Floats, Array]:
    """Inputs (rows, features) and classes (rows,) that a straight line cannot quite part; every class occurs."""
    generator = np.random.default_rng(seed)
    y = np.arange(rows) % classes
    centres = generator.normal(size=(classes, features))
    return centres[y] + 0.7 * generator.normal(size=(rows, features)), y
