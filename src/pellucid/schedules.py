"""Schedules: the learning rate as a function of the step.

Contract: a schedule is anything that is called with the number of the step, from 0 on and counted over the whole of
training, and answers the rate. Every optimizer takes a number or a schedule; a plain function will do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from pellucid.validation import check_integer, check_number

LearningRate: TypeAlias = float | Callable[[int], float]
"""A constant rate, or a function of the step."""


@dataclass(frozen=True)
class StepDecay:
    """rate(step) = learning_rate · factor^⌊step / every⌋.

    Parameters
    ----------
    learning_rate : float
        The rate at step 0, above 0.
    factor : float
        What the rate is multiplied with every `every` steps, above 0 and at most 1.
    every : int
        How many steps the rate stays.

    Examples
    --------
    >>> import pellucid as pl
    >>> [pl.StepDecay(0.1, factor=0.5, every=2)(step) for step in range(5)]
    [0.1, 0.1, 0.05, 0.05, 0.025]
    """

    learning_rate: float
    factor: float = 0.5
    every: int = 1000

    def __post_init__(self) -> None:
        object.__setattr__(self, "learning_rate", check_number("learning_rate", self.learning_rate, above=0.0))
        object.__setattr__(self, "factor", check_number("factor", self.factor, above=0.0, maximum=1.0))
        object.__setattr__(self, "every", check_integer("every", self.every, minimum=1))

    def __call__(self, step: int) -> float:
        """The rate of a step."""
        return float(self.learning_rate * self.factor ** (step // self.every))


@dataclass(frozen=True)
class ExponentialDecay:
    """rate(step) = learning_rate · factor^(step / every).

    Parameters
    ----------
    learning_rate : float
        The rate at step 0, above 0.
    factor : float
        What the rate has been multiplied with after `every` steps, above 0 and at most 1.
    every : int
        The number of steps that `factor` is for.

    Examples
    --------
    >>> import pellucid as pl
    >>> [round(pl.ExponentialDecay(0.1, factor=0.25, every=2)(step), 6) for step in range(4)]
    [0.1, 0.05, 0.025, 0.0125]
    """

    learning_rate: float
    factor: float = 0.96
    every: int = 1000

    def __post_init__(self) -> None:
        object.__setattr__(self, "learning_rate", check_number("learning_rate", self.learning_rate, above=0.0))
        object.__setattr__(self, "factor", check_number("factor", self.factor, above=0.0, maximum=1.0))
        object.__setattr__(self, "every", check_integer("every", self.every, minimum=1))

    def __call__(self, step: int) -> float:
        """The rate of a step."""
        return float(self.learning_rate * self.factor ** (step / self.every))


def check_learning_rate(value: LearningRate) -> LearningRate:
    """Return `value` if it can be called with a step, or is a number of at least 0 (as a plain float)."""
    if isinstance(value, type):
        raise TypeError(f"learning_rate must be a number or a schedule, not the class {value.__name__}.")
    return value if callable(value) else check_number("learning_rate", value, minimum=0.0)


def rate_at(learning_rate: LearningRate, step: int) -> float:
    """The rate of a step, checked: at least 0 and finite."""
    if not callable(learning_rate):
        return float(learning_rate)
    return check_number(f"The learning rate at step {step}", learning_rate(step), minimum=0.0)
