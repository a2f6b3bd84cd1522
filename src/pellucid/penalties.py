"""Penalties: a price on large weights, added to the mean loss.

Contract: a frozen dataclass with `value(weight)`, a number, and `gradient(weight)`, an array like the weight. They see
weights only, never biases or norms (a layer says which of its parameters are penalized), and do not depend on the
batch size. Decoupled weight decay is another thing and has another name.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pellucid.kernel import Kernel
from pellucid.typing import Floats
from pellucid.validation import check_number


@dataclass(frozen=True)
class Penalty:
    """The family's base: λ times a norm of the weights."""

    strength: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "strength", check_number("strength", self.strength, minimum=0.0))

    def value(self, weight: Floats) -> float:
        """What the weights cost."""
        raise NotImplementedError

    def gradient(self, weight: Floats) -> Floats:
        """The derivative of `value`, of the weight's shape."""
        raise NotImplementedError

    def kernel(self) -> Kernel | None:
        """The penalty's line in the native instruction table; None: the reference engine alone runs it."""
        return None


@dataclass(frozen=True)
class L1(Penalty):
    """λ ‖w‖₁ = λ Σ|w|; the gradient is λ sign(w), 0 at 0.

    Parameters
    ----------
    strength : float
        λ, at least 0.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> pl.L1(0.5).value(np.array([3.0, -4.0]))
    3.5
    """

    def value(self, weight: Floats) -> float:
        """λ Σ|w|."""
        return self.strength * float(np.abs(weight).sum(dtype=np.float64))

    def gradient(self, weight: Floats) -> Floats:
        """λ sign(w)."""
        return weight.dtype.type(self.strength) * np.sign(weight)

    def kernel(self) -> Kernel:
        """`l1`, with λ."""
        return Kernel("l1", (self.strength,))


@dataclass(frozen=True)
class L2(Penalty):
    """½λ ‖w‖² = ½λ Σw²; the gradient is λ w.

    Parameters
    ----------
    strength : float
        λ, at least 0. scikit-learn's `alpha` is λ·n.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> pl.L2(0.1).value(np.array([3.0, -4.0]))
    1.25
    """

    def value(self, weight: Floats) -> float:
        """½λ Σw²."""
        return 0.5 * self.strength * float(np.square(weight, dtype=np.float64).sum())

    def gradient(self, weight: Floats) -> Floats:
        """λ w."""
        return weight.dtype.type(self.strength) * weight

    def kernel(self) -> Kernel:
        """`l2`, with λ."""
        return Kernel("l2", (self.strength,))
