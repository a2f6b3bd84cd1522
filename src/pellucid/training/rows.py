"""What a fit is given, checked: rows, validation rows, batches, rates.

Contract: nothing here changes a trainer or its network. What is wrong is said before the first step.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from pellucid.datasets.dataset import DatasetPart
from pellucid.datasets.splits import split
from pellucid.engines.engine import TrainingTask
from pellucid.layers.dropout import Scheduled
from pellucid.losses import Loss
from pellucid.network import Network, encode_targets
from pellucid.program.compilation import compile_program
from pellucid.schedules import highest
from pellucid.training.parts import TrainerParts
from pellucid.training.weighting import class_weights
from pellucid.typing import Array, Floats
from pellucid.validation import check_inputs, check_same_length, check_sample_weight, counted, unknown_name_message

Validation: TypeAlias = tuple[Any, Any] | tuple[Any, Any, Any] | float | None
"""(x, y) or (x, y, weight), a fraction of the training rows to split off, or None."""

_DEFAULT_BATCH = 32


class ValidationSet(NamedTuple):
    """Validation rows as they are measured."""

    x: Array
    """(n, *input_shape)."""
    targets: Array
    """As the loss takes them."""
    weight: Floats | None = None
    """How much each row counts (n,), float64; None: all the same."""


def task_of(
    trainer: TrainerParts, x: Any, y: Any, *, sample_weight: Any = None, class_weight: Any = None
) -> TrainingTask:
    """What `fit` with these arguments would train on what, checked; for whoever looks into a training."""
    x = check_inputs(x, "x", trainer.network.input_shape)
    targets = trainer.network.encode(y, trainer.loss)
    weight = check_sample_weight(sample_weight, len(x))
    if class_weight is not None:
        of_classes = class_weights(class_weight, targets, trainer.network.outputs)
        weight = of_classes if weight is None else weight * of_classes
    return TrainingTask(
        program=trainer.network.program,
        loss=trainer.loss,
        penalty=trainer.penalty,
        optimizer=trainer.optimizer,
        x=x,
        targets=targets,
        link=trainer.network.link,
        sample_weight=weight,
        batch_size=batch_rows(trainer.batch_size, len(x)),
        shuffle=trainer.shuffle,
        seed=trainer.seed,
        rate_factors=rate_factors(trainer.learning_rate_factors, trainer.network),
        constraint=trainer.constraint,
        average=trainer.average,
        penalty_in_loss=trainer.penalty_in_loss,
    )


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


def check_validation(validation: Any, network: Network, loss: Loss) -> ValidationSet | None:
    """The validation rows, their encoded targets, and their weights."""
    if validation is None:
        return None
    if not isinstance(validation, Sequence) or isinstance(validation, str) or len(validation) not in (2, 3):
        received = f"{len(validation)} parts" if isinstance(validation, tuple | list) else f"{validation!r:.80}"
        raise TypeError(
            f"validation must be (x, y) or (x, y, weight), a fraction of the training rows such as 0.2, or "
            f"None, not {received}."
        )
    x, y, *weight = validation
    x = check_inputs(x, "validation x", network.input_shape)
    targets = network.encode(y, loss)
    check_same_length(**{"validation x": x, "validation y": targets})
    return ValidationSet(x, targets, check_sample_weight(weight[0] if weight else None, len(x), "validation weight"))


def split_off(
    x: Any, y: Any, fraction: float, sample_weight: Any, *, network: Network, loss: Loss, seed: int
) -> tuple[Any, Any, DatasetPart]:
    """The training rows that remain and the rows split off.

    Classes keep their proportions, unless one is too rare to be in both parts.
    """
    if sample_weight is not None:
        raise ValueError(
            "validation as a fraction and sample_weight do not go together: give validation=(x, y, weight), or (x, y)."
        )
    x = check_inputs(x, "x", network.input_shape if network.built else None)
    targets = encode_targets(loss, y, compile_program(network.layers, x.shape[1:]).output_shape)
    check_same_length(x=x, y=targets)
    how: dict[str, Any] = {"validation": fraction, "test": 0, "seed": seed}
    try:
        train, part, _ = split(x, targets, stratify=targets.ndim == 1, **how)
    except ValueError:
        train, part, _ = split(x, targets, stratify=False, **how)
    return train.x, train.y, part


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
        warnings.warn(
            f"The training rows hold no example of class{'es' if missing.size > 1 else ''} {names}, but the network "
            f"has {counted(network.outputs, 'output')}: what has no example cannot be learnt.",
            UserWarning,
            stacklevel=5,
        )


def warn_of_other_data(data_hash: str, expected: str | None) -> None:
    """Say so if the rows are not those that a checkpoint was trained on."""
    if expected is not None and expected != data_hash:
        warnings.warn(
            "The training rows are not those that the checkpoint was trained on: training goes on with its weights "
            "and counters, but not as if it had never stopped.",
            UserWarning,
            stacklevel=5,
        )
