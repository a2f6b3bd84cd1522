"""Callbacks that change the learning rate by what they see: reduction on a plateau, and backtracking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pellucid.engines.engine import TrainingState
from pellucid.foreign import explains_arguments
from pellucid.training.callbacks import Callback, TrainerInterface
from pellucid.training.watching import check_state, improves, watched_column
from pellucid.validation import check_integer, check_number


class ReduceOnPlateau(Callback):
    """Multiplies the learning rate with a factor when nothing has improved for a while.

    Parameters
    ----------
    patience : int
        After how many epochs in a row without improvement the rate is reduced, at least 1.
    factor : float
        What it is multiplied with, strictly between 0 and 1.
    monitor : str or None
        The column of the history that is watched. None: `validation_loss`, or `loss` without a validation set.
    minimum_improvement : float
        By how much a value must be better than the best one to count, at least 0.
    lowest : float
        The rate is not multiplied below this part of its schedule, at least 0.
    higher_is_better : bool or None
        Of the column; None: as it is known for losses and the metrics that have a name.
    """

    @explains_arguments
    def __init__(
        self,
        patience: int = 10,
        factor: float = 0.1,
        monitor: str | None = None,
        minimum_improvement: float = 0.0,
        lowest: float = 1e-6,
        *,
        higher_is_better: bool | None = None,
    ) -> None:
        self.patience = check_integer("patience", patience, minimum=1)
        self.factor = check_number("factor", factor, above=0.0, below=1.0)
        self.monitor, self.higher_is_better = monitor, higher_is_better
        self.minimum_improvement = check_number("minimum_improvement", minimum_improvement, minimum=0.0)
        self.lowest = check_number("lowest", lowest, minimum=0.0)
        self.best_value: float | None = None
        self._since = 0

    def on_epoch_end(self, trainer: TrainerInterface) -> None:
        """Reduce the rate when the best epoch is too long ago."""
        column = watched_column(trainer, self.monitor, "ReduceOnPlateau")
        value = trainer.history.row(-1)[column]
        if value is not None and improves(
            value, self.best_value, column, self.minimum_improvement, self.higher_is_better
        ):
            self.best_value, self._since = value, 0
            return
        self._since += 1
        if self._since >= self.patience:
            self._since = 0
            scale = max(self.lowest, trainer.state.rate_scale * self.factor)
            trainer.resume_from(replace(trainer.state, rate_scale=scale))

    def state(self) -> dict[str, Any]:
        """The best value, and how long ago it was."""
        return {"best_value": self.best_value, "since": self._since}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` answered."""
        value = state["best_value"]
        self.best_value = None if value is None else float(value)
        self._since = check_integer("since", state["since"])


class Backtracking(Callback):
    """Goes back where the loss has grown: every this many epochs a look, and then either on, or back with a lower rate.

    At each look the loss of the training rows (with the penalty) at the present weights is compared with the one at
    the look before. If it has grown by more than `tolerance`, weights and optimizer state of that look come back, as
    true copies, and the rate is divided.

    Parameters
    ----------
    every : int
        How many epochs lie between two looks, at least 1. With a full batch an epoch is one iteration.
    divisor : float
        What the rate is divided by, above 1.
    tolerance : float
        How much the loss may grow, at least 0.

    Notes
    -----
    A state of training is never changed in place, so the one that is kept is a true copy of the weights: a back-up that
    is the same object as the weights goes back to nowhere.
    """

    @explains_arguments
    def __init__(self, every: int = 500, divisor: float = 5.0, tolerance: float = 1e-9) -> None:
        self.every = check_integer("every", every, minimum=1)
        self.divisor = check_number("divisor", divisor, above=1.0)
        self.tolerance = check_number("tolerance", tolerance, minimum=0.0)
        self.times = 0
        self._kept: TrainingState | None = None
        self._kept_loss = 0.0

    def on_fit_begin(self, trainer: TrainerInterface, epochs: int) -> None:
        """Look for the first time."""
        if self._kept is None:
            self._kept, self._kept_loss = trainer.state, trainer.objective()

    def interval(self, trainer: TrainerInterface) -> int:
        """Every this many epochs of all of training."""
        return self.every - trainer.epoch % self.every

    def on_epoch_end(self, trainer: TrainerInterface) -> None:
        """Go on, or back."""
        assert self._kept is not None
        loss = trainer.objective()
        if loss <= self._kept_loss + self.tolerance:
            self._kept, self._kept_loss = trainer.state, loss
            return
        self.times += 1
        now = trainer.state
        trainer.resume_from(
            replace(self._kept, epoch=now.epoch, step=now.step, rate_scale=now.rate_scale / self.divisor)
        )

    def state(self) -> dict[str, Any]:
        """The state at the last look that was kept, its loss, and how often training went back."""
        return {"kept": self._kept, "kept_loss": self._kept_loss, "times": self.times}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` answered."""
        kept = state["kept"]
        self._kept = None if kept is None else check_state("kept", kept)
        self._kept_loss, self.times = float(state["kept_loss"]), check_integer("times", state["times"])
