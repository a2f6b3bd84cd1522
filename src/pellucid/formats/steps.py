"""The steps of a prediction: a trained network as a plain list that is easy to write in another language.

Contract: `prediction_of(network)` answers a `Prediction`: steps in the order of the computation, each a frozen record
of numbers with `apply(x)`, which computes it in NumPy, (n, inputs) -> (n, outputs of the step). What a layer comes to
in prediction stands in `STEPS_OF`, by its class: dropout and noise to nothing, a batch normalization to an affine
function of each feature, a maxout to a dense layer and a maximum. An affine function behind a dense layer is folded
into its weights. A language (C, NumPy, JavaScript) has to know the steps below and the expressions of the activations,
and no layer.

`scaling` are the scalings in front of the network: they work on the data's own numbers, so a language computes them in
double precision, or with a mean of two parts. All numbers are float64 here, and are rounded where they are written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from pellucid import layers
from pellucid.layers.base import NO_NAMES, Context, Layer
from pellucid.losses import Quantile, TargetScaling
from pellucid.network import Network
from pellucid.numerics import softmax
from pellucid.program.compilation import Instruction
from pellucid.tables.encoder import TableEncoder
from pellucid.typing import Floats


@dataclass(frozen=True, eq=False)
class Step:
    """The family's base.

    Parameters
    ----------
    index : int
        The layer it comes from.
    words : str
        What that layer is called, for comments.
    """

    index: int
    words: str

    def apply(self, x: Floats) -> Floats:
        """The step's outputs (n, d_out) for its inputs (n, d_in)."""
        raise NotImplementedError

    def width(self, inputs: int) -> int:
        """How many numbers come out for so many that go in."""
        return inputs


@dataclass(frozen=True, eq=False)
class Affine(Step):
    """y = (x − centre)·scale + shift, feature by feature, (d,) each. The difference comes first: it is small where x
    and the centre are large.
    """

    centre: Floats
    scale: Floats
    shift: Floats

    def apply(self, x: Floats) -> Floats:
        """(n, d) -> (n, d)."""
        return (x - self.centre) * self.scale + self.shift


@dataclass(frozen=True, eq=False)
class DenseStep(Step):
    """y = x W + b with W (d_in, d_out) and b (d_out,)."""

    weight: Floats
    bias: Floats

    def apply(self, x: Floats) -> Floats:
        """(n, d_in) @ (d_in, d_out) -> (n, d_out)."""
        return x @ self.weight + self.bias

    def width(self, inputs: int) -> int:
        """d_out."""
        return self.weight.shape[1]


@dataclass(frozen=True, eq=False)
class Largest(Step):
    """yⱼ = the largest of the `pieces` numbers that stand side by side from j·pieces on."""

    pieces: int

    def apply(self, x: Floats) -> Floats:
        """(n, d·pieces) -> (n, d)."""
        return x.reshape(len(x), -1, self.pieces).max(axis=2)

    def width(self, inputs: int) -> int:
        """D."""
        return inputs // self.pieces


@dataclass(frozen=True, eq=False)
class Elementwise(Step):
    """An activation without parameters: `layer`, by whose class a language finds its expression."""

    layer: Layer

    def apply(self, x: Floats) -> Floats:
        """(n, d) -> (n, d)."""
        return self.layer.forward(x, NO_NAMES, Context())[0]


@dataclass(frozen=True, eq=False)
class SoftClip(Step):
    """y = z/√(1 + (z/limit)²)."""

    limit: float

    def apply(self, x: Floats) -> Floats:
        """(n, d) -> (n, d)."""
        return x / np.sqrt(1 + np.square(x / self.limit))


@dataclass(frozen=True, eq=False)
class Slopes(Step):
    """y = x for x > 0, else slope·x, with a slope (d,) for each feature."""

    slope: Floats

    def apply(self, x: Floats) -> Floats:
        """(n, d) -> (n, d)."""
        return np.where(x > 0, x, self.slope * x)


@dataclass(frozen=True, eq=False)
class Bend(Step):
    """y = x + share·(f(x) − x), with f the activation `layer` and a share (d,) of each feature."""

    layer: Layer
    share: Floats

    def apply(self, x: Floats) -> Floats:
        """(n, d) -> (n, d)."""
        return x + self.share * (self.layer.forward(x, NO_NAMES, Context())[0] - x)


