"""scikit-learn's callbacks, where the installed version has them (1.9 and newer): each epoch is a task of the fit."""

from __future__ import annotations

import copy
from typing import Any

from pellucid.training import Callback, Trainer

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # an older scikit-learn: `set_callbacks` is not there

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing to support."""


class Hooks(Callback):
    """Tells scikit-learn's callbacks of a fit what happens; as a callback of a trainer, epoch by epoch.

    Parameters
    ----------
    estimator : estimator
        What is fitted.
    x, y, weight
        The data it is fitted on.
    epochs : int
        How many epochs there may be; 0: they are not told one by one.
    """

    def __init__(self, estimator: Any, x: Any, y: Any, weight: Any, epochs: int) -> None:
        self.estimator, self.epochs = estimator, epochs
        self.data = {"X": x, "y": y, "metadata": None if weight is None else {"sample_weight": weight}}
        self.fit = estimator._init_callback_context(max_subtasks=epochs)
        self.task: Any = None
        self.done = 0
        self.fit.call_on_fit_task_begin(estimator=estimator, **self.data)

    @staticmethod
    def wanted(estimator: Any) -> bool:
        """Whether anybody listens."""
        return bool(getattr(estimator, "_skl_callbacks", None)) or hasattr(estimator, "_parent_callback_ctx")

    def on_fit_begin(self, trainer: Trainer, epochs: int) -> None:
        """The first epoch begins."""
        self._begin()

    def on_epoch_end(self, trainer: Trainer) -> None:
        """An epoch ended, and the next one begins."""
        if self.after(self.done + 1):
            trainer.stop("A callback of scikit-learn asked for it.")

    def _begin(self) -> None:
        if self.done < self.epochs:
            self.task = self.fit.subcontext(task_name="epoch")
            self.task.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def after(self, epoch: int) -> bool:
        """Tell of the end of an epoch; whether training shall stop."""
        if self.task is None:
            self._begin()
        self.done = epoch
        stop = self.task.call_on_fit_task_end(
            estimator=self.estimator, reconstruction_attributes=self._snapshot, **self.data
        )
        self.task = None
        if not stop:
            self._begin()
        return bool(stop)

    def _snapshot(self) -> dict[str, Any]:
        """The estimator as if training had ended here: its network must not be trained further."""
        return {"networks_": copy.deepcopy(self.estimator.networks_), "n_iter_": self.done}

    def close(self) -> None:
        """The fit ended; a task that was begun and never came to be ends empty."""
        if self.task is not None:
            self.task.call_on_fit_task_end(estimator=self.estimator)
        self.fit.call_on_fit_task_end(
            estimator=self.estimator, reconstruction_attributes=lambda: vars(self.estimator), **self.data
        )


__all__ = ["CallbackSupportMixin", "Hooks"]
