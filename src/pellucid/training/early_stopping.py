"""Early stopping: the best epoch's weights, and no more waiting than is useful."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pellucid.engines.engine import TrainingState
from pellucid.foreign import explains_arguments
from pellucid.training.callbacks import Callback, TrainerInterface
from pellucid.training.watching import check_state, improves, watched_column
from pellucid.validation import check_choice, check_integer, check_number, counted


class EarlyStopping(Callback):
    """Stops when nothing has improved for a while, and always restores the best epoch's weights.

    The best weights are put into the network at the end of every `fit`, whether it was stopped early or not. The
    trainer itself keeps the last ones: calling `fit` again goes on as if it had never ended.

    Parameters
    ----------
    patience : int or None
        After how many epochs in a row without improvement training stops, at least 1. None: never; all epochs are
        done, and the best one's weights come back all the same.
    monitor : str or None
        The column of the history that is watched. None: `validation_loss`, or `loss` without a validation set.
    minimum_improvement : float
        By how much a value must be better than the best one to count, at least 0.
    ties : {"first", "last"}
        Which of equally good epochs has the best weights. Being as good as the best is no improvement: patience is
        counted from the first of them.
    higher_is_better : bool or None
        Of the column; None: as it is known for losses and the metrics that have a name.

    Attributes
    ----------
    best_value : float or None
        The best value of the column so far.
    best_epoch : int or None
        The epoch it was reached in.
    """

    @explains_arguments
    def __init__(
        self,
        patience: int | None = 10,
        monitor: str | None = None,
        minimum_improvement: float = 0.0,
        ties: str = "first",
        *,
        higher_is_better: bool | None = None,
    ) -> None:
        self.patience = None if patience is None else check_integer("patience", patience, minimum=1)
        self.monitor, self.higher_is_better = monitor, higher_is_better
        self.minimum_improvement = check_number("minimum_improvement", minimum_improvement, minimum=0.0)
        self.ties = check_choice("ties", ties, ("first", "last"))
        self.best_value: float | None = None
        self.best_epoch: int | None = None
        self._best_state: TrainingState | None = None
        self._improved = 0  # the last epoch that was better than all before it

    def on_fit_begin(self, trainer: TrainerInterface, epochs: int) -> None:
        """Forget what another training's best was; one that goes on keeps its own."""
        if trainer.epoch == 0:
            self.best_value = self.best_epoch = self._best_state = None
            self._improved = 0

    def on_epoch_end(self, trainer: TrainerInterface) -> None:
        """Keep the best state; stop when it is too long ago."""
        column = watched_column(trainer, self.monitor, "EarlyStopping")
        value = trainer.history.row(-1)[column]
        better = value is not None and improves(
            value, self.best_value, column, self.minimum_improvement, self.higher_is_better
        )
        if better or (self.ties == "last" and value is not None and value == self.best_value):
            self.best_value, self.best_epoch, self._best_state = value, trainer.epoch, trainer.state
            self._improved = trainer.epoch if better else self._improved
        waited = trainer.epoch - self._improved
        if self.patience is not None and waited >= self.patience:
            restored = "" if self.best_epoch is None else f" The weights of epoch {self.best_epoch} are restored."
            trainer.stop(f"Stopped early: {column} has not improved for {counted(waited, 'epoch')}.{restored}")

    def exhausted(self, epoch: int) -> bool:
        """Whether patience has run out at the end of an epoch."""
        return self.patience is not None and epoch - self._improved >= self.patience

    def __repr__(self) -> str:
        """With its patience."""
        return f"{type(self).__name__}(patience={self.patience})"

    def options(self) -> dict[str, Any]:
        """What it was made with, and its class."""
        names = ("patience", "monitor", "minimum_improvement", "ties", "higher_is_better")
        return {"type": type(self).__name__, **{name: getattr(self, name) for name in names}}

    def on_fit_end(self, trainer: TrainerInterface) -> None:
        """Put the best weights into the network."""
        if self._best_state is not None:
            trainer.show(self._best_state)
            trainer.history.best_epoch = self.best_epoch

    def state(self) -> dict[str, Any]:
        """The best value, its epoch and its weights, and since when it is the best."""
        best = self._best_state  # only what is shown: what the optimizer remembered then is of no use any more
        shown = None if best is None else replace(best, slots=())
        since = {"improved": self._improved}
        return {"best_value": self.best_value, "best_epoch": self.best_epoch, "best_state": shown, **since}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` answered."""
        value, epoch, best = state["best_value"], state["best_epoch"], state["best_state"]
        self.best_value = None if value is None else float(value)
        self.best_epoch = None if epoch is None else check_integer("best_epoch", epoch)
        self._best_state = None if best is None else check_state("best_state", best)
        self._improved = check_integer("improved", state.get("improved", self.best_epoch or 0))  # it came later
