"""What a fit is given, checked: rows, validation rows, batches, rates.

Contract: nothing here changes a trainer or its network. What is wrong is said before the first step.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pellucid.engines.engine import TrainingTask
from pellucid.layers.dropout import Scheduled
from pellucid.network import Network
from pellucid.schedules import highest
from pellucid.typing import Array, Floats
from pellucid.validation import counted, unknown_name_message, warn

_DEFAULT_BATCH = 32


def batch_rows(batch_size: int | str, rows: int) -> int:
    """How many rows one step takes."""
    if batch_size == "full":
        return rows
    if batch_size == "auto":
        return min(_DEFAULT_BATCH, rows)
    if int(batch_size) > rows:
        raise ValueError(
            f"batch_size is {batch_size}, but there are only {rows} training rows. "
            f"Use at most {rows}, or 'full' for all rows at once."
        )
    return int(batch_size)


def rate_factors(factors_by_name: Mapping[str, float], network: Network) -> Floats | None:
    """`learning_rate_factors` as a vector (p,), in the network's dtype."""
    if not factors_by_name:
        return None
    factors = np.ones_like(network.parameters)
    views = network.program.views()
    names = {name: [name] for name in views}
    for name in views:
        names.setdefault(name.split(".")[0], []).append(name)
    for name in sorted(factors_by_name, key=lambda name: "." in name):  # a parameter's own wins
        if name not in names:
            raise ValueError(unknown_name_message("The layer or parameter of learning_rate_factors", name, names))
        for full in names[name]:
            factors[views[full].range] = factors_by_name[name]
    return factors


def check_schedules(task: TrainingTask, steps: range) -> None:
    """Raise if a schedule leaves its range at one of the steps to come: before the first, not in the midst of training.

    Those of Pellucid's own are known not to; the learning rate is looked at when it is used.
    """
    if highest(task.optimizer.weight_decay) is None:
        task.optimizer.decays_at(steps)
    for instruction in task.program.instructions:
        if isinstance(instruction.layer, Scheduled):
            instruction.layer.check_schedules(steps)


def warn_of_missing_classes(targets: Array, network: Network) -> None:
    """Say which classes have no example: the network cannot learn them."""
    if targets.ndim != 1:
        return
    missing = np.flatnonzero(np.bincount(targets, minlength=network.outputs) == 0)
    if missing.size:
        names = ", ".join(map(str, missing[:10])) + (", …" if missing.size > 10 else "")
        warn(
            f"The training rows hold no example of class{'es' if missing.size > 1 else ''} {names}, but the network "
            f"has {counted(network.outputs, 'output')}: what has no example cannot be learnt.",
        )


def warn_of_other_data(data_hash: str, expected: str | None) -> None:
    """Say so if the rows are not those that a checkpoint was trained on."""
    if expected is not None and expected != data_hash:
        warn(
            "The training rows are not those that the checkpoint was trained on: training goes on with its weights "
            "and counters, but not as if it had never stopped.",
        )
