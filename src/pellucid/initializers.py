"""Initializers: the numbers a weight starts from.

Contract: a frozen dataclass with `draw(shape, stream, fans)`, which returns float64 numbers of that shape, a pure
function of the stream. The fans of a parameter, n_in and n_out, are how many numbers meet in one output and how many
outputs one input has: of a weight (d_in, d_out) those are d_in and d_out. One that is `from_data` has a second word
when training begins: `adapt(values, outputs, stream)`, given what the layer makes of training rows with the values it
has. Layers are adapted from the first to the last, and in each the weight before the bias.

Zeros, constants and one distribution too narrow or too wide is how training fails before it begins: the variance of
the weights must keep the signal's size from layer to layer, so it is 1/n or 2/n for a sum of n terms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from pellucid.configuration import from_configuration
from pellucid.streams import Stream
from pellucid.typing import Floats, Shape
from pellucid.validation import coerce_integer_field, coerce_number_field, unknown_name_message


class Fans(NamedTuple):
    """The fan-in and the fan-out of a parameter."""

    fan_in: int
    fan_out: int


def fans_of(shape: Shape, fans: Fans | None) -> Fans:
    """The fans as given, or those of a matrix (d_in, d_out)."""
    return fans or Fans(shape[0], shape[-1])


@dataclass(frozen=True)
class Initializer:
    """The family's base: how a parameter's first numbers are drawn."""

    from_data: ClassVar[bool] = False
    """Whether `adapt` changes the numbers once the training inputs are known."""

    for_weights: ClassVar[bool] = True
    """Whether weights can start from it; False: biases alone."""

    def draw(self, shape: Shape, stream: Stream, fans: Fans | None = None) -> Floats:
        """Numbers of the given shape, float64, the same for the same stream; fans None: those of a matrix."""
        raise NotImplementedError

    def adapt(self, values: Floats, outputs: Floats, stream: Stream) -> Floats:
        """The values, adapted to the outputs (n, units) that the layer has for n training rows with them."""
        return values


@dataclass(frozen=True)
class Zeros(Initializer):
    """Every number 0: right for biases, wrong for weights.

    Units that start equal receive equal gradients and stay equal for ever: a layer of zeros learns as if it had a
    single unit, and between two layers of zeros no gradient passes at all.
    """

    def draw(self, shape: Shape, stream: Stream, fans: Fans | None = None) -> Floats:
        """Zeros of the given shape."""
        return np.zeros(shape)


@dataclass(frozen=True)
class Normal(Initializer):
    """Numbers from N(0, scale²).

    Parameters
    ----------
    scale : float
        The standard deviation.
    """

    scale: float = 1.0

    def __post_init__(self) -> None:
        coerce_number_field(self, "scale", minimum=0.0)

    def draw(self, shape: Shape, stream: Stream, fans: Fans | None = None) -> Floats:
        """Normal numbers of the given shape."""
        return stream.normal(shape, scale=self.scale)


@dataclass(frozen=True)
class Constant(Initializer):
    """Every number the same; as a weight it breaks symmetry no more than zeros do.

    Parameters
    ----------
    value : float
        The number.
    """

    value: float = 0.0

    def __post_init__(self) -> None:
        coerce_number_field(self, "value")

    def draw(self, shape: Shape, stream: Stream, fans: Fans | None = None) -> Floats:
        """The value, in the given shape."""
        return np.full(shape, float(self.value))


@dataclass(frozen=True)
class Uniform(Initializer):
    """Numbers from U(−limit, limit).

    Parameters
    ----------
    limit : float
        The largest absolute value, at least 0.
    """

    limit: float = 0.05

    def __post_init__(self) -> None:
        coerce_number_field(self, "limit", minimum=0.0)

    def draw(self, shape: Shape, stream: Stream, fans: Fans | None = None) -> Floats:
        """Uniform numbers of the given shape."""
        return stream.uniform(shape, -self.limit, self.limit)


@dataclass(frozen=True)
class HeNormal(Initializer):
    """Numbers from N(0, 2/n_in), for ReLU and its kin.

    Source: He, Zhang, Ren and Sun, "Delving deep into rectifiers", ICCV 2015, equation 12.
    """

    def draw(self, shape: Shape, stream: Stream, fans: Fans | None = None) -> Floats:
        """Normal numbers of variance 2/n_in."""
        return stream.normal(shape, scale=math.sqrt(2.0 / fans_of(shape, fans).fan_in))


@dataclass(frozen=True)
class HeUniform(Initializer):
    """Numbers from U(−a, a), a = √(6/n_in): the variance of `HeNormal`, bounded.

    Source: as `HeNormal`.
    """

    def draw(self, shape: Shape, stream: Stream, fans: Fans | None = None) -> Floats:
        """Uniform numbers of variance 2/n_in."""
        limit = math.sqrt(6.0 / fans_of(shape, fans).fan_in)
        return stream.uniform(shape, -limit, limit)


@dataclass(frozen=True)
class GlorotNormal(Initializer):
    """Numbers from N(0, 2/(n_in + n_out)), for tanh, sigmoid and linear layers.

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    AISTATS 2010, equation 12 (there in its uniform form).
    """

    def draw(self, shape: Shape, stream: Stream, fans: Fans | None = None) -> Floats:
        """Normal numbers of variance 2/(n_in + n_out)."""
        return stream.normal(shape, scale=math.sqrt(2.0 / sum(fans_of(shape, fans))))


@dataclass(frozen=True)
class GlorotUniform(Initializer):
    """Numbers from U(−a, a), a = √(6/(n_in + n_out)).

    Source: as `GlorotNormal`, equation 16.
    """

    def draw(self, shape: Shape, stream: Stream, fans: Fans | None = None) -> Floats:
        """Uniform numbers of variance 2/(n_in + n_out)."""
        limit = math.sqrt(6.0 / sum(fans_of(shape, fans)))
        return stream.uniform(shape, -limit, limit)


@dataclass(frozen=True)
class LeCunNormal(Initializer):
    """Numbers from N(0, 1/n_in): unit variance in, unit variance out, for a linear unit.

    Source: LeCun, Bottou, Orr and Müller, "Efficient BackProp", 1998, equation 16.
    """

    def draw(self, shape: Shape, stream: Stream, fans: Fans | None = None) -> Floats:
        """Normal numbers of variance 1/n_in."""
        return stream.normal(shape, scale=math.sqrt(1.0 / fans_of(shape, fans).fan_in))


@dataclass(frozen=True)
class LeCunUniform(Initializer):
    """Numbers from U(−a, a), a = √(3/n_in): the variance of `LeCunNormal`, bounded."""

    def draw(self, shape: Shape, stream: Stream, fans: Fans | None = None) -> Floats:
        """Uniform numbers of variance 1/n_in."""
        limit = math.sqrt(3.0 / fans_of(shape, fans).fan_in)
        return stream.uniform(shape, -limit, limit)


@dataclass(frozen=True)
class Orthogonal(Initializer):
    """A random matrix with orthonormal columns (or rows, where it is wider than high), times a gain.

    It keeps the length of what passes through it, whatever the depth. Drawn as Q of the QR decomposition of a normal
    matrix, its signs fixed by the diagonal of R, which makes it uniform over all such matrices.

    Parameters
    ----------
    gain : float
        The factor, above 0: √2 suits ReLU.

    Notes
    -----
    Source: Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks", ICLR 2014.
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        coerce_number_field(self, "gain", above=0.0)

    def draw(self, shape: Shape, stream: Stream, fans: Fans | None = None) -> Floats:
        """A matrix of the given shape."""
        rows, columns = shape if len(shape) == 2 else (shape[0], 1)
        q, r = np.linalg.qr(stream.normal((max(rows, columns), min(rows, columns))))  # (long, short), (short, short)
        q = q * np.where(np.diag(r) < 0, -1.0, 1.0)
        return self.gain * (q if rows >= columns else q.T).reshape(shape)


