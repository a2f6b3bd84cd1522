"""When training ends: scikit-learn's rule, as a callback of the trainer.

Contract: after every epoch the training loss, or the validation score where one is watched, must be better than the
best so far by `tol`. `n_iter_no_change` epochs in a row may miss that; after one more training stops, or the rate is
divided by 5 where it adapts. `Curves` keeps what was seen from one fit to the next. The callback sleeps for as many
epochs as must pass before it can have anything to say, so that they run in one call of the engine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pellucid.engines.engine import TrainingState
from pellucid.network import Network
from pellucid.optimizers import Optimizer
from pellucid.training import Callback, Trainer
from pellucid.typing import Array, Floats

_SLOWEST = 1e-6  # an adapting rate that is not above it ends training
_DIVISOR = 5.0


@dataclass
class Curves:
    """What was seen, epoch by epoch, over all fits that went on from each other."""

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)
    best_loss: float = math.inf
    best_score: float = -math.inf
    misses: int = 0
    samples: int = 0

    def add_loss(self, loss: float, tol: float) -> None:
        """Another epoch's loss; a miss if it is not below the best by `tol`."""
        self.loss.append(loss)
        self.misses = self.misses + 1 if loss > self.best_loss - tol else 0
        self.best_loss = min(self.best_loss, loss)

    def add_score(self, loss: float, score: float, tol: float) -> bool:
        """Another epoch's loss and validation score; whether the score is the best so far."""
        self.loss.append(loss)
        self.misses = 0 if score >= self.best_score + tol else self.misses + 1  # NaN is a miss
        if not score > self.best_score:
            return False
        self.best_score = score
        return True


class Watch:
    """The validation rows of a training, and the score that it is judged by.

    Parameters
    ----------
    x, targets : array
        The rows, and their targets as the loss takes them.
    weight : array (n,) or None
        How much each row counts.
    scorer : callable or None
        Of a network: a number, higher is better. None: accuracy or R².
    """

    def __init__(
        self, x: Array, targets: Array, weight: Floats | None, scorer: Callable[[Network], float] | None
    ) -> None:
        self.x, self.targets, self.weight, self.scorer = x, targets, weight, scorer
        numeric = targets.ndim == 2 and targets.dtype.kind == "f"
        self.meaningless = scorer is None and numeric and bool((targets == targets[0]).all())

    def score(self, network: Network, measured: Mapping[str, Any]) -> float:
        """The score, given what the history's last row says of the rows; NaN where their loss is no number.

        Of a constant target R² says nothing, and −loss takes its place.
        """
        loss: float = measured["validation_loss"]
        if not math.isfinite(loss):
            return math.nan
        if self.scorer is not None:
            with np.errstate(all="ignore"):
                return float(self.scorer(network))
        if self.meaningless:
            return -loss
        return float(measured["validation_accuracy" if "validation_accuracy" in measured else "validation_r2"])


