"""Rehearsals: a training tried out, of which the trainer never learns.

Contract: a `DryRun` holds a task and the engines that run it. States are never changed in place, so whatever is
tried from one leaves it, the trainer and its network exactly as they were.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pellucid.engines import EngineChoice
from pellucid.engines.engine import Engine, Model, TrainingState, TrainingTask
from pellucid.engines.reference import mean_loss
from pellucid.losses import SquaredError, metrics
from pellucid.training import Trainer
from pellucid.training.examples import Examples
from pellucid.typing import Array, Floats


@dataclass(frozen=True)
class DryRun:
    """What is trained on what, and by which engine.

    Parameters
    ----------
    task : TrainingTask
        Rows, targets, loss, optimizer and the rest.
    engines : EngineChoice
        What computes.
    """

    task: TrainingTask
    engines: EngineChoice

    @staticmethod
    def of(trainer: Trainer, examples: Examples) -> tuple[DryRun, TrainingState]:
        """The training that `trainer.fit_examples(examples)` would be, on a replica, and the state it would begin from.

        A trainer that has begun goes on from its present weights, with an optimizer that remembers nothing yet.
        """
        replica = trainer.replica().begin(examples)
        return DryRun(replica.task_for(examples), replica.network.engines), replica.state

    def changed(self, **changes: Any) -> DryRun:
        """The same with other fields of the task."""
        return replace(self, task=replace(self.task, **changes))

    def on(self, rows: Any) -> DryRun:
        """The same on some of the rows; a batch of all rows stays one of all rows."""
        task = self.task
        x, targets = task.x[rows], task.targets[rows]
        weight = None if task.sample_weight is None else task.sample_weight[rows]
        size = len(x) if task.batch_size >= len(task.x) else min(task.batch_size, len(x))
        return self.changed(x=x, targets=targets, sample_weight=weight, batch_size=size)

    @property
    def engine(self) -> Engine:
        """What runs the task."""
        task = self.task
        return self.engines.choose(
            task.program, loss=task.loss, penalty=task.penalty, optimizer=task.optimizer, constraint=task.constraint
        )[0]

    def step(self, state: TrainingState, number: int) -> tuple[float, TrainingState] | None:
        """One step on the batch of that number of epoch 0: the loss before it, and the state behind it.

        None where the loss or a weight is not finite any more.
        """
        task = self.task
        first = number * task.batch_size % len(task.x)
        one = self.on(slice(first, first + task.batch_size)).changed(batch_size=1, shuffle=False)
        one = one.changed(batch_size=len(one.task.x))
        outcome = one.engine.train(one.task, state, state, 1)
        if outcome.stopped or not np.isfinite(outcome.state.parameters).all():
            return None
        return outcome.logs[0].loss, outcome.state

    def train(self, state: TrainingState, steps: int, rate_scale: float = 1.0) -> TrainingState | None:
        """Train for about this many steps, at a multiple of the rate; None where it diverges.

        Where the rows do not fill this many batches they are used again, in another order.
        """
        wanted = steps * self.task.batch_size
        if wanted >= len(self.task.x):
            part, epochs = self, math.ceil(wanted / len(self.task.x))
        else:
            part, epochs = self.on(slice(0, wanted)).changed(batch_size=self.task.batch_size), 1
        start = replace(state, rate_scale=state.rate_scale * rate_scale, epoch=0, batch=0, **_NO_SUMS)
        outcome = part.engine.train(part.task, start, start, epochs)
        if outcome.stopped or not np.isfinite(outcome.state.parameters).all():
            return None
        return outcome.state

    def scores(self, state: TrainingState, x: Array | None = None) -> Floats:
        """The scores (n, outputs) of the task's rows, or of others, in prediction."""
        model = Model(self.task.program, state.parameters, state.statistics)
        with np.errstate(all="ignore"):
            return self.engines.choose(self.task.program)[0].scores(model, self.task.x if x is None else x)

    def loss(self, state: TrainingState | None) -> float:
        """The mean loss of the task's rows in prediction, without the penalty; infinite where there is no state."""
        if state is None:
            return math.inf
        with np.errstate(all="ignore"):
            value = mean_loss(self.task.loss, self.scores(state), self.task.targets, self.task.sample_weight)
        return value if math.isfinite(value) else math.inf

    def baseline(self) -> float:
        """The mean loss of scores that say the same of every row and know nothing: no class more than another, or the
        mean of the targets. log K, ½ Var(y) and their like.
        """
        task = self.task
        scores = np.zeros((len(task.targets), task.program.outputs))  # (n, outputs)
        if task.link in ("identity", "exponential") and task.targets.ndim == 2:
            mean = task.targets.mean(axis=0, dtype=np.float64)
            scores += mean if task.link == "identity" else np.log(np.maximum(mean, 1e-12))
        elif task.link == "argmax" and isinstance(task.loss, SquaredError):
            scores += 1 / scores.shape[1]
        with np.errstate(all="ignore"):
            return mean_loss(task.loss, scores, task.targets, task.sample_weight)

    def measures(self, state: TrainingState, x: Array | None = None, targets: Array | None = None) -> dict[str, float]:
        """`accuracy` or `r2` of the task's rows, or of others."""
        of = self.task.targets if targets is None else targets
        return metrics(self.scores(state, x), of, self.task.link)


_NO_SUMS: dict[str, Any] = {"loss_sum": 0.0, "weight_sum": 0.0, "correct_sum": 0.0}
