"""The contract of a layer.

A layer is a frozen dataclass: its fields are its hyper-parameters, and nothing in it ever changes. Parameters,
statistics and random numbers come in as arguments. With d_in the shape of one example and n rows:

An activation is (n, *positions, channels): the last axis holds features, every axis between is a position: none for a
row of features, (time,) for a sequence, (height, width) for an image. Most layers work on each position alone.

    output_shape(input_shape)                      shape in -> shape out, or an error that teaches
    parameter_specs(input_shape)                   {name: ParameterSpec}: what is trained
    statistic_specs(input_shape)                   {name: (shape, first value)}: what is measured, not trained
    forward(x, parameters, context)                (n, *d_in) -> (n, *d_out), saved
    backward(gradient, saved, parameters, context) (n, *d_out) -> (n, *d_in), {name: gradient of the parameter}

    updated_statistics(saved, statistics)          what is measured, after a training step; {} if nothing changes
    fit_statistics(x)                              what is measured once on the training inputs (rows, d); {} if nothing
    kernel()                                       its name and numbers in the native engine; None: there is none

What one family alone needs is an optional protocol in its file: numbers that schedules move (`Scheduled` in
dropout.py), scaling in front of all others (`FrontScaling` in scaling.py), codes (`TakesCodes`, `PassesThrough` in
embedding.py), several inputs (`Join` in containers.py), and what initializers that look at data ask for (`ScaledInput`,
`PreActivation` in dense.py).

`forward` saves what `backward` needs, no more. `backward` returns the gradient of the loss with respect to the input
and to every parameter, and changes nothing: no weight is updated before the error has been passed back.
Exports read `forward` by running it on symbols (`pellucid.program.symbols`): it must not decide by the values of x, nor
write into parts of an array.
`parameters.weight` is the parameter named "weight"; `context.statistics.mean` the statistic named "mean".

A new layer is one Python file (this contract), one native header, and its line in the native instruction table.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar, NamedTuple, TypeAlias

from pellucid.display import typed
from pellucid.formulas import Formulas
from pellucid.initializers import Fans, Initializer
from pellucid.kernel import Kernel
from pellucid.streams import Stream
from pellucid.typing import Array, Floats, Shape

Gradients: TypeAlias = dict[str, Floats]
"""The gradient of the loss with respect to each parameter of a layer, by name."""


def as_rows(x: Floats) -> Floats:
    """All positions of all examples below each other: (n, *positions, d) -> (n·positions, d)."""
    return x.reshape(-1, x.shape[-1])


NO_NAMES = SimpleNamespace()
"""What a layer without parameters, or without statistics, is given."""


@dataclass(frozen=True)
class ParameterSpec:
    """What a layer says of one of its parameters before there is one.

    Parameters
    ----------
    shape : tuple of int
        The parameter's shape.
    initializer : Initializer or None
        How it starts; None: by the activation that follows the layer.
    penalized : bool
        Whether L1, L2 and weight decay apply: True for weights, False for biases and norms.
    fans : Fans or None
        The fan-in and fan-out that initializers read; None: the first and the last size of the shape.
    """

    shape: Shape
    initializer: Initializer | None
    penalized: bool
    fans: Fans | None = None


class Context(NamedTuple):
    """What a layer may know besides its input and parameters.

    Parameters
    ----------
    training : bool
        True in a training step; False in prediction, where dropout and noise are absent.
    stream : Stream or None
        The random numbers of this layer at this step, if it `draws`; None in prediction. Its counter is the step.
    statistics : namespace
        The layer's statistics, by name.
    input_gradient : bool
        False where nobody asks for the gradient of this layer's input (it is the data); `backward` may then return
        None for it.
    """

    training: bool = False
    stream: Stream | None = None
    statistics: SimpleNamespace = NO_NAMES
    input_gradient: bool = True


@dataclass(frozen=True)
class Layer:
    """The family's base: a function of the input with parameters, and its derivative. See the head of this file."""

    preferred_initializer: ClassVar[str | None] = None
    """For an activation: the initializer that suits a weight in front of it. None: look further along."""

    draws: ClassVar[bool] = False
    """Whether the layer draws random numbers in training: it is then given a stream."""

    code_columns: ClassVar[int] = 0
    """How many of the last columns of the input must hold codes of categories: see `TakesCodes` in embedding.py."""

    formulas: ClassVar[Formulas | None] = None
    """The layer in symbols, for those who read along; None: it has no words of its own."""

    def output_shape(self, input_shape: Shape) -> Shape:
        """The shape of one example behind the layer, given its shape before it."""
        return input_shape

    def parameter_specs(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        """What is trained: the specification of each parameter, by name, in the order of the flat vector."""
        return {}

    def statistic_specs(self, input_shape: Shape) -> dict[str, tuple[Shape, float]]:
        """What is measured on data and not trained: (shape, first value) by name."""
        return {}

    def fit_statistics(self, x: Array) -> dict[str, Floats]:
        """The statistics measured on the training inputs of this layer, (n·positions, d); {} if it has none."""
        return {}

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Any]:
        """Output (n, *d_out) of the input x (n, *d_in), and what `backward` needs."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(x, parameters, context).")

    def backward(
        self, gradient: Floats, saved: Any, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats | None, Gradients]:
        """Gradients of the input (n, *d_in) and of each parameter, from the gradient of the output (n, *d_out)."""
        raise NotImplementedError(f"{type(self).__name__} must define backward(gradient, saved, parameters, context).")

    def updated_statistics(self, saved: Any, statistics: SimpleNamespace) -> dict[str, Floats]:
        """The statistics, float64, after a training step, from what `forward` saved; only those that change."""
        return {}

    @property
    def moves_statistics(self) -> bool:
        """Whether training moves the layer's statistics."""
        return type(self).updated_statistics is not Layer.updated_statistics

    def kernel(self) -> Kernel | None:
        """The layer's line in the native instruction table; None: the reference engine alone runs it."""
        return None

    def __str__(self) -> str:
        """The layer as one would type it, with only what differs from the defaults."""
        return typed(self)
