"""Dropout."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np

from pellucid.configuration import from_configuration
from pellucid.formulas import Formulas
from pellucid.kernel import Kernel
from pellucid.layers.layer import Context, Gradients, Layer
from pellucid.schedules import SCHEDULES, Schedule, rate_at, rates_at
from pellucid.typing import Floats, Shape
from pellucid.validation import coerce_number_field


@runtime_checkable
class Scheduled(Protocol):
    """A layer with numbers that schedules may move from step to step."""

    @property
    def follows_schedules(self) -> bool:
        """Whether one of its numbers is a schedule."""

    def at_step(self, step: int) -> Layer:
        """The layer with plain numbers in the place of its schedules: those of a step."""

    def check_schedules(self, steps: Sequence[int]) -> None:
        """Raise if a number is out of its range at one of the steps to come."""

    def numbers_at(self, steps: Sequence[int]) -> Floats | None:
        """The numbers of `kernel()` at each of some steps, (steps, numbers); None: they stay the same."""


@dataclass(frozen=True)
class Dropout(Layer):
    """Sets a random fraction of its inputs to zero in each training step, and is absent in prediction.

    y = x·m/(1 − rate), with m = 0 for the fraction `rate` of the elements and 1 for the rest, so that the mean of y
    is x. The mask of layer l at step s is a pure function of (seed, l, s).

    Parameters
    ----------
    rate : float or Schedule
        The fraction set to zero, 0 <= rate < 1. Survivors are scaled up by 1/(1 − rate). A schedule gives the fraction
        of each step, counted over the whole of training: `FlatCosine(0.15, steps=10_000)` fades.

    Examples
    --------
    >>> import pellucid as pl
    >>> fading = pl.Dropout(pl.FlatCosine(0.2, steps=4))
    >>> [round(fading.rate_at(step), 6) for step in range(5)]
    [0.2, 0.2, 0.2, 0.1, 0.0]

    Notes
    -----
    Source: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout", JMLR 15, 2014, section 10 (the
    form that scales in training).
    """

    rate: float | Schedule
    draws: ClassVar[bool] = True
    formulas: ClassVar[Formulas] = Formulas(
        symbol="d",
        value="{x}·{factor}",
        derivative="{factor}",
        where="m is 0 for the fraction {rate}, else 1/(1 − {rate}); 1 in prediction",
    )

    def __post_init__(self) -> None:
        if isinstance(self.rate, dict):
            object.__setattr__(self, "rate", from_configuration(self.rate, SCHEDULES, "schedule"))
        if isinstance(self.rate, Schedule):
            if self.rate.highest is not None and self.rate.highest >= 1:
                raise ValueError(
                    f"rate must stay below 1, but {self.rate} begins at or rises to {self.rate.highest:g}."
                )
        elif isinstance(self.rate, type):
            raise TypeError(f"rate must be a number or a schedule, not the class {self.rate.__name__}.")
        elif callable(self.rate):
            raise TypeError(
                f"rate must be a number or a schedule such as FlatCosine(0.15, steps=10_000), not {self.rate!r:.80}: a "
                f"network's file holds no functions. (A class of your own derived from Schedule will do.)"
            )
        else:
            coerce_number_field(self, "rate", minimum=0.0, below=1.0)

    def _mask_shape(self, shape: Shape) -> Shape:
        """The shape of the mask, for that of the inputs."""
        return shape

    @property
    def follows_schedules(self) -> bool:
        """Whether the rate is a schedule."""
        return isinstance(self.rate, Schedule)

    def rate_at(self, step: int) -> float:
        """The fraction set to zero in a step."""
        return rate_at(self.rate, step, _NAME, below=1.0)

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Floats | None]:
        """x (n, d) -> y (n, d); saved: the mask, already divided by 1 − rate."""
        rate = self.rate_at(context.stream.counter) if context.training and context.stream is not None else 0.0
        if rate == 0.0 or context.stream is None:
            return x, None
        kept = context.stream.words(self._mask_shape(x.shape)) >= _thresholds(rate)  # (n, d)
        mask = kept.astype(x.dtype) * x.dtype.type(1.0 / (1.0 - rate))  # (n, d)
        return x * mask, mask

    def backward(
        self, gradient: Floats, saved: Floats | None, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        """∂x = g·m/(1 − rate)."""
        return (gradient if saved is None else gradient * saved), {}

    def kernel(self) -> Kernel:
        """`dropout`, with its threshold and the survivors' factor."""
        rate = self.rate_at(0)
        return Kernel("dropout", (float(_thresholds(rate)), 1.0 / (1.0 - rate)))

    def at_step(self, step: int) -> Dropout:
        """With the rate of a step."""
        return dataclasses.replace(self, rate=self.rate_at(step)) if isinstance(self.rate, Schedule) else self

    def check_schedules(self, steps: Sequence[int]) -> None:
        """Raise if the rate leaves [0, 1); what is known not to is not asked."""
        if isinstance(self.rate, Schedule) and self.rate.highest is None:
            rates_at(self.rate, steps, _NAME, below=1.0)

    def numbers_at(self, steps: Sequence[int]) -> Floats | None:
        """Threshold and factor of each step, (steps, 2)."""
        if not isinstance(self.rate, Schedule):
            return None
        rates = np.array(rates_at(self.rate, steps, _NAME, below=1.0))  # (steps,)
        return np.stack([_thresholds(rates), 1.0 / (1.0 - rates)], axis=1)


@dataclass(frozen=True)
class SpatialDropout(Dropout):
    """Sets a random fraction of whole channels to zero in each training step, and is absent in prediction.

    As `Dropout`, but all positions of an example share the mask of its channels: neighbours, which tell much the same,
    do not stand in for what is missing. x is (n, *positions, c), the mask (n, 1, …, 1, c).

    Parameters
    ----------
    rate : float or Schedule
        The fraction set to zero, 0 <= rate < 1; see `Dropout`.

    Notes
    -----
    Source: Tompson, Goroshin, Jain, LeCun and Bregler, "Efficient object localization using convolutional networks",
    CVPR 2015, section 3.2.
    """

    def _mask_shape(self, shape: Shape) -> Shape:
        """One place for all positions."""
        return (shape[0], *(1 for _ in shape[1:-1]), shape[-1])

    def kernel(self) -> Kernel:
        """`spatial_dropout`, with its threshold and the survivors' factor."""
        return super().kernel()._replace(name="spatial_dropout")


_NAME = "rate of dropout"


def _thresholds(rates: float | Floats) -> Floats:
    """An element is dropped when its 32-bit random word is below rate·2³²."""
    return np.minimum(np.rint(np.multiply(rates, 2.0**32)), 2.0**32 - 1)
