"""The evidence: all that the doctor knows of a training, and what it can work out from that.

Contract: `Evidence` has the history and, where there was a trainer, a `Run`: samples of the rows, the states at the
beginning and at the end, probes in between. Symptoms are functions of it that return findings. What costs time (the
yardstick, the trainings tried out) is worked out when it is first asked for, and kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from pellucid.engines.engine import TrainingState
from pellucid.inspection.doctor.probe import Probe, take_probe
from pellucid.inspection.dry_run import DryRun
from pellucid.inspection.names import input_names
from pellucid.inspection.ridge_baseline import BaselineScore, as_columns, reach, standard_error, unexplained
from pellucid.losses import CustomLoss, Quantile
from pellucid.losses.links import predictions
from pellucid.network import Network
from pellucid.training import EarlyStopping, History
from pellucid.training.divergence import Divergence
from pellucid.typing import Array, Floats

SAMPLE_ROWS = 4096
"""Rows that trainings are tried out on."""

PROBE_ROWS = 128
"""Rows that layers are looked at with."""

FEWEST_STEPS, MOST_STEPS, WORK = 100, 1000, 3e9
"""Steps of a training that is tried out, enough to see whether a rate works, and about this many multiplications."""

LOWER_ERROR = 0.6
"""A result is clearly worse than the yardstick's if the yardstick's error is below this part of it."""

NEGLIGIBLE = 0.005
"""What stays unexplained of the variance of numbers: below this a result is good, whatever another model reaches."""


class Retraining(NamedTuple):
    """Where a training that was tried out came to."""

    error: float
    """On held-out rows; infinite where it diverged."""
    loss: float
    """On the training rows."""
    held_out_loss: float
    """What rates are compared by: a rate far too high can memorize the training rows, and no others."""

    def beats(self, other: Retraining, part: float) -> bool:
        """Whether the loss is below a part of the other's, and the error no worse: a loss of training rows alone can
        be had by memorizing them.
        """
        return self.loss < part * other.loss and self.error <= other.error


def counted(count: int, what: str) -> str:
    """How many of a thing, for people: "1 step", "1,200 steps"."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


