"""Overfitting a few rows on purpose: a network that cannot memorize a handful of rows cannot learn anything."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.engines.engine import TrainingState
from pellucid.inspection.dry_run import DryRun
from pellucid.layers import Dropout, GaussianNoise, Layer
from pellucid.losses import SigmoidCrossEntropy, SoftmaxCrossEntropy
from pellucid.optimizers import Adam, Optimizer
from pellucid.program.compilation import compile_program
from pellucid.streams import Purpose, Stream
from pellucid.training import Trainer
from pellucid.typing import Array
from pellucid.validation import check_integer

_ROWS = 32
_STEPS = 2000
_AT_A_TIME = 200
_LEARNT = 0.99
"""The accuracy or r2 that counts as memorized."""

_LEARNT_LOSS = 0.01
"""Where neither is known: the loss as a part of that of a network that knows nothing."""

_OTHER_RATES = (1e-3, 1e-2, 3e-2)


@dataclass(frozen=True)
class Overfit:
    """What came of it. Printed, it is a verdict.

    Parameters
    ----------
    reached : bool
        Whether the rows were memorized.
    with_own : bool
        Whether with the trainer's own optimizer.
    loss, first_loss : float
        Behind the last step, and before the first.
    score : float
        The accuracy or r2 of the rows behind it, NaN where neither is known.
    steps, rows : int
        How many steps were made, on how many rows.
    said, advice : str
        The same in words.
    """

    reached: bool
    with_own: bool
    loss: float
    first_loss: float
    score: float
    steps: int
    rows: int
    message: str
    advice: str

    @property
    def verdict(self) -> str:
        """In a word: "good", "warning" (with another rate alone) or "error"."""
        return "error" if not self.reached else "good" if self.with_own else "warning"

    def __str__(self) -> str:
        """The verdict and what to do."""
        return f"{self.verdict}: {self.message}{' ' + self.advice if self.advice else ''}"


def overfit_small(trainer: Trainer, x: Any, y: Any, *, rows: int = _ROWS, steps: int = _STEPS) -> Overfit:
    """Train on a few rows until they are memorized, with all regularization off: a check of everything at once.

    Penalty, weight decay, constraint, dropout and noise are left out, all rows are one batch. Where the trainer's own
    optimizer does not get there, Adam tries at a few rates: then the rate is the matter, and not the network.

    Parameters
    ----------
    trainer : Trainer
        What would be trained. It is not changed.
    x, y : array
        Training rows and their targets.
    rows : int
        How many are learnt.
    steps : int
        How many steps are made at most.

    Returns
    -------
    Overfit

    Examples
    --------
    >>> import pellucid as pl
    >>> x, y = pl.datasets.bulls_eye(100, seed=0)
    >>> network = pl.Network([pl.Dense(16), pl.Tanh(), pl.Dropout(0.5), pl.Dense(2)])
    >>> trainer = pl.Trainer(network, loss=pl.SoftmaxCrossEntropy(), optimizer=pl.Adam(0.01), penalty=pl.L2(1.0))
    >>> pl.overfit_small(trainer, x, y).verdict
    'good'
    """
    check_integer("rows", rows, minimum=2)
    check_integer("steps", steps, minimum=1)
    rehearsal, state = DryRun.of(trainer, trainer.examples(x, y))
    few = without_regularization(rehearsal.on(_different(rehearsal.task.x, rows)))
    few = few.changed(batch_size=len(few.task.x))
    own = dataclasses.replace(few.task.optimizer, weight_decay=0.0)
    first = few.loss(state)
    best: tuple[bool, float, float, int, Optimizer] | None = None
    for optimizer in (own, *(Adam(rate) for rate in _OTHER_RATES)):
        made = (*_learn(few.changed(optimizer=optimizer), state, steps), optimizer)
        if best is None or made[0] or made[1] < best[1]:
            best = made
        if made[0]:
            break
    assert best is not None
    reached, loss, score, count, optimizer = best
    return _told(reached, optimizer is own, loss, first, score, count, len(few.task.x), optimizer)


def _told(
    reached: bool, with_own: bool, loss: float, first: float, score: float, steps: int, rows: int, optimizer: Optimizer
) -> Overfit:
    at = f"{type(optimizer).__name__} at a rate of {optimizer.rate_at(0):g}"
    course = f"the loss went from {first:.4g} to {loss:.3g} in {steps:,} steps of {at}"
    if reached and with_own:
        message, advice = f"{rows} rows were memorized: {course}.", ""
    elif reached:
        message = f"{rows} rows were memorized, but not with the trainer's own optimizer: {course}."
        advice = "Look at the learning rate."
    else:
        message = f"{rows} rows could not be memorized: {course} at best."
        advice = (
            "Look at the gradient, the output and the loss, the scale of the inputs and the size of the network: one "
            "of them keeps it from learning anything."
        )
    return Overfit(reached, with_own, loss, first, score, steps, rows, message, advice)


def _learn(few: DryRun, start: TrainingState, steps: int) -> tuple[bool, float, float, int]:
    """Whether the rows are learnt, their loss, their score, and the steps it took."""
    slots = TrainingState.start(start.parameters, start.statistics, few.task.optimizer).slots
    state: TrainingState | None = dataclasses.replace(start, slots=slots)
    baseline, loss, score, made = few.baseline(), float("inf"), float("nan"), 0
    while made < steps:
        assert state is not None
        count = min(_AT_A_TIME, steps - made)
        state, made = few.train(state, count), made + count
        if state is None:
            return False, float("inf"), float("nan"), made
        loss = few.loss(state)
        measured = few.measures(state)
        score = measured.get("accuracy", measured.get("r2", float("nan")))
        learnt = score >= _LEARNT if np.isfinite(score) else loss < _LEARNT_LOSS * baseline
        if learnt:
            return True, loss, score, made
    return False, loss, score, made


def _different(x: Array, count: int) -> Array:
    """The numbers of this many rows that all differ: two equal rows with other targets cannot both be learnt."""
    order = Stream(0, Purpose.SPLIT, index=3).permutation(len(x))[: 8 * count]
    _, first = np.unique(x[order].reshape(len(order), -1), axis=0, return_index=True)
    return order[np.sort(first)][:count]


def quiet(layer: Layer) -> Layer:
    """The layer without what it draws, with the same parameters."""
    if isinstance(layer, Dropout):
        return Dropout(0.0)
    return dataclasses.replace(layer, scale=0.0) if isinstance(layer, GaussianNoise) else layer


def without_regularization(rehearsal: DryRun) -> DryRun:
    """The same training without penalty, weight decay, constraint, dropout, noise and label smoothing."""
    task = rehearsal.task
    program = compile_program([quiet(each.layer) for each in task.program.instructions], task.program.input_shape)
    plain = SoftmaxCrossEntropy, SigmoidCrossEntropy
    loss = dataclasses.replace(task.loss, label_smoothing=0.0) if isinstance(task.loss, plain) else task.loss
    optimizer = dataclasses.replace(task.optimizer, weight_decay=0.0)
    return rehearsal.changed(program=program, optimizer=optimizer, penalty=None, constraint=None, loss=loss)
