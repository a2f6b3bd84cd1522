"""What an engine says of its epochs, and what the network says of validation rows, as rows of the history."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import Any, TypeAlias

import numpy as np

from pellucid.engines.engine import Outcome, TrainingState, TrainingTask
from pellucid.engines.reference import mean_loss
from pellucid.losses import Loss
from pellucid.metrics import ScoredExamples, measured
from pellucid.network import Network
from pellucid.training.examples import Examples
from pellucid.training.history import History
from pellucid.typing import Array

_ROWS = 256  # are enough to say where a loss comes from

Wanted: TypeAlias = Mapping[str, Callable[[ScoredExamples], float]]
"""Metrics by name."""


def record(history: History, task: TrainingTask, before: TrainingState, outcome: Outcome) -> None:
    """Add the epochs that were finished since the state `before`; the rate of each is that of its last step."""
    logs, batches, first = outcome.logs, task.batches, before.step - before.batch
    if not logs:
        return
    columns: dict[str, list[Any]] = {
        "epoch": list(range(before.epoch + 1, before.epoch + len(logs) + 1)),
        "loss": logs.loss,
    }
    if logs.accuracy[0] is not None:
        columns["accuracy"] = logs.accuracy
    last_steps = range(first + batches - 1, first + len(logs) * batches, batches)
    columns["learning_rate"] = [rate * before.rate_scale for rate in task.optimizer.rates_at(last_steps)]
    columns["seconds"] = logs.seconds
    history.extend(columns)


def not_finite(network: Network, loss: Loss, held_out: Examples) -> tuple[Array, Array]:
    """Some validation rows and their targets, first those whose loss is not finite."""
    with np.errstate(all="ignore"):
        answers = _answers(network, loss, held_out)
        finite = np.isfinite(loss.values(answers.scores, answers.targets)).reshape(len(held_out.x), -1).all(axis=1)
        rows = np.argsort(finite, kind="stable")[:_ROWS]
    return held_out.x[rows], held_out.targets[rows]


def validate(network: Network, loss: Loss, held_out: Examples, metrics: Wanted) -> dict[str, float]:
    """The columns of the history for validation rows, each counted by its weight."""
    with np.errstate(all="ignore"):  # what is not finite stands in the history, and needs no warning beside it
        answers = _answers(network, loss, held_out)
        value = mean_loss(loss, answers.scores, answers.targets, answers.weight)
        values = {"loss": value, **answers.usual(), **measured(metrics, answers)}
    return {f"validation_{name}": value for name, value in values.items()}


def measure_training(
    network: Network, task: TrainingTask, metrics: Wanted, columns: Container[str]
) -> dict[str, float]:
    """The metrics of the training rows at the present weights, but for those that are columns already."""
    wanted = {name: metric for name, metric in metrics.items() if name not in columns}
    if not wanted:
        return {}
    with np.errstate(all="ignore"):
        return measured(wanted, _answers(network, task.loss, Examples(task.x, task.targets, task.sample_weight)))


def _answers(network: Network, loss: Loss, rows: Examples) -> ScoredExamples:
    scores = network.engines.choose(network.program)[0].scores(network.model, rows.x)  # (n, …, outputs)
    return ScoredExamples.of(loss, scores, rows.targets, network.target, rows.weight)
