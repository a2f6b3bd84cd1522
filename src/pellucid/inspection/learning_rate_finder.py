"""The learning-rate range test: the same few steps at ever higher rates, and what the loss makes of them.

Each step is made at a higher rate than the one before, from a very low one until the loss explodes. Where the loss
falls most steeply the rate suits; where it begins to rise it is too high. The loss is that of the same rows each time,
which no step is made on: the losses of the steps' own batches differ by more than a step changes. It is a rehearsal:
the trainer, its network and its counters stay exactly as they were.

Source: Smith, "Cyclical learning rates for training neural networks", WACV 2017, section 3.3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

from pellucid.engines.engine import TrainingState
from pellucid.inspection.dry_run import DryRun
from pellucid.pictures import draw
from pellucid.streams import Purpose, Stream
from pellucid.training import Trainer
from pellucid.typing import Floats
from pellucid.validation import check_integer, check_number

_MEMORY = 0.7
"""How much of the smoothed loss stays in each step."""

_EXPLODED = 4.0
"""The test ends where the smoothed loss is this many times its lowest."""

_FEWEST = 5
"""Steps, below which there is no course to speak of."""

_MORE = 6
"""How many times as many steps are made where the first ones show nothing."""

_NEAR = 10.0
"""A first loss this many times the one of a network that knows nothing need not come down to that in a few steps."""

_FALLS = 0.03
"""The smoothed loss must fall by at least this part of the first one, or no rate of those tried does anything."""

_ROWS = 4096
_MOST_BATCH = 1024
_MEASURED = 512
"""Rows that the loss is measured on; at most a quarter of all."""

_FEW = 80
"""With fewer rows than this the loss is measured on the rows of the steps."""


@dataclass(frozen=True, eq=False)
class RangeTest:
    """What a range test found. Printed, it is a verdict.

    Parameters
    ----------
    rates, losses, smoothed : array (steps,)
        The rate of each step, the loss behind it, and that loss smoothed.
    suggestion : float or None
        A rate that suits; None: there is none.
    highest : float or None
        The highest rate at which the loss still fell.
    reason : str
        Why this rate, or why none.
    present : float
        The trainer's own rate.
    """

    rates: Floats = field(repr=False)
    losses: Floats = field(repr=False)
    smoothed: Floats = field(repr=False)
    suggestion: float | None
    highest: float | None
    reason: str
    present: float

    def plot(self, **options: Any) -> Any:
        """Draw the loss against the rate (needs matplotlib); see `pellucid.plots.range_test`."""
        return draw("range_test", self, **options)

    def __str__(self) -> str:
        """The suggestion and why."""
        head = "No rate to suggest." if self.suggestion is None else f"Suggested learning rate: {self.suggestion:g}."
        return f"{head} {self.reason} The trainer's own is {self.present:g}."


def range_test(
    trainer: Trainer,
    x: Any,
    y: Any,
    *,
    lowest: float = 1e-7,
    highest: float = 100.0,
    steps: int = 150,
    sample_weight: Any = None,
    class_weight: Any = None,
) -> RangeTest:
    """Find a learning rate by a few steps at rates from `lowest` to `highest`, evenly apart on a logarithmic scale.

    Parameters
    ----------
    trainer : Trainer
        What would be trained. It is not changed: not its weights, not its counters, not its history.
    x, y : array
        Training rows and their targets.
    lowest, highest : float
        The rates to begin and end with.
    steps : int
        How many steps are made at most, at least 20.
    sample_weight, class_weight
        As for `fit`.

    Returns
    -------
    RangeTest
        With a `suggestion`, or with None and the reason why there is none.

    Notes
    -----
    The suggestion is the rate at which the smoothed loss falls most steeply, but no more than a third of the one at
    which it begins to rise. It suits the trainer's own optimizer and batch size; a schedule is left out of account.
    Source: Smith, "Cyclical learning rates for training neural networks", WACV 2017, section 3.3.

    Examples
    --------
    >>> import pellucid as pl
    >>> x, y = pl.datasets.bulls_eye(200, seed=0)
    >>> network = pl.Network([pl.Dense(16), pl.Tanh(), pl.Dense(2)])
    >>> trainer = pl.Trainer(network, loss=pl.SoftmaxCrossEntropy(), optimizer=pl.Adam(30.0))
    >>> test = pl.range_test(trainer, x, y)
    >>> 1e-3 < test.suggestion < 1
    True
    """
    check_number("lowest", lowest, above=0.0)
    check_number("highest", highest, above=lowest)
    check_integer("steps", steps, minimum=20)
    rehearsal, state = DryRun.of(
        trainer, trainer.examples(x, y, sample_weight=sample_weight, class_weight=class_weight)
    )
    some = Stream(0, Purpose.SPLIT, index=2).permutation(len(rehearsal.task.x))[:_ROWS]
    kept = min(_MEASURED, len(some) // 4) if len(some) >= _FEW else 0
    measured = rehearsal.on(some[:kept] if kept else some)
    sample = rehearsal.on(some[kept:])
    sample = sample.changed(batch_size=min(sample.task.batch_size, _MOST_BATCH))
    found = _try(sample, measured, state, np.geomspace(lowest, highest, steps))
    if found.suggestion is None and len(found.losses) >= _FEWEST:  # some learn nothing in the first few steps
        found = _try(sample, measured, state, np.geomspace(lowest, highest, _MORE * steps))
    return found


def _try(sample: DryRun, measured: DryRun, state: TrainingState, rates: Floats) -> RangeTest:
    """One test of rates (steps,)."""
    first, losses = measured.loss(state), _losses(sample, measured, state, rates)
    smoothed, tried = _smooth(first, losses), rates[: len(losses)]
    verdict = _verdict(first, measured.baseline(), tried, smoothed, len(losses) < len(rates))
    return RangeTest(tried, losses, smoothed, *verdict, sample.task.rate_at(state))


def _losses(sample: DryRun, measured: DryRun, state: TrainingState, rates: Floats) -> Floats:
    """The measured loss behind each step, until it explodes."""
    losses: list[float] = []
    first = measured.loss(state)
    for number, rate in enumerate(rates):
        made = sample.changed(optimizer=_at(sample, float(rate))).step(state, number)
        if made is None:
            break
        state = made[1]
        losses.append(measured.loss(state))
        if not math.isfinite(losses[-1]) or losses[-1] > _EXPLODED * max(first, min(losses)):
            break
    return np.array([loss for loss in losses if math.isfinite(loss)])


def _at(sample: DryRun, rate: float) -> Any:
    """The optimizer at a constant rate."""
    return replace(sample.task.optimizer, learning_rate=rate)


def _smooth(first: float, losses: Floats) -> Floats:
    """An exponential mean that begins at the first loss."""
    smoothed, mean = np.empty(len(losses)), first
    for number, loss in enumerate(losses):
        mean = _MEMORY * mean + (1 - _MEMORY) * loss
        smoothed[number] = mean
    return smoothed


_Verdict: TypeAlias = tuple[float | None, float | None, str]
"""A rate, the highest that still works, and why; or None, None and why not."""


def _none(reason: str) -> _Verdict:
    return None, None, reason


def _verdict(first: float, baseline: float, rates: Floats, smoothed: Floats, exploded: bool) -> _Verdict:
    """What the course of the loss says."""
    if not math.isfinite(first):
        return _none("The loss of the first weights is not finite: look at the data, the weights and the loss.")
    if len(smoothed) < _FEWEST:
        return _none(
            "The loss overflows after a few steps at the lowest rates already: look at the scale of the inputs, at the "
            "first weights and at the gradient."
        )
    place = int(np.argmin(smoothed))
    lowest = float(smoothed[place])
    if first - lowest < _FALLS * abs(first):
        how = "and then explodes" if exploded else "nor does it explode"
        return _none(
            f"The loss falls at none of the rates from {rates[0]:g} to {rates[-1]:g} ({first:.4g} before, {lowest:.4g} "
            f"at its lowest), {how}: the targets may have nothing to do with the inputs, no gradient may reach the "
            f"weights, or they may be trained already."
        )
    if lowest > (1 - _FALLS) * baseline and first < _NEAR * baseline:
        return _none(
            f"The loss falls from {first:.4g} to {lowest:.4g} at its lowest, no further than that of a network which "
            f"says the same of every row ({baseline:.4g}): the targets may have nothing to do with the inputs, or it "
            f"takes more steps."
        )
    slopes = np.gradient(smoothed[: place + 1], np.log(rates[: place + 1]))
    steepest = int(np.argmin(slopes))
    rises = float(rates[place])
    suggestion = float(f"{min(float(rates[steepest]), rises / 3):.1g}")
    if place == len(smoothed) - 1 and not exploded:
        reason = f"The loss was still falling at the highest rate tried, {rates[-1]:g}: a higher one may do better."
    else:
        reason = f"The loss falls most steeply near {rates[steepest]:.2g} and begins to rise at {rises:.2g}."
    return suggestion, rises, reason