class Convergence(Callback):
    """Watches the curves, changes the rate, and stops. See the head of this file.

    Parameters
    ----------
    curves : Curves
        Where everything is written to.
    tol, patience : float
        By how much a value must be better, and how many epochs in a row may miss that.
    samples : int
        The rows of an epoch.
    offset : float
        What the loss curve shows more than the loss.
    watch : Watch or None
        Validation rows.
    stops_by_score : bool
        Whether it is their score that decides; the best weights come back.
    adapts : bool
        Whether the rate is divided by 5 in the place of stopping.
    power : float or None
        Of a rate that falls as 1/(samples seen + 1)^power.
    verbose : bool
        Whether each epoch is printed.
    label : str
        What stands in front of a printed line.
    """

    def __init__(
        self,
        curves: Curves,
        *,
        tol: float,
        patience: float,
        samples: int,
        offset: float = 0.0,
        watch: Watch | None = None,
        stops_by_score: bool = False,
        adapts: bool = False,
        power: float | None = None,
        verbose: bool = False,
        label: str = "",
    ) -> None:
        self.curves, self.tol, self.patience, self.samples, self.offset = curves, tol, patience, samples, offset
        self.watch, self.stops_by_score = watch, stops_by_score
        self.adapts, self.power, self.verbose, self.label = adapts, power, verbose, label
        self.best: TrainingState | None = None
        self.best_epoch: int | None = None
        self.converged = False
        self.epochs = 0
        self._seen = 0

    def on_fit_begin(self, trainer: Trainer, epochs: int) -> None:
        """Look only at what comes; where a fit goes on from the best weights of the one before, these are the best."""
        self._seen = len(trainer.history)
        if self.stops_by_score and math.isfinite(self.curves.best_score):
            self.best, self.best_epoch = trainer.state, trainer.history.best_epoch

    def interval(self, trainer: Trainer) -> int:
        """Until there can be something to do: as many epochs as may still miss, and one."""
        if self.watch is not None or self.power is not None or self.verbose:
            return 1
        left = self.patience - self.curves.misses + 1
        return int(left) if left < 2**31 else 2**31

    def on_epoch_end(self, trainer: Trainer) -> None:
        """Write down what happened, and decide."""
        self._look(trainer)
        if self.power is not None:
            wanted = (self.curves.samples + 1) ** -self.power
            _change_rate(trainer, wanted / trainer.state.rate_scale)
        if self.curves.misses > self.patience:
            self._decide(trainer)

    def on_fit_end(self, trainer: Trainer) -> None:
        """Write down epochs after the last look, and bring the best weights back."""
        if len(trainer.history) > self._seen:
            self._look(trainer)
        if self.best is not None:
            now = trainer.state
            trainer.resume_from(replace(self.best, epoch=now.epoch, step=now.step, rate_scale=now.rate_scale))
            trainer.history.best_epoch = self.best_epoch

    def _look(self, trainer: Trainer) -> None:
        for loss in trainer.history["loss"][self._seen :]:
            self._seen += 1
            self.epochs += 1
            self.curves.samples += self.samples
            shown = loss + self.offset
            if self.verbose:
                print(f"{self.label}Iteration {self.epochs}, loss = {shown:.8f}")
            if self.watch is None:
                self.curves.add_loss(shown, self.tol)
            else:
                self._validate(trainer, self.watch, shown)

    def _validate(self, trainer: Trainer, watch: Watch, loss: float) -> None:
        measured: dict[str, Any] = trainer.history.row(-1)
        score = watch.score(trainer.network, measured)
        trainer.history.set_last({"validation_score": score})
        self.curves.validation_loss.append(measured["validation_loss"])
        self.curves.validation_scores.append(score)
        if self.verbose:
            print(f"{self.label}Validation score: {score:f}")
        if not self.stops_by_score:
            self.curves.add_loss(loss, self.tol)
        elif self.curves.add_score(loss, score, self.tol):
            self.best, self.best_epoch = trainer.state, trainer.epoch

    def _decide(self, trainer: Trainer) -> None:
        what = "Validation score" if self.stops_by_score else "Training loss"
        if self.stops_by_score and self.watch is not None and self.watch.meaningless:
            what = "The validation target is constant, so that R² says nothing: validation loss"
        reason = f"{what} did not improve more than tol={self.tol:f} for {self.patience:g} consecutive epochs."
        rate = trainer.optimizer.rate_at(trainer.step) * trainer.state.rate_scale
        if self.adapts and rate > _SLOWEST:
            _change_rate(trainer, 1 / _DIVISOR)
            self.curves.misses = 0
            if self.verbose:
                print(f"{self.label}{reason} Setting learning rate to {rate / _DIVISOR:f}")
            return
        self.converged = True
        trainer.stop(reason)
        if self.verbose:
            print(f"{self.label}{reason} Stopping.")


def _change_rate(trainer: Trainer, factor: float) -> None:
    """Multiply the rate, as scikit-learn does: its velocity holds the rate, so that ours grows as the rate falls."""
    state, slots = trainer.state, trainer.state.slots
    if trainer.optimizer.slot_names == ("velocity",):
        slots = tuple(velocity / velocity.dtype.type(factor) for velocity in slots)
    trainer.resume_from(replace(state, slots=slots, rate_scale=state.rate_scale * factor))


def fresh_optimizer(parameters: Floats, statistics: Floats, optimizer: Optimizer, epoch: int) -> TrainingState:
    """The state of an optimizer that has forgotten everything; epochs are counted on, for new orders of the rows."""
    return replace(TrainingState.start(parameters, statistics, optimizer), epoch=epoch)
