"""Penalties: a price on large weights, added to the mean loss.

Contract: a frozen dataclass with `value(weight)`, a number, and `gradient(weight)`, an array like the weight. They see
weights only, never biases or norms (a layer says which of its parameters are penalized), and do not depend on the
batch size, unless they are asked to (`per_example`). Decoupled weight decay is another thing and has another name.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from pellucid.kernel import Kernel
from pellucid.typing import Floats
from pellucid.validation import coerce_number_field


@dataclass(frozen=True)
class Penalty:
    """The family's base: λ times a norm of the weights.

    Parameters
    ----------
    strength : float
        λ, at least 0.
    per_example : bool
        Whether λ is divided by the number of examples of each batch (with sample weights, by their sum), so that more
        examples make the penalty count less. scikit-learn's `alpha` is such a λ.
    """

    strength: float
    per_example: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        coerce_number_field(self, "strength", minimum=0.0)
        if not isinstance(self.per_example, bool):
            raise TypeError(f"per_example must be True or False, not {self.per_example!r}.")

    def of_batch(self, weight: float) -> Penalty:
        """What is added to the mean loss of a batch whose examples weigh so much together: a penalty by itself."""
        if not self.per_example:
            return self
        return replace(self, strength=self.strength / weight if weight > 0 else 0.0, per_example=False)

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
        λ, at least 0. scikit-learn's `alpha` is `L2(alpha, per_example=True)`.

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


@dataclass(frozen=True)
class ElasticNet(Penalty):
    """λ(ratio·‖w‖₁ + ½(1 − ratio)·‖w‖²): L1 and L2 together; the gradient is λ(ratio·sign(w) + (1 − ratio)·w).

    Parameters
    ----------
    strength : float
        λ, at least 0.
    ratio : float
        The part that is L1, from 0 to 1.

    Notes
    -----
    scikit-learn's `l1_ratio`. Source: Zou and Hastie, "Regularization and variable selection via the elastic net",
    Journal of the Royal Statistical Society B 67, 2005.
    """

    ratio: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        coerce_number_field(self, "ratio", minimum=0.0, maximum=1.0)

    def value(self, weight: Floats) -> float:
        """λ(ratio·Σ|w| + ½(1 − ratio)·Σw²)."""
        return L1(self.strength * self.ratio).value(weight) + L2(self.strength * (1 - self.ratio)).value(weight)

    def gradient(self, weight: Floats) -> Floats:
        """λ(ratio·sign(w) + (1 − ratio)·w)."""
        return L1(self.strength * self.ratio).gradient(weight) + L2(self.strength * (1 - self.ratio)).gradient(weight)

    def kernel(self) -> Kernel:
        """`elastic_net`, with the two factors."""
        return Kernel("elastic_net", (self.strength * self.ratio, self.strength * (1 - self.ratio)))


@dataclass(frozen=True)
class Constraint:
    """A limit that weights are brought back to after every step: `apply(weight)` returns a weight of the same shape."""

    def apply(self, weight: Floats) -> Floats:
        """The nearest weight that keeps the limit."""
        raise NotImplementedError

    def kernel(self) -> Kernel | None:
        """The constraint's line in the native instruction table; None: the reference engine alone runs it."""
        return None


@dataclass(frozen=True)
class MaxNorm(Constraint):
    """‖w_j‖ <= limit: the incoming weights of each unit j, a column of (d_in, d_out), are scaled back to the limit.

    Parameters
    ----------
    limit : float
        The longest a column may be, above 0; 3 or 4 is usual.

    Notes
    -----
    Source: Srivastava and others, "Dropout", JMLR 15, 2014, section 5.1.
    """

    limit: float = 3.0

    def __post_init__(self) -> None:
        coerce_number_field(self, "limit", above=0.0)

    def apply(self, weight: Floats) -> Floats:
        """Columns longer than the limit, scaled to it."""
        norm = np.sqrt(np.square(weight, dtype=np.float64).sum(axis=0))  # (d_out,)
        return weight * np.minimum(1.0, self.limit / np.maximum(norm, self.limit)).astype(weight.dtype)

    def kernel(self) -> Kernel:
        """`max_norm`, with its limit."""
        return Kernel("max_norm", (self.limit,))


PENALTIES: dict[str, type[Penalty]] = {"l1": L1, "l2": L2, "elastic_net": ElasticNet}
CONSTRAINTS: dict[str, type[Constraint]] = {"max_norm": MaxNorm}
