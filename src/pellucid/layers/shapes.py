"""Shapes: the same numbers in other places."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar

from pellucid.formulas import Formulas
from pellucid.kernel import Kernel
from pellucid.layers.layer import Context, Gradients, Layer
from pellucid.typing import Floats, Shape
from pellucid.validation import check_integer


@dataclass(frozen=True)
class Flatten(Layer):
    """All numbers of an example in one row: (n, *positions, d) -> (n, positions·d), the last axis first.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> pl.Network([pl.Flatten()]).build((2, 2)).scores(np.array([[[1.0, 2.0], [3.0, 4.0]]]))
    array([[1., 2., 3., 4.]], dtype=float32)
    """

    formulas: ClassVar[Formulas] = Formulas(symbol="f", value="{x} in one row", gradient="{g} in the shape of {x}")

    def output_shape(self, input_shape: Shape) -> Shape:
        """(*positions, d) -> (positions·d,)."""
        return (math.prod(input_shape),)

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Shape]:
        """x (n, *positions, d) -> (n, positions·d); saved: the shape of x."""
        return x.reshape(len(x), *self.output_shape(x.shape[1:])), x.shape

    def backward(
        self, gradient: Floats, saved: Shape, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """The gradient in the shape of the input."""
        return gradient.reshape(saved), {}

    def kernel(self) -> Kernel:
        """`reshape`: the shapes say the rest."""
        return Kernel("reshape")


@dataclass(frozen=True)
class Reshape(Layer):
    """The numbers of an example in another shape, in the order in which they lie: rows of 784 as images (28, 28, 1).

    Parameters
    ----------
    shape : tuple of int
        The new shape of one example, (*positions, channels); one −1 stands for whatever fits.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> network = pl.Network([pl.Reshape((2, -1))]).build(6)
    >>> network.scores(np.arange(6.0)[None])
    array([[[0., 1., 2.],
            [3., 4., 5.]]], dtype=float32)
    """

    shape: tuple[int, ...]
    formulas: ClassVar[Formulas] = Flatten.formulas

    def __post_init__(self) -> None:
        given = (self.shape,) if isinstance(self.shape, int) else self.shape
        if not isinstance(given, tuple | list) or not given:
            raise TypeError(f"shape must be a tuple of whole numbers such as (28, 28, 1), not {self.shape!r}.")
        for size in given:
            if size != -1:
                check_integer("shape", size, minimum=1)
        if list(given).count(-1) > 1:
            raise ValueError(f"shape may hold one −1, which stands for whatever fits, but it is {tuple(given)}.")
        object.__setattr__(self, "shape", tuple(int(size) for size in given))

    def output_shape(self, input_shape: Shape) -> Shape:
        """(*positions, d) -> the shape, with as many numbers."""
        count, known = math.prod(input_shape), math.prod(size for size in self.shape if size != -1)
        if count % known or (-1 not in self.shape and count != known):
            raise ValueError(
                f"an example of the shape {tuple(input_shape)} has {count} numbers, which do not fill the shape "
                f"{self.shape}."
            )
        return tuple(count // known if size == -1 else size for size in self.shape)

    forward = Flatten.forward
    backward = Flatten.backward
    kernel = Flatten.kernel
