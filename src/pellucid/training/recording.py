"""What an engine says of its epochs, and what the network says of validation rows, as rows of the history."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.engines.base import Outcome, State, Task
from pellucid.engines.reference import mean_loss
from pellucid.losses import Loss, metrics
from pellucid.network import Network
from pellucid.training.history import History
from pellucid.training.rows import Held
from pellucid.typing import Array

_ROWS = 256  # are enough to say where a loss comes from


def record(history: History, task: Task, before: State, outcome: Outcome) -> None:
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


def not_finite(network: Network, loss: Loss, held: Held) -> tuple[Array, Array]:
    """Some validation rows and their targets, first those whose loss is not finite."""
    with np.errstate(all="ignore"):
        scores = network.engines.choose(network.program)[0].scores(network.model, held.x)  # (n, outputs)
        rows = np.argsort(np.isfinite(loss.values(scores, held.targets)), kind="stable")[:_ROWS]
    return held.x[rows], held.targets[rows]


def validate(network: Network, loss: Loss, held: Held) -> dict[str, float]:
    """The columns of the history for validation rows, each counted by its weight."""
    with np.errstate(all="ignore"):  # what is not finite stands in the history, and needs no warning beside it
        scores = network.engines.choose(network.program)[0].scores(network.model, held.x)  # (n, outputs)
        values = {
            "loss": mean_loss(loss, scores, held.targets, held.weight),
            **metrics(loss.ordered(scores), held.targets, network.link, held.weight, network.target),
        }
    return {f"validation_{name}": value for name, value in values.items()}