@dataclass(frozen=True, eq=False)
class NormalizeRow(Step):
    """y = scale·(x − m)/√(v + ε) + shift, with m and v the mean and variance of the row."""

    scale: Floats
    shift: Floats
    epsilon: float

    def apply(self, x: Floats) -> Floats:
        """(n, d) -> (n, d)."""
        centred = x - x.mean(axis=1, keepdims=True)  # (n, d)
        variance = np.square(centred).mean(axis=1, keepdims=True)  # (n, 1)
        return self.scale * centred / np.sqrt(variance + self.epsilon) + self.shift


@dataclass(frozen=True, eq=False)
class Waves(Step):
    """Each of the first m numbers x as (x, cos(2π x w + b) V + c), and behind them all the other columns.

    w and b (m, waves), V (m, waves, more), c (m, more).
    """

    frequency: Floats
    phase: Floats
    mixture: Floats
    bias: Floats

    @property
    def angle(self) -> Floats:
        """2π w: what a number is multiplied with, (m, waves)."""
        return 2 * np.pi * self.frequency

    def apply(self, x: Floats) -> Floats:
        """(n, d) -> (n, d + m·more)."""
        m = len(self.bias)
        waves = np.cos(x[:, :m, None] * self.angle + self.phase)  # (n, m, waves)
        mixed = np.einsum("nmk,mkj->nmj", waves, self.mixture) + self.bias  # (n, m, more)
        return np.concatenate([np.dstack([x[:, :m], mixed]).reshape(len(x), -1), x[:, m:]], axis=1)

    def width(self, inputs: int) -> int:
        """D + m·more."""
        return inputs + self.bias.size


@dataclass(frozen=True, eq=False)
class Lookup(Step):
    """The last columns hold codes, 0 … count − 1 each, and are replaced by rows of `table` (all counts, size): those of
    one column's codes stand below those of the one before.
    """

    table: Floats
    cardinalities: tuple[int, ...]

    @property
    def offsets(self) -> list[int]:
        """Where the rows of each column begin."""
        return [sum(self.cardinalities[:place]) for place in range(len(self.cardinalities))]

    def apply(self, x: Floats) -> Floats:
        """(n, d) -> (n, d − columns of codes + those of their rows)."""
        first = x.shape[1] - len(self.cardinalities)
        rows = x[:, first:].astype(np.int64) + self.offsets  # (n, columns of codes)
        return np.concatenate([x[:, :first], self.table[rows].reshape(len(x), -1)], axis=1)

    def width(self, inputs: int) -> int:
        """D and what the vectors are wider than the codes."""
        return inputs + len(self.cardinalities) * (self.table.shape[1] - 1)


@dataclass(frozen=True, eq=False)
class SoftmaxStep(Step):
    """yⱼ = exp(xⱼ − max x)/Σₖ exp(xₖ − max x), over the row."""

    def apply(self, x: Floats) -> Floats:
        """(n, d) -> (n, d)."""
        return softmax(x)


class Prediction(NamedTuple):
    """All that a language has to write down."""

    scaling: tuple[Step, ...]
    """The scalings in front, on the data's own numbers."""
    steps: tuple[Step, ...]
    """What follows, in `dtype`."""
    inputs: int
    outputs: int
    dtype: np.dtype[Any]
    link: str
    """How scores become predictions, one of `LINKS`."""
    target: TargetScaling | None
    """The unit of the predicted numbers, where scores are in another."""
    classes: tuple[str, ...] | None
    summary: str
    """The table of the layers."""
    encoder: TableEncoder | None = None
    """How the columns of a table become the inputs."""
    places: tuple[int, ...] = ()
    """Of quantiles: which of the predicted numbers, sorted, each output answers; () where they are as they come."""

    @property
    def all_steps(self) -> tuple[Step, ...]:
        """Scaling and steps."""
        return (*self.scaling, *self.steps)

    @property
    def class_count(self) -> int:
        """How many classes `predict` tells apart; 0 where it answers numbers, or several of yes and no."""
        if self.link in ("softmax", "argmax"):
            return self.outputs
        return 2 if self.link in ("sigmoid", "sign") and self.outputs == 1 else 0

    @property
    def probability_count(self) -> int:
        """How many probabilities there are for one row; 0 where there are none."""
        if self.link not in ("softmax", "sigmoid"):
            return 0
        return self.class_count or self.outputs

    def scores(self, x: Floats) -> Floats:
        """The scores (n, outputs) of rows (n, inputs), step by step in float64."""
        for step in self.all_steps:
            x = step.apply(x)
        return x


