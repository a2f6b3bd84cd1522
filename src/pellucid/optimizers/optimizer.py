"""Optimizers, in order of complexity: how a gradient becomes a step.

Contract: a frozen dataclass whose `update` is a pure function on flat vectors,

    update(parameters, gradient, slots, rate, step) -> new parameters, new slots

with parameters, gradient and each slot of the shape (p,), `rate` the learning rate of this step (a number, or a vector
(p,) where layers have rates of their own) and `step` its number, from 0 on. Slots are what an optimizer remembers
(velocity, moments); they start at 0 and are kept by the trainer, so that training goes on exactly where it stopped.

Three things are the same for all of them and are done around `update`, in this order: the gradient is clipped
(`clip_value`, then `clip_norm`), the weights decay (`weight_decay`: w ← w − rate·decay·w, decoupled from the gradient,
weights only), and the step is made.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, TypeAlias

import numpy as np

from pellucid.kernel import Kernel
from pellucid.schedules import LearningRate, check_scheduled, rate_at, rates_at
from pellucid.typing import Floats
from pellucid.validation import coerce_number_field

Slots: TypeAlias = tuple[Floats, ...]
"""What an optimizer remembers: one flat vector (p,) for each name in `slot_names`."""

Rate: TypeAlias = Any
"""The learning rate of a step: a number, or a vector (p,)."""


@dataclass(frozen=True)
class Optimizer:
    """The family's base. See the head of this file.

    Parameters
    ----------
    learning_rate : float or schedule
        The rate, at least 0.
    weight_decay : float or schedule
        λ of w ← w − rate·λ·w in every step: decoupled decay, weights only, at least 0.
    clip_norm : float or None
        The longest the gradient of all parameters together may be (its Euclidean norm), above 0.
    clip_value : float or None
        The largest absolute value of each of the gradient's numbers, above 0.
    """

    learning_rate: LearningRate = 0.1
    weight_decay: LearningRate = field(default=0.0, kw_only=True)
    clip_norm: float | None = field(default=None, kw_only=True)
    clip_value: float | None = field(default=None, kw_only=True)
    slot_names: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for name in ("learning_rate", "weight_decay"):
            object.__setattr__(self, name, check_scheduled(name, getattr(self, name)))
        for name in ("clip_norm", "clip_value"):
            if getattr(self, name) is not None:
                coerce_number_field(self, name, above=0.0)

    def rate_at(self, step: int) -> float:
        """The learning rate of a step."""
        return rate_at(self.learning_rate, step)

    def rates_at(self, steps: Sequence[int]) -> list[float]:
        """The learning rates of several steps."""
        return rates_at(self.learning_rate, steps)

    def decay_at(self, step: int) -> float:
        """The weight decay λ of a step."""
        return rate_at(self.weight_decay, step, "weight decay")

    def decays_at(self, steps: Sequence[int]) -> list[float]:
        """The weight decays of several steps."""
        return rates_at(self.weight_decay, steps, "weight decay")

    def at_step(self, step: int) -> Optimizer:
        """The optimizer with plain numbers in the place of its schedules: those of a step."""
        return replace(self, learning_rate=self.rate_at(step), weight_decay=self.decay_at(step))

    def clip(self, gradient: Floats) -> Floats:
        """The gradient (p,), clipped by value and then by norm."""
        if self.clip_value is not None:
            gradient = np.clip(gradient, -self.clip_value, self.clip_value)
        if self.clip_norm is not None:
            norm = math.sqrt(float(np.square(gradient, dtype=np.float64).sum()))
            if norm > self.clip_norm:
                gradient = gradient * gradient.dtype.type(self.clip_norm / norm)
        return gradient

    def update(self, parameters: Floats, gradient: Floats, slots: Slots, rate: Rate, step: int) -> tuple[Floats, Slots]:
        """The parameters and slots after one step."""
        raise NotImplementedError

    def kernel(self) -> Kernel | None:
        """The optimizer's line in the native instruction table; None: the reference engine alone runs it."""
        return None