@dataclass(eq=False)
class Run:
    """A training that can be looked into.

    Parameters
    ----------
    rehearsal : DryRun
        The training, on a sample of at most `SAMPLE_ROWS` rows in random order.
    network : Network
        What is trained; here it lends the names of classes and columns, and the unit of the targets.
    rows, batch_size : int
        Of the training itself.
    first, last : TrainingState
        Before the first step, and where training went on from at the end.
    shown : TrainingState
        What the network holds, with its epoch: that of the best epoch, where early stopping restored it.
    validation : (x, targets) or None
        A sample of the validation rows.
    validation_weight : array (n,) or None
        How much each of them counts in the loss; in the error all count the same.
    probes : list of Probe
        In order of time; the first is that of `first`.
    shared_rows : array
        The numbers of the training rows that the validation set holds too.
    shared_share, twins_share : float
        The share of the validation rows that were trained on, and of training rows with a twin in the training set.
    epochs : int
        How many were done, or asked for where training stopped before.
    early_stopping : EarlyStopping or None
        The callback.
    reduces_rate : bool
        Whether a callback reduces the rate on a plateau.
    divergence : Divergence or None
        Where it went wrong.
    """

    rehearsal: DryRun
    network: Network
    rows: int
    batch_size: int
    first: TrainingState
    last: TrainingState
    shown: TrainingState
    validation: tuple[Array, Array] | None = None
    validation_weight: Floats | None = None
    probes: list[Probe] = field(default_factory=list)
    shared_rows: Array | None = None
    shared_share: float = 0.0
    twins_share: float = 0.0
    epochs: int = 0
    early_stopping: EarlyStopping | None = None
    reduces_rate: bool = False
    divergence: Divergence | None = None

    @property
    def steps(self) -> int:
        """How many steps were made."""
        return self.last.step - self.first.step

    @cached_property
    def rehearsed_steps(self) -> int:
        """As many as the training had, but not too many."""
        return self.some_steps if self.divergence is not None else max(1, min(self.some_steps, self.steps))

    @cached_property
    def some_steps(self) -> int:
        """As many as can be made in no time."""
        task = self.rehearsal.task
        of_one = 6 * max(1, task.program.parameter_count) * task.batch_size
        return int(min(MOST_STEPS, max(FEWEST_STEPS, WORK / of_one)))

    # -- what things are called ----------------------------------------------------------------------------------

    def class_name(self, number: int) -> str:
        """A class by its name, or by its number where classes have no names."""
        return str(number) if self.network.classes is None else self.network.classes[number]

    def column_name(self, number: int) -> str:
        """A column of the inputs by its name, or by its number from 0 on where columns have no names."""
        names = input_names(self.network)
        return f"column {number}" if names is None else f"column {names[number]!r}"

    # -- how good it is ------------------------------------------------------------------------------------------

    @cached_property
    def of_classes(self) -> bool:
        """Whether classes are predicted, or yes and no."""
        return self.rehearsal.task.link not in ("identity", "exponential")

    @cached_property
    def judged(self) -> bool:
        """Whether the error says how good the predictions are: not for quantiles, or for a loss of unknown meaning."""
        loss = self.rehearsal.task.loss
        return self.of_classes or not isinstance(loss, Quantile | CustomLoss)

    @cached_property
    def balanced(self) -> bool:
        """Whether all classes count the same in the error: where rows have weights, their numbers do not say it."""
        return self.of_classes and self.rehearsal.task.sample_weight is not None

    @property
    def targets(self) -> Array:
        """The sample's targets in the unit of y, as they were given."""
        targets, unit = self.rehearsal.task.targets, self.network.target
        return targets if unit is None else targets * np.asarray(unit.scale) + np.asarray(unit.mean)

    def columns(self, targets: Array) -> Floats:
        """Targets as numbers (n, k)."""
        return as_columns(targets, self.rehearsal.task.program.outputs)

    @cached_property
    def _reach(self) -> BaselineScore:
        task = self.rehearsal.task
        others = None
        if self.validation is not None and self.shared_share < 0.01:
            others = (self.validation[0], self.columns(self.validation[1]))
        return reach(task.x, self.columns(task.targets), self.of_classes, balanced=self.balanced, others=others)

    @property
    def yardstick(self) -> BaselineScore:
        """What an independent model explains, and what a constant does."""
        return self._reach

    def error(self, state: TrainingState, x: Array, targets: Array) -> float:
        """The share of wrong rows, or 1 − R²; infinite where scores are not finite."""
        scores = self.rehearsal.scores(state, x)
        if not np.isfinite(scores).all():
            return math.inf
        link, columns = self.rehearsal.task.link, self.columns(targets)
        if self.of_classes and (columns.shape[1] == 1 or link == "sigmoid"):
            return unexplained((scores > 0).astype(np.float64), columns, True, balanced=self.balanced)
        if self.of_classes:
            return unexplained(scores, columns, True, balanced=self.balanced)
        predicted = predictions(scores, link)
        return unexplained(predicted.reshape(columns.shape), columns, False)

    @property
    def measure(self) -> str:
        """What `1 − error` is called."""
        return "accuracy" if self.of_classes else "r2"

    def quality(self, error: float) -> str:
        """An error as people know it: the accuracy of classes, R² of numbers."""
        if not math.isfinite(error):
            return "scores that are not finite"
        if not self.of_classes:
            return f"an R² of {1 - error:.3f}".replace("-", "−")
        return f"{'a balanced' if self.balanced else 'an'} accuracy of {1 - error:.1%}"

    @cached_property
    def training_error(self) -> float:
        """Of the sample of training rows, with the weights that the network holds."""
        return self.error(self.shown, self.rehearsal.task.x, self.rehearsal.task.targets)

    @cached_property
    def validation_error(self) -> float | None:
        """Of the validation rows; None without."""
        return None if self.validation is None else self.error(self.shown, *self.validation)

    @cached_property
    def held_out_error(self) -> float:
        """On validation rows where there are some, else on the training rows."""
        return self.training_error if self.validation_error is None else self.validation_error

    @cached_property
    def outcome(self) -> str:
        """How training came out.

        "failed": it diverged, or is no better than a guess that can be bettered; "poor": clearly worse than the
        yardstick; "fine"; "untrained": no step was made yet; "unknown": the loss says nothing of the predictions.
        """
        if self.divergence is not None or not np.isfinite(self.last.parameters).all():
            return "failed"
        if not self.steps:
            return "untrained"
        if not self.judged:
            return "unknown"
        if (
            self.of_classes
            and self.steps
            and self.rehearsal.loss(self.shown) > max(self.baseline_loss, self.first_loss)
        ):
            return "failed"  # whatever the predictions are, the training rows are worse than unknown to it
        yard, error = self.yardstick, self.held_out_error
        margin = self.margin(error)
        if yard.unexplained < 0.9 * yard.chance and error > max(0.95 * yard.chance, yard.unexplained + margin):
            return "failed"
        if yard.unexplained < LOWER_ERROR * error - margin and (self.of_classes or error > NEGLIGIBLE):
            return "poor"
        return "fine"

    def margin(self, error: float) -> float:
        """By how much an error on held-out rows may differ by chance: two standard errors."""
        held_out = self.rehearsal.task.x if self.validation is None else self.validation[0]
        return 2 * max(self.yardstick.standard_error, standard_error(error, len(held_out), self.of_classes))

    @property
    def severity(self) -> str:
        """How bad a mechanism is that would explain the outcome."""
        return {"failed": "error", "poor": "warning", "untrained": "warning"}.get(self.outcome, "hint")

    # -- trainings tried out -------------------------------------------------------------------------------------

    @cached_property
    def _tried(self) -> dict[object, Retraining]:
        return {}

    def tried(self, key: object, trial: Callable[[], TrainingState | None]) -> Retraining:
        """Where a trial came to that is made once."""
        if key not in self._tried:
            self._tried[key] = self.trial_of(trial())
        return self._tried[key]

    def trial_of(self, state: TrainingState | None) -> Retraining:
        """A state's loss on training rows and error on held-out rows, as far as the error says anything."""
        if state is None:
            return Retraining(math.inf, math.inf, math.inf)
        task = self.rehearsal.task
        x, targets = self.validation if self.validation is not None else (task.x, task.targets)
        others = self.rehearsal
        if self.validation is not None:
            others = self.rehearsal.changed(x=x, targets=targets, sample_weight=self.validation_weight)
        return Retraining(
            self.error(state, x, targets) if self.judged else 0.0, self.rehearsal.loss(state), others.loss(state)
        )

    def after(self, scale: float) -> Retraining:
        """Some steps from the first weights at a multiple of the rate."""
        return self.tried(
            ("first", scale), lambda: self.rehearsal.train(self.first, self.rehearsed_steps, rate_scale=scale)
        )

    def further(self, scale: float) -> Retraining:
        """Some steps from where training ended."""
        return self.tried(("last", scale), lambda: self.rehearsal.train(self.last, self.some_steps, rate_scale=scale))

    @cached_property
    def ended(self) -> Retraining:
        """Where the training itself came to: at its end or at its best epoch, whichever has the lower loss."""
        if self.divergence is not None:
            return Retraining(math.inf, math.inf, math.inf)
        return min(self.trial_of(self.last), self.trial_of(self.shown), key=lambda each: each.loss)

    @cached_property
    def first_loss(self) -> float:
        """The sample's loss at the first weights."""
        return self.rehearsal.loss(self.first)

    @cached_property
    def last_loss(self) -> float:
        """The sample's loss at the end; infinite where training diverged."""
        return math.inf if self.divergence is not None else self.rehearsal.loss(self.last)

    @cached_property
    def baseline_loss(self) -> float:
        """The sample's loss of a network that says the same of every row and knows nothing."""
        return self.rehearsal.baseline()

    # -- layers --------------------------------------------------------------------------------------------------

    @cached_property
    def initial(self) -> Probe:
        """The first weights, layer by layer."""
        if self.probes and self.probes[0].step == self.first.step:
            return self.probes[0]
        return take_probe(self.rehearsal.task, self.first, self.some_rows)

    @cached_property
    def end(self) -> Probe:
        """The last weights, layer by layer."""
        return take_probe(self.rehearsal.task, self.last, self.some_rows)

    @property
    def some_rows(self) -> Array:
        """The numbers of the rows that layers are looked at with."""
        return np.arange(min(PROBE_ROWS, len(self.rehearsal.task.x)))


@dataclass
class Evidence:
    """All that is known of a training.

    Parameters
    ----------
    history : History
        What happened, epoch by epoch.
    run : Run or None
        What can be looked into; None where there is a history alone.
    """

    history: History
    run: Run | None = None

    def column(self, name: str) -> Floats:
        """A column of the history as numbers, NaN where there is none; empty where there is no such column."""
        if name not in self.history:
            return np.empty(0)
        return np.array([math.nan if value is None else value for value in self.history[name]], dtype=np.float64)
