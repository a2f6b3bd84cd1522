"""Watching a column of the history: what early stopping and the reduction of the rate share."""

from __future__ import annotations

from typing import Any

from pellucid.engines.engine import TrainingState
from pellucid.metrics import higher_is_better
from pellucid.training.callbacks import TrainerInterface


def watched_column(trainer: TrainerInterface, monitor: str | None, watcher: str) -> str:
    """The column to watch: the one asked for; else `validation_loss`, or `loss` without a validation set.

    Raises
    ------
    ValueError
        If the history has no such column.
    """
    if monitor is None:
        return "validation_loss" if "validation_loss" in trainer.history else "loss"
    if monitor not in trainer.history:
        raise ValueError(
            f"{watcher} watches {monitor!r}, which is not in the history: it has "
            f"{', '.join(trainer.history.columns)}. Give fit a validation set, or watch another column."
        )
    return monitor


def improves(
    value: float, best: float | None, column: str, minimum_improvement: float, higher: bool | None = None
) -> bool:
    """Whether a value is better than the best one by more than the least that counts; NaN never is.

    Raises
    ------
    ValueError
        If `higher`, whether higher values are better, is None for a column of which it is not known.
    """
    grows = higher_is_better(column, higher)
    if best is None:
        return value == value
    gain = value - best if grows else best - value
    return gain > minimum_improvement


def check_state(name: str, value: Any) -> TrainingState:
    """What a callback takes back as a state of the training, if it is one."""
    if not isinstance(value, TrainingState):
        raise TypeError(f"{name} must be a state of the training, not {value!r:.60}.")
    return value
