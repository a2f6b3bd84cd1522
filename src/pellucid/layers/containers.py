"""Layers that hold layers: in a row, around a shortcut, or side by side.

Contract of a container: `branches` returns lists of (name, layer) that all read the container's input, and `join` the
layer that makes one output of theirs (None: there is one branch). A program has the layers in the container's place;
their names nest: "3.1.weight". Contract of a join: a layer whose input is a tuple, with a shape, an array and a
gradient for each branch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar, TypeAlias

import numpy as np

from pellucid.formulas import Formulas
from pellucid.kernel import Kernel
from pellucid.layers.layer import Context, Gradients, Layer
from pellucid.typing import Floats, Shape
from pellucid.validation import check_choice

Branch: TypeAlias = tuple[tuple[str, Layer], ...]
"""Layers in the order in which they are applied, each with its name within the container."""


class Container(Layer):
    """The family's base. See the head of this file."""

    @property
    def branches(self) -> tuple[Branch, ...]:
        """The layers, by branch."""
        raise NotImplementedError

    @property
    def join(self) -> Join | None:
        """What makes one output of the branches'."""
        return None


class Join(Layer):
    """The base of layers with several inputs. See the head of this file."""

    def output_shape(self, input_shape: Any) -> Shape:
        """The shape of the output for those of the branches, a tuple of shapes."""
        raise NotImplementedError


@dataclass(frozen=True)
class Add(Join):
    """y = x₁ + x₂ + …, of branches with the same shape: what `Residual` ends with."""

    formulas: ClassVar[Formulas] = Formulas(symbol="s", value="the sum of the branches", gradient="{g} for each")

    def output_shape(self, input_shape: Any) -> Shape:
        """The common shape."""
        shapes = [tuple(shape) for shape in input_shape]
        if len(set(shapes)) > 1:
            raise ValueError(
                f"the branches have the shapes {', '.join(map(str, shapes))}, and only equal ones can be added. "
                f"Give Residual a projection that brings its input to the shape of its layers' output, such as Dense."
            )
        return shapes[0]

    def forward(self, x: Any, parameters: SimpleNamespace, context: Context) -> tuple[Floats, int]:
        """The sum (n, …, d), in the order of the branches; saved: how many there are."""
        total = x[0]
        for each in x[1:]:
            total = total + each
        return total, len(x)

    def backward(
        self, gradient: Floats, saved: int, parameters: SimpleNamespace, context: Context
    ) -> tuple[Any, Gradients]:
        """The gradient for each branch."""
        return (gradient,) * saved, {}

    def kernel(self) -> Kernel:
        """`add`."""
        return Kernel("add")


@dataclass(frozen=True)
class Concatenate(Join):
    """y = (x₁, x₂, …): the channels of the branches side by side, at each position."""

    formulas: ClassVar[Formulas] = Formulas(symbol="c", value="the branches side by side", gradient="{g}'s own part")

    def output_shape(self, input_shape: Any) -> Shape:
        """(*positions, d₁ + d₂ + …)."""
        shapes = [tuple(shape) for shape in input_shape]
        if len({shape[:-1] for shape in shapes}) > 1:
            raise ValueError(
                f"the branches have the shapes {', '.join(map(str, shapes))}, and only those with the same positions "
                f"(all axes but the last) can be concatenated."
            )
        return (*shapes[0][:-1], sum(shape[-1] for shape in shapes))

    def forward(self, x: Any, parameters: SimpleNamespace, context: Context) -> tuple[Floats, tuple[int, ...]]:
        """(n, …, d₁ + d₂ + …); saved: the widths."""
        return np.concatenate(list(x), axis=-1), tuple(each.shape[-1] for each in x)

    def backward(
        self, gradient: Floats, saved: tuple[int, ...], parameters: SimpleNamespace, context: Context
    ) -> tuple[Any, Gradients]:
        """Each branch's own columns."""
        ends = np.cumsum(saved)
        return tuple(gradient[..., end - width : end] for end, width in zip(ends, saved, strict=True)), {}

    def kernel(self) -> Kernel:
        """`concatenate`."""
        return Kernel("concatenate")


