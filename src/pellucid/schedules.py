"""Schedules: a number as a function of the step, most often the learning rate.

Contract: a schedule is anything that is called with the number of the step, from 0 on and counted over the whole of
training, and returns the number. An optimizer takes a number or a schedule for its learning rate and for its weight
decay; a plain function will do. `Dropout` takes a number or one of the classes here for its rate. These are frozen
dataclasses, so that they can be compared and written down, and can be drawn with `.plot()`. Their first field bears the
name of its usual place, `learning_rate`; elsewhere it is the decay or the rate of dropout, and is best given without a
name: `Dropout(FlatCosine(0.15, steps=10_000))`.

An epoch of n rows in batches of b has ⌈n/b⌉ steps: a schedule over 20 epochs of 50,000 rows in batches of 100 has
`steps=10_000`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pellucid.configuration import from_configuration
from pellucid.display import typed
from pellucid.pictures import draw
from pellucid.validation import check_number, coerce_integer_field, coerce_number_field

LearningRate: TypeAlias = float | Callable[[int], float]
"""A constant rate, or a function of the step."""


@dataclass(frozen=True)
class Schedule:
    """The family's base: a first rate, and what becomes of it.

    Parameters
    ----------
    learning_rate : float
        The rate the schedule is a multiple of, above 0.
    """

    learning_rate: float

    def __post_init__(self) -> None:
        coerce_number_field(self, "learning_rate", above=0.0)

    def __call__(self, step: int) -> float:
        """The rate of a step."""
        return float(self.learning_rate * self.factor(step))

    def factor(self, step: int) -> float:
        """The rate of a step as a multiple of `learning_rate`."""
        raise NotImplementedError

    @property
    def highest(self) -> float | None:
        """A number that no step's exceeds; None: it is not known before all are asked, as for a class of one's own."""
        return self.learning_rate if type(self) in SCHEDULES.values() else None

    def __str__(self) -> str:
        """The schedule as one would type it, with only what differs from the defaults."""
        return typed(self)

    def plot(self, steps: int | None = None, **options: Any) -> Any:
        """Draw the rate over the steps (needs matplotlib); see `pellucid.plots.schedule`."""
        return draw("schedule", self, steps, **options)


@dataclass(frozen=True)
class StepDecay(Schedule):
    """rate(step) = learning_rate · decay^⌊step / every⌋.

    Parameters
    ----------
    learning_rate : float
        The rate at step 0, above 0.
    decay : float
        What the rate is multiplied with every `every` steps, above 0 and at most 1.
    every : int
        How many steps the rate stays.

    Examples
    --------
    >>> import pellucid as pl
    >>> [pl.StepDecay(0.1, decay=0.5, every=2)(step) for step in range(5)]
    [0.1, 0.1, 0.05, 0.05, 0.025]
    """

    decay: float = 0.5
    every: int = 1000

    def __post_init__(self) -> None:
        super().__post_init__()
        coerce_number_field(self, "decay", above=0.0, maximum=1.0)
        coerce_integer_field(self, "every", minimum=1)

    def factor(self, step: int) -> float:
        """decay^⌊step / every⌋."""
        return self.decay ** (step // self.every)


@dataclass(frozen=True)
class ExponentialDecay(StepDecay):
    """rate(step) = learning_rate · decay^(step / every): as `StepDecay`, without the stairs.

    Examples
    --------
    >>> import pellucid as pl
    >>> [round(pl.ExponentialDecay(0.1, decay=0.25, every=2)(step), 6) for step in range(4)]
    [0.1, 0.05, 0.025, 0.0125]
    """

    def factor(self, step: int) -> float:
        """decay^(step / every)."""
        return float(self.decay ** (step / self.every))


@dataclass(frozen=True)
class InverseScaling(Schedule):
    """rate(step) = learning_rate / (1 + step / every)^power.

    Parameters
    ----------
    learning_rate : float
        The rate at step 0, above 0.
    power : float
        How quickly it falls, above 0.
    every : int
        The number of steps after which the rate has fallen to 1/2^power.
    """

    power: float = 0.5
    every: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        coerce_number_field(self, "power", above=0.0)
        coerce_integer_field(self, "every", minimum=1)

    def factor(self, step: int) -> float:
        """(1 + step / every)^−power."""
        return float((1 + step / self.every) ** -self.power)


@dataclass(frozen=True)
class Polynomial(Schedule):
    """rate falls from learning_rate to end in `steps` steps, as (1 − step/steps)^power, and stays there.

    Parameters
    ----------
    learning_rate : float
        The rate at step 0, above 0.
    steps : int
        How many steps it falls for.
    power : float
        1: a straight line; above 0.
    end : float
        The last rate, at least 0.
    """

    steps: int = 10_000
    power: float = 1.0
    end: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        coerce_integer_field(self, "steps", minimum=1)
        coerce_number_field(self, "power", above=0.0)
        coerce_number_field(self, "end", minimum=0.0, maximum=self.learning_rate)

    def factor(self, step: int) -> float:
        """From 1 to end / learning_rate."""
        least = self.end / self.learning_rate
        return least + (1 - least) * max(0.0, 1 - step / self.steps) ** self.power


@dataclass(frozen=True)
class Cosine(Schedule):
    """rate falls from learning_rate to end in `steps` steps, as ½(1 + cos(π·step/steps)), and stays there.

    Parameters
    ----------
    learning_rate : float
        The rate at step 0, above 0.
    steps : int
        How many steps it falls for.
    end : float
        The last rate, at least 0.

    Notes
    -----
    Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017, equation 5.
    """

    steps: int = 10_000
    end: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        coerce_integer_field(self, "steps", minimum=1)
        coerce_number_field(self, "end", minimum=0.0, maximum=self.learning_rate)

    def factor(self, step: int) -> float:
        """From 1 to end / learning_rate."""
        return self._between(min(step, self.steps) / self.steps)

    def _between(self, progress: float) -> float:
        least = self.end / self.learning_rate
        return least + (1 - least) * 0.5 * (1 + math.cos(math.pi * progress))


@dataclass(frozen=True)
class CosineRestarts(Cosine):
    """`Cosine` that starts anew again and again, each time for `growth` times as many steps.

    Parameters
    ----------
    growth : int
        By how much each cycle is longer than the one before, at least 1.

    Notes
    -----
    The other parameters are `Cosine`'s; `steps` is the length of the first cycle. Source: as `Cosine`.
    """

    growth: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        coerce_integer_field(self, "growth", minimum=1)

    def factor(self, step: int) -> float:
        """From 1 to end / learning_rate, again and again."""
        length = self.steps
        if self.growth == 1:
            return self._between(step % length / length)
        while step >= length:
            step -= length
            length *= self.growth
        return self._between(step / length)


@dataclass(frozen=True)
class FlatCosine(Schedule):
    """rate(t) = learning_rate for t < flat, then learning_rate · ½(1 + cos(π·(t − flat)/(1 − flat))), t = step/steps.

    It stays for the first part of training, falls to 0 in the rest, and stays there: for what helps at first and must
    be gone in the end, such as dropout and weight decay.

    Parameters
    ----------
    learning_rate : float
        The rate at step 0, above 0.
    steps : int
        After how many steps it is 0.
    flat : float
        The part of the steps for which it stays, 0 <= flat < 1.

    Examples
    --------
    >>> import pellucid as pl
    >>> [round(pl.FlatCosine(0.1, steps=4)(step), 6) for step in range(6)]
    [0.1, 0.1, 0.1, 0.05, 0.0, 0.0]

    Notes
    -----
    Source: Holzmüller, Grinsztajn and Steinwart, "Better by default", NeurIPS 2024 (flat_cos).
    """

    steps: int = 10_000
    flat: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        coerce_integer_field(self, "steps", minimum=1)
        coerce_number_field(self, "flat", minimum=0.0, below=1.0)

    def factor(self, step: int) -> float:
        """From 1 to 0."""
        t = min(step, self.steps) / self.steps
        return _cosine(1.0, 0.0, max(0.0, t - self.flat) / (1 - self.flat))


@dataclass(frozen=True)
class OneCycle(Schedule):
    """The rate rises from learning_rate/divisor to learning_rate, then falls to almost nothing, both as a cosine.

    Parameters
    ----------
    learning_rate : float
        The highest rate, above 0.
    steps : int
        How many steps the cycle has, at least 2.
    rise : float
        The fraction of the steps it rises for, strictly between 0 and 1.
    divisor : float
        By how much the first rate is lower than the highest, at least 1.
    last_divisor : float
        By how much the last rate is lower than the first, at least 1.

    Notes
    -----
    PyTorch's `OneCycleLR` without the cycle in the momentum. Source: Smith and Topin, "Super-convergence", 2018.
    """

    steps: int = 10_000
    rise: float = 0.3
    divisor: float = 25.0
    last_divisor: float = 1e4

    def __post_init__(self) -> None:
        super().__post_init__()
        coerce_integer_field(self, "steps", minimum=2)
        coerce_number_field(self, "rise", above=0.0, below=1.0)
        coerce_number_field(self, "divisor", minimum=1.0)
        coerce_number_field(self, "last_divisor", minimum=1.0)

    def factor(self, step: int) -> float:
        """From 1/divisor to 1, and down to 1/(divisor·last_divisor)."""
        first, last = 1 / self.divisor, 1 / (self.divisor * self.last_divisor)
        top, end = self.rise * self.steps - 1, self.steps - 1
        if step <= top:
            return _cosine(first, 1.0, step / top if top > 0 else 1.0)
        return _cosine(1.0, last, min(1.0, (step - top) / (end - top)))


def _cosine(start: float, end: float, progress: float) -> float:
    """From start to end along half a cosine."""
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * progress))


@dataclass(frozen=True)
class LogCosine(Schedule):
    """rate(t) = learning_rate · ½(1 − cos(2π·log₂(1 + (2^cycles − 1)·t))) with t = step/steps.

    Each cycle is about twice as long as the one before; the rate starts and ends at 0.

    Parameters
    ----------
    learning_rate : float
        The highest rate, above 0.
    steps : int
        How many steps all cycles have together.
    cycles : int
        How many cycles there are.

    Notes
    -----
    Source: Holzmüller, Grinsztajn and Steinwart, "Better by default", NeurIPS 2024 (coslog4: four cycles).
    """

    steps: int = 10_000
    cycles: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        coerce_integer_field(self, "steps", minimum=1)
        coerce_integer_field(self, "cycles", minimum=1)

    def factor(self, step: int) -> float:
        """Between 0 and 1."""
        t = min(step, self.steps) / self.steps
        return 0.5 * (1 - math.cos(2 * math.pi * math.log2(1 + (2**self.cycles - 1) * t)))


@dataclass(frozen=True)
class WarmUp(Schedule):
    """Another schedule, multiplied with (step + 1)/steps for the first `steps` steps.

    Parameters
    ----------
    learning_rate : float or Schedule
        What comes out after the warm-up: a constant rate, or another schedule (its step 0 is this one's).
    steps : int
        How long the warm-up takes.

    Examples
    --------
    >>> import pellucid as pl
    >>> [round(pl.WarmUp(0.1, steps=4)(step), 3) for step in range(6)]
    [0.025, 0.05, 0.075, 0.1, 0.1, 0.1]
    """

    learning_rate: float | Schedule  # type: ignore[assignment]
    steps: int = 1000

    def __post_init__(self) -> None:
        if isinstance(self.learning_rate, dict):
            object.__setattr__(self, "learning_rate", from_configuration(self.learning_rate, SCHEDULES, "schedule"))
        object.__setattr__(self, "learning_rate", check_scheduled("learning_rate", self.learning_rate))
        coerce_integer_field(self, "steps", minimum=1)

    def __call__(self, step: int) -> float:
        """The rate of a step."""
        return rate_at(self.learning_rate, step) * self.factor(step)

    def factor(self, step: int) -> float:
        """Up to 1."""
        return min(1.0, (step + 1) / self.steps)

    @property
    def highest(self) -> float | None:
        """That of the rate after the warm-up; None where it is a function."""
        return highest(self.learning_rate)


SCHEDULES: dict[str, type[Schedule]] = {
    cls.__name__: cls
    for cls in (
        StepDecay,
        ExponentialDecay,
        InverseScaling,
        Polynomial,
        Cosine,
        CosineRestarts,
        FlatCosine,
        OneCycle,
        LogCosine,
        WarmUp,
    )
}


def check_scheduled(name: str, value: Any) -> Any:
    """Return `value` if it can be called with a step, or is a number of at least 0 (as a plain float)."""
    if isinstance(value, type):
        raise TypeError(f"{name} must be a number or a schedule, not the class {value.__name__}.")
    return value if callable(value) else check_number(name, value, minimum=0.0)


def rate_at(value: Any, step: int, name: str = "learning rate", below: float | None = None) -> float:
    """The number that a number or a schedule gives for a step, checked: at least 0, finite, and below a limit."""
    if not callable(value):
        return float(value)
    number = value(step)
    if type(number) is float and 0.0 <= number < (math.inf if below is None else below):
        return number  # without the words for what is wrong: this is asked for every step
    return check_number(f"The {name} at step {step}", number, minimum=0.0, below=below)


def rates_at(value: Any, steps: Sequence[int], name: str = "learning rate", below: float | None = None) -> list[float]:
    """`rate_at` for several steps."""
    if not callable(value):
        return [float(value)] * len(steps)
    return [rate_at(value, step, name, below) for step in steps]


def highest(value: Any) -> float | None:
    """A number that none of those exceeds that a number or a schedule gives; None: it is not known."""
    if isinstance(value, Schedule):
        return value.highest
    return None if callable(value) else float(value)
