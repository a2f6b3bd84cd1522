"""The training loop: the epochs of one `fit`, and who is woken between them.

Contract: `train(trainer, fit)` goes on from `trainer.progress` up to the fit's last epoch, in as few calls of the
engine as callbacks and validation allow. After each call progress, history and network say where training is, then the
callbacks are woken whose time it is. Whatever ends it, callbacks are told, and the network's summary says how far it
came.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pellucid.description import TrainingSummary
from pellucid.engines.base import Engine, Outcome, Task
from pellucid.training.callbacks import Callback
from pellucid.training.divergence import DivergenceError, explain
from pellucid.training.interrupts import interrupts_deferred
from pellucid.training.recording import record, validate
from pellucid.training.rows import Held
from pellucid.training.summaries import advanced

if TYPE_CHECKING:
    from pellucid.training.trainer import Trainer


@dataclass(frozen=True)
class Fit:
    """One call of `fit`.

    Parameters
    ----------
    engine : Engine
        What computes.
    task : Task
        What is trained on what.
    held : Held or None
        The validation rows, which are measured after each epoch.
    epochs, last : int
        How many epochs were asked for, and the number of the last one.
    summary : TrainingSummary
        What the network will say of its training, but for what grows with the epochs.
    """

    engine: Engine
    task: Task
    held: Held | None
    epochs: int
    last: int
    summary: TrainingSummary


def train(trainer: Trainer, fit: Fit) -> None:
    """Train to the end of a fit; callbacks are told of its beginning and its end.

    Raises
    ------
    DivergenceError
        If the loss is no number any more.
    KeyboardInterrupt
        On Ctrl-C.
    """
    for callback in _in_order(trainer):  # they may ask which epoch the weights of the last fit are from
        callback.start(trainer, fit.epochs)
    trainer.history.best_epoch = None
    try:
        _run(trainer, fit)
    except KeyboardInterrupt:
        trainer.history.stopped = (
            f"Interrupted in epoch {trainer.epoch + 1}, after step {trainer.step}. fit goes on from there."
        )
        raise
    finally:
        _end(trainer, fit)


def _run(trainer: Trainer, fit: Fit) -> None:
    """The loop."""
    callbacks = _in_order(trainer)
    wake = [_next_wake(trainer, callback) for callback in callbacks]
    while trainer.epoch < fit.last and not trainer.stopped:
        every_epoch = fit.held is not None or trainer.augmentation is not None
        alone = every_epoch or trainer.epoch == 0  # some weights of the first epoch are kept
        until = min([fit.last, *wake, *([trainer.epoch + 1] if alone else [])])
        outcome = fit.engine.train(
            _with_images(trainer, fit.task, trainer.epoch), trainer.state, trainer.progress.safe, until - trainer.epoch
        )
        with interrupts_deferred():  # what belongs to the end of an epoch is done whole
            _take(trainer, fit.task, outcome)
            if outcome.stopped and (trainer.state.batch or not outcome.logs):
                raise KeyboardInterrupt
            trainer.repetition.epoch_ends(trainer)
            if fit.held is not None:
                trainer.history.set_last(validate(trainer.network, trainer.loss, fit.held))
            if any(trainer.epoch >= epoch for epoch in wake):
                trainer.network.training = advanced(fit.summary, trainer, fit.last)
            for number, callback in enumerate(callbacks):
                if trainer.epoch >= wake[number]:
                    callback.epoch(trainer)
                    wake[number] = _next_wake(trainer, callback)
            if outcome.stopped:
                raise KeyboardInterrupt
    trainer.history.stopped = trainer.stopped


def _in_order(trainer: Trainer) -> list[Callback]:
    """The callbacks as they are woken: those that must see what the others have done come last."""
    return sorted(trainer.callbacks, key=lambda callback: callback.last)


def _next_wake(trainer: Trainer, callback: Callback) -> int:
    """The epoch after which a callback wants to be woken next."""
    return trainer.epoch + max(1, callback.interval(trainer))


def _with_images(trainer: Trainer, task: Task, epoch: int) -> Task:
    """The task with the images of an epoch, where they change: then each epoch has a call of the engine of its own."""
    if trainer.augmentation is None:
        return task
    return replace(task, x=trainer.augmentation.apply(task.x, trainer.seed, epoch))


def _take(trainer: Trainer, task: Task, outcome: Outcome) -> None:
    """Be where the engine came to; the history and the network follow. Turn back if it diverged."""
    progress, history = trainer.progress, trainer.history
    before = progress.state
    diverged = outcome.stopped == "not_finite" or not (  # the last step of all may overflow, with no loss after it
        outcome.stopped or np.isfinite(outcome.state.parameters).all()
    )
    progress.safe = outcome.safe
    record(history, task, before, outcome)
    progress.state = outcome.safe if diverged else outcome.state
    trainer.show(progress.state)
    if diverged:
        history.cut(trainer.epoch)
        divergence = explain(_with_images(trainer, task, before.epoch), outcome.state, outcome.safe, progress.beginning)
        trainer.divergence, history.diverged, history.stopped = divergence, divergence.epoch, str(divergence)
        raise DivergenceError(history.stopped)


def _end(trainer: Trainer, fit: Fit) -> None:
    """Tell the callbacks that `fit` ends, and the network what it has become."""
    try:
        for callback in _in_order(trainer):
            trainer.network.training = advanced(fit.summary, trainer, fit.last)
            callback.end(trainer)
    finally:
        trainer.repetition.fit_ends(trainer)
        trainer.network.training = advanced(fit.summary, trainer, fit.last)
