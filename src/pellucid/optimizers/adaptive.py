"""Rates that adapt to each parameter: AdaGrad, RMSProp, AdaDelta, and Lion, which keeps the sign alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pellucid.kernel import Kernel
from pellucid.optimizers.optimizer import Optimizer, Rate, Slots
from pellucid.schedules import LearningRate
from pellucid.typing import Floats
from pellucid.validation import coerce_number_field


@dataclass(frozen=True)
class AdaGrad(Optimizer):
    """s ← s + g², w ← w − rate·g/(√s + ε): each parameter's rate falls with what it has already moved.

    Parameters
    ----------
    learning_rate : float or schedule
        The rate.
    epsilon : float
        Keeps the division finite; added outside the root, above 0.

    Notes
    -----
    Source: Duchi, Hazan and Singer, "Adaptive subgradient methods", JMLR 12, 2011.
    """

    learning_rate: LearningRate = 0.01
    epsilon: float = 1e-10
    slot_names: ClassVar[tuple[str, ...]] = ("sum",)

    def __post_init__(self) -> None:
        super().__post_init__()
        coerce_number_field(self, "epsilon", above=0.0)

    def update(self, parameters: Floats, gradient: Floats, slots: Slots, rate: Rate, step: int) -> tuple[Floats, Slots]:
        """s ← s + g², w ← w − rate·g/(√s + ε)."""
        total = slots[0] + np.square(gradient)  # (p,)
        return parameters - rate * gradient / (np.sqrt(total) + self.epsilon), (total,)

    def kernel(self) -> Kernel:
        """`adagrad`, with ε."""
        return Kernel("adagrad", (self.epsilon,))


@dataclass(frozen=True)
class _MeanSquares(Optimizer):
    """What divides by a root of mean squares."""

    decay: float = 0.99
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        coerce_number_field(self, "decay", minimum=0.0, below=1.0)
        coerce_number_field(self, "epsilon", above=0.0)


@dataclass(frozen=True)
class RMSProp(_MeanSquares):
    """v ← ρv + (1 − ρ)g², w ← w − rate·g/(√v + ε).

    Parameters
    ----------
    learning_rate : float or schedule
        The rate.
    decay : float
        ρ, how much of the mean square stays: 0 <= ρ < 1.
    epsilon : float
        Keeps the division finite; added outside the root, above 0.

    Notes
    -----
    Source: Tieleman and Hinton, "Lecture 6.5 – RMSProp", Coursera, 2012.
    """

    learning_rate: LearningRate = 0.01
    slot_names: ClassVar[tuple[str, ...]] = ("mean_square",)

    def update(self, parameters: Floats, gradient: Floats, slots: Slots, rate: Rate, step: int) -> tuple[Floats, Slots]:
        """v ← ρv + (1 − ρ)g², w ← w − rate·g/(√v + ε)."""
        square = self.decay * slots[0] + (1 - self.decay) * np.square(gradient)  # (p,)
        return parameters - rate * gradient / (np.sqrt(square) + self.epsilon), (square,)

    def kernel(self) -> Kernel:
        """`rmsprop`, with ρ and ε."""
        return Kernel("rmsprop", (self.decay, self.epsilon))


@dataclass(frozen=True)
class AdaDelta(_MeanSquares):
    """v ← ρv + (1 − ρ)g², Δ = g·√(u + ε)/√(v + ε), u ← ρu + (1 − ρ)Δ², w ← w − rate·Δ.

    Parameters
    ----------
    learning_rate : float or schedule
        A factor on steps that already have the parameters' units; 1 is the method's own.
    decay : float
        ρ, how much of both mean squares stays: 0 <= ρ < 1.
    epsilon : float
        Starts the method, since u is 0 at first; inside the roots, above 0.

    Notes
    -----
    Source: Zeiler, "ADADELTA: an adaptive learning rate method", 2012, algorithm 1.
    """

    learning_rate: LearningRate = 1.0
    decay: float = 0.9
    epsilon: float = 1e-6
    slot_names: ClassVar[tuple[str, ...]] = ("mean_square", "mean_square_change")

    def update(self, parameters: Floats, gradient: Floats, slots: Slots, rate: Rate, step: int) -> tuple[Floats, Slots]:
        """Both mean squares, and the step."""
        square = self.decay * slots[0] + (1 - self.decay) * np.square(gradient)  # (p,)
        change = gradient * (np.sqrt(slots[1] + self.epsilon) / np.sqrt(square + self.epsilon))
        changes = self.decay * slots[1] + (1 - self.decay) * np.square(change)
        return parameters - rate * change, (square, changes)

    def kernel(self) -> Kernel:
        """`adadelta`, with ρ and ε."""
        return Kernel("adadelta", (self.decay, self.epsilon))


@dataclass(frozen=True)
class Lion(Optimizer):
    """w ← w − rate·sign(β₁m + (1 − β₁)g), m ← β₂m + (1 − β₂)g: every parameter moves by the rate.

    Parameters
    ----------
    learning_rate : float or schedule
        The rate: three to ten times smaller than Adam's.
    beta_1, beta_2 : float
        How much of the momentum enters the step, and how much of it stays: 0 <= β < 1.

    Notes
    -----
    Source: Chen and others, "Symbolic discovery of optimization algorithms", NeurIPS 2023, algorithm 2.
    """

    learning_rate: LearningRate = 0.0001
    beta_1: float = 0.9
    beta_2: float = 0.99
    slot_names: ClassVar[tuple[str, ...]] = ("momentum",)

    def __post_init__(self) -> None:
        super().__post_init__()
        coerce_number_field(self, "beta_1", minimum=0.0, below=1.0)
        coerce_number_field(self, "beta_2", minimum=0.0, below=1.0)

    def update(self, parameters: Floats, gradient: Floats, slots: Slots, rate: Rate, step: int) -> tuple[Floats, Slots]:
        """The step by sign, and the momentum."""
        direction = np.sign(self.beta_1 * slots[0] + (1 - self.beta_1) * gradient)  # (p,)
        momentum = self.beta_2 * slots[0] + (1 - self.beta_2) * gradient
        return parameters - rate * direction, (momentum,)

    def kernel(self) -> Kernel:
        """`lion`, with β₁ and β₂."""
        return Kernel("lion", (self.beta_1, self.beta_2))