class _Numbers(NamedTuple):
    """What a layer is made of, in float64."""

    parameters: SimpleNamespace
    statistics: SimpleNamespace
    inputs: int


Translation = Callable[[Any, "_Numbers", int, str], Sequence[Step]]
"""(layer, its numbers, its index, its words) -> its steps."""


def _nothing(layer: Layer, numbers: _Numbers, index: int, words: str) -> Sequence[Step]:
    return ()


def _elementwise(layer: Layer, numbers: _Numbers, index: int, words: str) -> Sequence[Step]:
    return (Elementwise(index, words, layer),)


def _dense(layer: layers.Dense, numbers: _Numbers, index: int, words: str) -> Sequence[Step]:
    bias = numbers.parameters.bias if layer.bias else np.zeros(layer.units)
    return (DenseStep(index, words, numbers.parameters.weight * layer.factor(numbers.inputs), bias),)


def _maxout(layer: layers.Maxout, numbers: _Numbers, index: int, words: str) -> Sequence[Step]:
    dense = DenseStep(index, words, numbers.parameters.weight, numbers.parameters.bias)
    return (dense, Largest(index, words, layer.pieces))


def _slopes(layer: layers.PReLU, numbers: _Numbers, index: int, words: str) -> Sequence[Step]:
    return (Slopes(index, words, np.broadcast_to(numbers.parameters.slope, (numbers.inputs,))),)


def _bend(layer: layers.ParametricActivation, numbers: _Numbers, index: int, words: str) -> Sequence[Step]:
    return (Bend(index, words, layer.activation, numbers.parameters.share),)


def _scale(layer: layers.Scale, numbers: _Numbers, index: int, words: str) -> Sequence[Step]:
    zero = np.zeros(numbers.inputs)
    return (Affine(index, words, zero, numbers.parameters.scale, zero),)


def _waves(layer: layers.PeriodicEmbedding, numbers: _Numbers, index: int, words: str) -> Sequence[Step]:
    p = numbers.parameters
    mixture = p.weight.reshape(*p.frequency.shape, -1)  # (m, waves, more)
    return (Waves(index, words, p.frequency, p.phase, mixture, p.bias),)


def _lookup(layer: layers.Embedding, numbers: _Numbers, index: int, words: str) -> Sequence[Step]:
    return (Lookup(index, words, numbers.parameters.weight, layer.cardinalities),)


def _softmax(layer: layers.Softmax, numbers: _Numbers, index: int, words: str) -> Sequence[Step]:
    return (SoftmaxStep(index, words),)


def _batch(layer: layers.BatchNormalization, numbers: _Numbers, index: int, words: str) -> Sequence[Step]:
    p, s, _ = numbers
    return (Affine(index, words, s.mean, p.scale / np.sqrt(s.variance + layer.epsilon), p.shift),)


def _row(layer: layers.LayerNormalization, numbers: _Numbers, index: int, words: str) -> Sequence[Step]:
    return (NormalizeRow(index, words, numbers.parameters.scale, numbers.parameters.shift, layer.epsilon),)


def _measured(layer: Layer, numbers: _Numbers, index: int, words: str) -> Sequence[Step]:
    return (Affine(index, words, numbers.statistics.mean, numbers.statistics.scale, np.zeros(numbers.inputs)),)


def _robust(layer: layers.RobustScale, numbers: _Numbers, index: int, words: str) -> Sequence[Step]:
    clip = () if layer.limit is None else (SoftClip(index, words, layer.limit),)
    return (*_measured(layer, numbers, index, words), *clip)


