"""Gradient descent, with and without momentum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pellucid.kernel import Kernel
from pellucid.optimizers.optimizer import Optimizer, Rate, Slots
from pellucid.typing import Floats
from pellucid.validation import coerce_number_field


@dataclass(frozen=True)
class GradientDescent(Optimizer):
    """w ← w − rate·g.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> pl.GradientDescent(0.1).update(np.array([1.0]), np.array([2.0]), (), 0.1, 0)[0]
    array([0.8])
    """

    def update(self, parameters: Floats, gradient: Floats, slots: Slots, rate: Rate, step: int) -> tuple[Floats, Slots]:
        """w ← w − rate·g."""
        return parameters - rate * gradient, ()

    def kernel(self) -> Kernel:
        """`gradient_descent`."""
        return Kernel("gradient_descent")


@dataclass(frozen=True)
class Momentum(Optimizer):
    """v ← μv + g, w ← w − rate·v.

    Parameters
    ----------
    learning_rate : float or schedule
        The rate.
    momentum : float
        μ, the part of the velocity that stays: 0 <= μ < 1.

    Notes
    -----
    PyTorch's form: the rate stands outside the velocity. Source: Polyak, "Some methods of speeding up the
    convergence of iteration methods", 1964.
    """

    momentum: float = 0.9
    slot_names: ClassVar[tuple[str, ...]] = ("velocity",)

    def __post_init__(self) -> None:
        super().__post_init__()
        coerce_number_field(self, "momentum", minimum=0.0, below=1.0)

    def update(self, parameters: Floats, gradient: Floats, slots: Slots, rate: Rate, step: int) -> tuple[Floats, Slots]:
        """v ← μv + g, w ← w − rate·v."""
        velocity = self.momentum * slots[0] + gradient  # (p,)
        return parameters - rate * velocity, (velocity,)

    def kernel(self) -> Kernel:
        """`momentum`, with μ."""
        return Kernel("momentum", (self.momentum,))


@dataclass(frozen=True)
class Nesterov(Momentum):
    """v ← μv + g, w ← w − rate·(g + μv): momentum that looks one step ahead.

    Parameters
    ----------
    learning_rate : float or schedule
        The rate.
    momentum : float
        μ, the part of the velocity that stays: 0 <= μ < 1.

    Notes
    -----
    PyTorch's form. Source: Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in
    deep learning", ICML 2013.
    """

    def update(self, parameters: Floats, gradient: Floats, slots: Slots, rate: Rate, step: int) -> tuple[Floats, Slots]:
        """v ← μv + g, w ← w − rate·(g + μv)."""
        velocity = self.momentum * slots[0] + gradient  # (p,)
        return parameters - rate * (gradient + self.momentum * velocity), (velocity,)

    def kernel(self) -> Kernel:
        """`nesterov`, with μ."""
        return Kernel("nesterov", (self.momentum,))