@dataclass(frozen=True)
class UnitVariance(Initializer):
    """Drawn from N(0, 1), then scaled column by column so that x W has the given deviation on the training inputs.

    The scaling is done when training begins, layer after layer, since it needs the data: at most 1024 random rows.

    Parameters
    ----------
    scale : float
        The standard deviation of each unit's x W over the rows, above 0.

    Notes
    -----
    Source: Mishkin and Matas, "All you need is a good init", ICLR 2016 (there after an orthogonal start).
    """

    scale: float = 1.0
    from_data: ClassVar[bool] = True

    def __post_init__(self) -> None:
        coerce_number_field(self, "scale", above=0.0)

    def draw(self, shape: Shape, stream: Stream, fans: Fans | None = None) -> Floats:
        """Normal numbers of variance 1/n_in: what the weights are until data is seen."""
        return stream.normal(shape, scale=math.sqrt(1.0 / fans_of(shape, fans).fan_in))

    def adapt(self, values: Floats, outputs: Floats, stream: Stream) -> Floats:
        """The weight (d_in, d_out), each column divided by the deviation of its unit's outputs (n, d_out)."""
        if values.ndim != 2:
            raise ValueError(f"UnitVariance is for weights, and not for a parameter of the shape {values.shape}.")
        deviation = outputs.std(axis=0, dtype=np.float64)  # (d_out,): whatever the bias
        return values * (self.scale / np.where(deviation > 0, deviation, self.scale))