def _rescale(layer: layers.Rescale, numbers: _Numbers, index: int, words: str) -> Sequence[Step]:
    one = np.ones(numbers.inputs)
    return (Affine(index, words, 0 * one, layer.scale * one, layer.offset * one),)


STEPS_OF: dict[type[Layer], Translation] = {
    layers.Dense: _dense,
    layers.Maxout: _maxout,
    layers.Identity: _nothing,
    layers.Sigmoid: _elementwise,
    layers.Tanh: _elementwise,
    layers.HardTanh: _elementwise,
    layers.ReLU: _elementwise,
    layers.LeakyReLU: _elementwise,
    layers.PReLU: _slopes,
    layers.ELU: _elementwise,
    layers.SELU: _elementwise,
    layers.GELU: _elementwise,
    layers.SiLU: _elementwise,
    layers.Mish: _elementwise,
    layers.Softplus: _elementwise,
    layers.Softsign: _elementwise,
    layers.Softmax: _softmax,
    layers.ParametricActivation: _bend,
    layers.Dropout: _nothing,
    layers.GaussianNoise: _nothing,
    layers.BatchNormalization: _batch,
    layers.LayerNormalization: _row,
    layers.Scale: _scale,
    layers.Standardize: _measured,
    layers.MinMax: _measured,
    layers.Center: _measured,
    layers.RobustScale: _robust,
    layers.Rescale: _rescale,
    layers.PeriodicEmbedding: _waves,
    layers.Embedding: _lookup,
}
"""What each layer comes to in prediction. A layer of one's own joins with a function of the same form."""


def prediction_of(network: Network) -> Prediction:
    """The steps by which a network predicts.

    Raises
    ------
    ValueError
        If the network has no parameters yet, one of its numbers is not finite, it takes other inputs than rows of
        numbers, or a layer of one's own stands in it, whose steps are not known.
    """
    program = network.program
    if len(program.input_shape) != 1:
        raise ValueError(
            f"The network takes examples of the shape {program.input_shape}, but only rows of numbers can be exported "
            f"as source: train it on x.reshape(len(x), -1)."
        )
    numbers = {**network.named_parameters(), **network.named_statistics()}
    for name, values in numbers.items():
        if not np.isfinite(values).all():
            raise ValueError(f"{name} holds numbers that are not finite: such a network cannot be exported.")
    parts = [_steps(instruction, network) for instruction in program.instructions]
    scaling = [step for part in parts[: program.leading_scalings] for step in part]
    rest = [step for part in parts[program.leading_scalings :] for step in part]
    return Prediction(
        tuple(scaling),
        _folded(rest),
        program.input_shape[0],
        program.outputs,
        network.dtype,
        network.link,
        network.target,
        network.classes,
        network.summary(),
        network.preprocessing,
        network.loss.places if isinstance(network.loss, Quantile) else (),
    )


def _steps(instruction: Instruction, network: Network) -> Sequence[Step]:
    layer = instruction.layer
    if type(layer) not in STEPS_OF:
        raise ValueError(
            f"{instruction.name} is a layer of your own: what it comes to in other languages is not known. Put layers "
            f"of Pellucid in its place, or say by which steps it predicts: "
            f"pellucid.formats.steps.STEPS_OF[{type(layer).__name__}] = function."
        )
    parameters = {view.name: view.of(network.parameters).astype(np.float64) for view in instruction.parameters}
    statistics = {view.name: view.of(network.statistics) for view in instruction.statistics}
    numbers = _Numbers(SimpleNamespace(**parameters), SimpleNamespace(**statistics), instruction.input_shape[0])
    return STEPS_OF[type(layer)](layer, numbers, instruction.index, str(layer))


def _folded(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps with every affine function behind a dense layer taken into its weights."""
    result: list[Step] = []
    for step in steps:
        last = result[-1] if result else None
        if isinstance(step, Affine) and isinstance(last, DenseStep):
            weight, bias = last.weight * step.scale, (last.bias - step.centre) * step.scale + step.shift
            result[-1] = DenseStep(last.index, f"{last.words}, {step.words}", weight, bias)
        else:
            result.append(step)
    return tuple(result)
