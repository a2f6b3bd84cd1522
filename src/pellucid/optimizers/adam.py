"""Adam and its kin."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar

import numpy as np

from pellucid.kernel import Kernel
from pellucid.optimizers.optimizer import Optimizer, Rate, Slots
from pellucid.schedules import LearningRate
from pellucid.typing import Floats
from pellucid.validation import coerce_number_field


@dataclass(frozen=True)
class Adam(Optimizer):
    """m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g², w ← w − rate·m̂/(√v̂ + ε), m̂ = m/(1 − β₁ᵗ), v̂ = v/(1 − β₂ᵗ).

    Parameters
    ----------
    learning_rate : float or schedule
        The rate: about the size of the first steps.
    beta_1, beta_2 : float
        How much of the first and second moment stays: 0 <= β < 1.
    epsilon : float
        Keeps the division finite; added outside the root, above 0.
    epsilon_hat : bool
        Whether ε stands beside √v before its correction: w ← w − rate·√(1 − β₂ᵗ)/(1 − β₁ᵗ)·m/(√v + ε), as in
        scikit-learn and Keras. The steps differ where √v is as small as ε, and in the first ones.

    Notes
    -----
    t is the number of the step, from 1 on. Source: Kingma and Ba, "Adam: a method for stochastic optimization", ICLR
    2015, algorithm 1; for `epsilon_hat` the end of section 2.
    """

    learning_rate: LearningRate = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    epsilon_hat: bool = field(default=False, kw_only=True)
    slot_names: ClassVar[tuple[str, ...]] = ("first_moment", "second_moment")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.epsilon_hat, bool):
            raise TypeError(f"epsilon_hat must be True or False, not {self.epsilon_hat!r}.")
        if self.epsilon_hat and type(self).update is not Adam.update:
            raise ValueError(f"epsilon_hat is for Adam and AdamW: {type(self).__name__} has no such form.")
        coerce_number_field(self, "beta_1", minimum=0.0, below=1.0)
        coerce_number_field(self, "beta_2", minimum=0.0, below=1.0)
        coerce_number_field(self, "epsilon", above=0.0)

    def moments(self, gradient: Floats, slots: Slots) -> tuple[Floats, Floats]:
        """β₁m + (1 − β₁)g and β₂v + (1 − β₂)g², (p,) each."""
        first = self.beta_1 * slots[0] + (1 - self.beta_1) * gradient
        second = self.beta_2 * slots[1] + (1 - self.beta_2) * np.square(gradient)
        return first, second

    def update(self, parameters: Floats, gradient: Floats, slots: Slots, rate: Rate, step: int) -> tuple[Floats, Slots]:
        """Moments, their corrections, and the step."""
        first, second = self.moments(gradient, slots)
        rate_1 = rate / (1 - self.beta_1 ** (step + 1))
        root_2 = (1 - self.beta_2 ** (step + 1)) ** 0.5
        if self.epsilon_hat:
            rate_1, root_2 = rate_1 * root_2, 1.0
        return parameters - rate_1 * first / (np.sqrt(second) / root_2 + self.epsilon), (first, second)

    def kernel(self) -> Kernel:
        """`adam` or `adam_epsilon_hat`, with β₁, β₂ and ε."""
        name = "adam_epsilon_hat" if self.epsilon_hat else "adam"
        return Kernel(name, (self.beta_1, self.beta_2, self.epsilon))


@dataclass(frozen=True)
class AdamW(Adam):
    """`Adam` with decoupled weight decay, w ← w − rate·λ·w, before each step.

    Parameters
    ----------
    weight_decay : float or schedule
        λ; on weights only, where PyTorch's decays every parameter.

    Notes
    -----
    The other parameters are `Adam`'s. Source: Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR
    2019, algorithm 2.
    """

    weight_decay: LearningRate = field(default=0.01, kw_only=True)


@dataclass(frozen=True)
class AMSGrad(Adam):
    """`Adam` whose second moment never falls: v̄ ← max(v̄, v), w ← w − rate·m̂/(√(v̄/(1 − β₂ᵗ)) + ε).

    Notes
    -----
    The parameters are `Adam`'s. PyTorch's form. Source: Reddi, Kale and Kumar, "On the convergence of Adam and
    beyond", ICLR 2018, algorithm 2.
    """

    slot_names: ClassVar[tuple[str, ...]] = ("first_moment", "second_moment", "largest_second_moment")

    def update(self, parameters: Floats, gradient: Floats, slots: Slots, rate: Rate, step: int) -> tuple[Floats, Slots]:
        """Moments, the largest of the second, and the step."""
        first, second = self.moments(gradient, slots)
        largest = np.maximum(slots[2], second)  # (p,)
        rate_1 = rate / (1 - self.beta_1 ** (step + 1))
        root_2 = (1 - self.beta_2 ** (step + 1)) ** 0.5
        return parameters - rate_1 * first / (np.sqrt(largest) / root_2 + self.epsilon), (first, second, largest)

    def kernel(self) -> Kernel:
        """`amsgrad`, with β₁, β₂ and ε."""
        return Kernel("amsgrad", (self.beta_1, self.beta_2, self.epsilon))


@dataclass(frozen=True)
class Adamax(Adam):
    """m ← β₁m + (1 − β₁)g, u ← max(β₂u, |g| + ε), w ← w − rate/(1 − β₁ᵗ)·m/u.

    Notes
    -----
    The parameters are `Adam`'s. Source: Kingma and Ba, as for `Adam`, algorithm 2 (PyTorch's place of ε).
    """

    learning_rate: LearningRate = 0.002
    slot_names: ClassVar[tuple[str, ...]] = ("first_moment", "infinity_norm")

    def update(self, parameters: Floats, gradient: Floats, slots: Slots, rate: Rate, step: int) -> tuple[Floats, Slots]:
        """The moment, the infinity norm, and the step."""
        first = self.beta_1 * slots[0] + (1 - self.beta_1) * gradient  # (p,)
        norm = np.maximum(self.beta_2 * slots[1], np.abs(gradient) + self.epsilon)
        return parameters - rate / (1 - self.beta_1 ** (step + 1)) * first / norm, (first, norm)

    def kernel(self) -> Kernel:
        """`adamax`, with β₁, β₂ and ε."""
        return Kernel("adamax", (self.beta_1, self.beta_2, self.epsilon))


@dataclass(frozen=True)
class NAdam(Adam):
    """`Adam` with Nesterov's look ahead: w ← w − rate·(μₜ₊₁m/(1 − Πₜ₊₁) + (1 − μₜ)g/(1 − Πₜ))/(√v̂ + ε).

    μₜ = β₁(1 − ½·0.96^(tψ)) and Πₜ = μ₁·…·μₜ.

    Parameters
    ----------
    momentum_decay : float
        ψ, how quickly μ approaches β₁, at least 0.

    Notes
    -----
    The other parameters are `Adam`'s. Source: Dozat, "Incorporating Nesterov momentum into Adam", 2016, algorithm 2.
    """

    learning_rate: LearningRate = 0.002
    momentum_decay: float = 0.004

    def __post_init__(self) -> None:
        super().__post_init__()
        coerce_number_field(self, "momentum_decay", minimum=0.0)

    def update(self, parameters: Floats, gradient: Floats, slots: Slots, rate: Rate, step: int) -> tuple[Floats, Slots]:
        """Moments, and the step with the next one's momentum."""
        first, second = self.moments(gradient, slots)
        now, product = _momentum_product(self.beta_1, self.momentum_decay, step + 1)
        following, next_product = _momentum_product(self.beta_1, self.momentum_decay, step + 2)
        divisor = np.sqrt(second / (1 - self.beta_2 ** (step + 1))) + self.epsilon  # (p,)
        ahead = following / (1 - next_product) * first + (1 - now) / (1 - product) * gradient
        return parameters - rate * ahead / divisor, (first, second)

    def kernel(self) -> Kernel:
        """`nadam`, with β₁, β₂, ε and ψ."""
        return Kernel("nadam", (self.beta_1, self.beta_2, self.epsilon, self.momentum_decay))


@lru_cache(maxsize=8)
def _momentum_products(beta: float, decay: float) -> list[tuple[float, float]]:
    """(μₜ, Πₜ) for t = 0, 1, …, as far as they were needed; the list grows."""
    return [(1.0, 1.0)]


def _momentum_product(beta: float, decay: float, t: int) -> tuple[float, float]:
    known = _momentum_products(beta, decay)
    for number in range(len(known), t + 1):
        momentum = beta * (1 - 0.5 * 0.96 ** (number * decay))
        known.append((momentum, known[-1][1] * momentum))
    return known[t]