@dataclass(frozen=True)
class DataDependentBias(Initializer):
    """Biases that put each unit's zero among the data: b = −Σₖ cₖ (xₖ W), with random training rows xₖ.

    The plane on which a unit answers 0 goes through a random point between `rows` random training rows, other ones for
    each unit, so that no unit begins switched on, or off, for all of the data. The cₖ add up to 1: they are numbers
    from Exp(1) divided by their sum. It is done when training begins, after the weights of the layer have been drawn
    and adapted; rows are drawn with replacement, from at most 1024 random ones.

    Parameters
    ----------
    rows : int
        Between how many rows the point lies, at least 1; with 1 it is one of them.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> network = pl.Network([pl.Dense(2, bias_initializer=pl.DataDependentBias(rows=1))], dtype="float64")
    >>> x = np.full((6, 3), 5.0)  # all rows are the same
    >>> trainer = pl.Trainer(network, "squared_error").initialize(x, np.zeros((6, 2)))
    >>> bool(np.abs(network.scores(x[:1])).max() < 1e-12)
    True

    Notes
    -----
    Source: Holzmüller, Grinsztajn and Steinwart, "Better by default", NeurIPS 2024 (he+5), after Steinwart, "A sober
    look at neural network initializations", 2019.
    """

    rows: int = 5
    from_data: ClassVar[bool] = True
    for_weights: ClassVar[bool] = False

    def __post_init__(self) -> None:
        coerce_integer_field(self, "rows", minimum=1)

    def draw(self, shape: Shape, stream: Stream, fans: Fans | None = None) -> Floats:
        """Zeros: what the biases are until data is seen."""
        if len(shape) != 1:
            raise ValueError(f"DataDependentBias is for biases, and not for a parameter of the shape {shape}.")
        return np.zeros(shape)

    def adapt(self, values: Floats, outputs: Floats, stream: Stream) -> Floats:
        """The biases (units,), moved by −Σₖ cₖ yₖ with random rows yₖ of the outputs (n, units)."""
        uniform = stream.uniform((len(values), 2, self.rows))  # (units, 2, rows)
        chosen = (uniform[:, 0] * len(outputs)).astype(np.int64)  # (units, rows)
        share = -np.log(uniform[:, 1])  # Exp(1)
        share /= share.sum(axis=1, keepdims=True)
        return values - (share * outputs[chosen, np.arange(len(values))[:, None]]).sum(axis=1)


def normal(scale: float) -> Normal:
    """`Normal(scale)`, spelt as in the field: numbers from N(0, scale²)."""
    return Normal(scale)


INITIALIZERS: dict[str, type[Initializer]] = {
    "zeros": Zeros,
    "constant": Constant,
    "normal": Normal,
    "uniform": Uniform,
    "he_normal": HeNormal,
    "he_uniform": HeUniform,
    "glorot_normal": GlorotNormal,
    "glorot_uniform": GlorotUniform,
    "lecun_normal": LeCunNormal,
    "lecun_uniform": LeCunUniform,
    "orthogonal": Orthogonal,
    "unit_variance": UnitVariance,
    "through_data": DataDependentBias,
}


def find_initializer(value: Any, name: str) -> Initializer:
    """The initializer that `value` is or names ("he_normal"), or describes (a configuration's table)."""
    if isinstance(value, Initializer):
        return value
    if isinstance(value, dict):
        return from_configuration(value, {cls.__name__: cls for cls in INITIALIZERS.values()}, "initializer")
    if isinstance(value, str) and value in INITIALIZERS:
        return INITIALIZERS[value]()
    raise (ValueError if isinstance(value, str) else TypeError)(unknown_name_message(name, value, INITIALIZERS))