@dataclass(frozen=True)
class Sequential(Container):
    """Layers one after the other, as one: to be reused, or a branch of `Parallel`.

    Parameters
    ----------
    layers : sequence of Layer
        At least one.

    Examples
    --------
    >>> import pellucid as pl
    >>> block = pl.Sequential([pl.Dense(4), pl.ReLU()])
    >>> sorted(pl.Network([block, block]).build(3).named_parameters())
    ['0.0.bias', '0.0.weight', '1.0.bias', '1.0.weight']
    """

    layers: Sequence[Layer]

    def __post_init__(self) -> None:
        _keep_layers(self, "layers")

    @property
    def branches(self) -> tuple[Branch, ...]:
        """One."""
        return (_numbered(self.layers),)


@dataclass(frozen=True)
class Residual(Container):
    """y = F(x) + x, or F(x) + P(x): layers with a shortcut around them.

    The shortcut gives every layer's gradient a way back that no layer weakens: ∂x = F′ᵀ g + g.

    Parameters
    ----------
    layers : sequence of Layer
        F: at least one layer.
    projection : Layer or None
        P: what brings x to the shape of F(x), where they differ. None: x itself.

    Examples
    --------
    >>> import pellucid as pl
    >>> network = pl.Network([pl.Residual([pl.Dense(3, weight_initializer="zeros")])]).build(3)
    >>> network.scores([[1.0, 2.0, 3.0]])
    array([[1., 2., 3.]], dtype=float32)

    Notes
    -----
    Source: He, Zhang, Ren and Sun, "Deep residual learning for image recognition", CVPR 2016, equations 1 and 2.
    """

    layers: Sequence[Layer]
    projection: Layer | None = None

    def __post_init__(self) -> None:
        _keep_layers(self, "layers")
        if self.projection is not None:
            _check_layer(self.projection, "Residual.projection")

    @property
    def branches(self) -> tuple[Branch, ...]:
        """The layers, and the projection or nothing."""
        shortcut: Branch = () if self.projection is None else (("projection", self.projection),)
        return (_numbered(self.layers), shortcut)

    @property
    def join(self) -> Join:
        """The sum."""
        return Add()


@dataclass(frozen=True)
class Parallel(Container):
    """Layers side by side on the same input, whose outputs are concatenated or added.

    Parameters
    ----------
    layers : sequence of Layer
        At least two; a `Sequential` is a branch of several layers.
    combine : {"concatenate", "add"}
        What becomes of their outputs: the channels side by side, or their sum.

    Examples
    --------
    >>> import pellucid as pl
    >>> network = pl.Network([pl.Parallel([pl.Identity(), pl.Rescale(10.0)])]).build(2)
    >>> network.scores([[1.0, 2.0]])
    array([[ 1.,  2., 10., 20.]], dtype=float32)
    """

    layers: Sequence[Layer]
    combine: str = "concatenate"

    def __post_init__(self) -> None:
        _keep_layers(self, "layers")
        if len(self.layers) < 2:
            raise ValueError("Parallel needs at least two layers side by side: write the layer itself for one.")
        check_choice("combine", self.combine, ("concatenate", "add"))

    @property
    def branches(self) -> tuple[Branch, ...]:
        """One of each layer."""
        return tuple(((str(place), layer),) for place, layer in enumerate(self.layers))

    @property
    def join(self) -> Join:
        """The layers' outputs side by side, or their sum."""
        return Concatenate() if self.combine == "concatenate" else Add()


def _keep_layers(container: Layer, field: str) -> None:
    """Make a field a tuple of layers, or raise."""
    name, given = type(container).__name__, getattr(container, field)
    if isinstance(given, Layer):
        raise TypeError(f"{name} takes a list of layers: write {name}([layer]), not {name}(layer).")
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise TypeError(f"{name} takes a list of layers, not {given!r:.60}.")
    if not given:
        raise ValueError(f"{name} is empty: it needs at least one layer.")
    for place, layer in enumerate(given):
        _check_layer(layer, f"{name}.layers[{place}]")
    object.__setattr__(container, field, tuple(given))


def _check_layer(layer: Any, where: str) -> None:
    if not isinstance(layer, Layer):
        hint = f" Write {layer.__name__}()." if isinstance(layer, type) and issubclass(layer, Layer) else ""
        raise TypeError(f"{where} must be a layer, not {layer!r:.60}.{hint}")


def _numbered(layers: Sequence[Layer]) -> Branch:
    return tuple((str(place), layer) for place, layer in enumerate(layers))
