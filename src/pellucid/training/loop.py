"""The training loop: the epochs of one `fit`, and the callbacks between them.

Contract: `train(trainer, fit)` continues from `trainer.progress` up to the fit's last epoch, in as few calls of the
engine as callbacks and validation allow: a call a step where a callback has an `on_batch_end`. After each call
progress, history and network are those of the moment, then the callbacks are called whose time it is. Whatever ends
it, callbacks are called, and the network's summary has how far it came.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pellucid.description import TrainingSummary
from pellucid.engines.base import Engine, Outcome, Task
from pellucid.training.callbacks import Callback, wants_batches
from pellucid.training.divergence import DivergenceError, explain
from pellucid.training.interrupts import interrupts_deferred
from pellucid.training.recording import Wanted, measure_training, record, validate
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
    metrics : mapping
        What is measured of training and validation rows after each epoch, by name.
    callbacks : sequence of Callback
        The trainer's, and the fit's own.
    """

    engine: Engine
    task: Task
    held: Held | None
    epochs: int
    last: int
    summary: TrainingSummary
    metrics: Wanted
    callbacks: Sequence[Callback]


def train(trainer: Trainer, fit: Fit) -> None:
    """Train to the end of a fit; callbacks are told of its beginning and its end.

    Raises
    ------
    DivergenceError
        If the loss is no number any more.
    KeyboardInterrupt
        On Ctrl-C.
    """
    for callback in _in_order(fit):  # they may ask which epoch the weights of the last fit are from
        callback.on_fit_begin(trainer, fit.epochs)
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
    callbacks = _in_order(fit)
    per_batch = [callback for callback in callbacks if wants_batches(callback)]
    wake = [_next_wake(trainer, callback) for callback in callbacks]
    while trainer.epoch < fit.last and not trainer.stopped:
        every_epoch = fit.held or trainer.augmentation or fit.metrics or per_batch
        until = min([fit.last, *wake, *([trainer.epoch + 1] if every_epoch else [])])
        task, began = _with_images(trainer, fit.task, trainer.epoch), time.perf_counter()
        outcome = _steps(trainer, fit.engine, task, per_batch) if per_batch else None
        if outcome is None:
            outcome = fit.engine.train(task, trainer.state, trainer.progress.safe, until - trainer.epoch)
            if per_batch and outcome.logs:
                outcome.logs.seconds[0] = time.perf_counter() - began
        with interrupts_deferred():  # what belongs to the end of an epoch is done whole
            _take(trainer, fit.task, outcome)
            if outcome.stopped and (trainer.state.batch or not outcome.logs):
                raise KeyboardInterrupt
            if fit.held is not None:
                trainer.history.set_last(validate(trainer.network, trainer.loss, fit.held, fit.metrics))
            if fit.metrics:
                present = [name for name, value in trainer.history.row(-1).items() if value is not None]
                trainer.history.set_last(measure_training(trainer.network, fit.task, fit.metrics, present))
            if any(trainer.epoch >= epoch for epoch in wake):
                trainer.network.training = advanced(fit.summary, trainer)
            for number, callback in enumerate(callbacks):
                if trainer.epoch >= wake[number]:
                    callback.on_epoch_end(trainer)
                    wake[number] = _next_wake(trainer, callback)
            if outcome.stopped:
                raise KeyboardInterrupt
    trainer.history.stopped = trainer.stopped


def _steps(trainer: Trainer, engine: Engine, task: Task, callbacks: list[Callback]) -> Outcome | None:
    """Make the steps that are left of the epoch one by one, with callbacks after each; the outcome of a step that was
    not made, None if all were.
    """
    order = task.order(trainer.epoch)
    while trainer.state.batch < task.batches:
        before = trainer.state
        outcome = engine.step(task, before, trainer.progress.safe, order)
        if outcome.stopped:
            return outcome
        with interrupts_deferred():
            trainer.progress.safe = outcome.safe
            trainer.go_on_from(outcome.state)
            weight = outcome.state.weight_sum - before.weight_sum
            loss = (outcome.state.loss_sum - before.loss_sum) / weight if weight else 0.0
            for callback in callbacks:
                callback.on_batch_end(trainer, loss)
        if trainer.epoch != before.epoch:
            raise ValueError(
                f"on_batch_end went to epoch {trainer.epoch} in the middle of epoch {before.epoch}: there it may only "
                f"go to another state of the same epoch. Go back in on_epoch_end."
            )
    return None


def _in_order(fit: Fit) -> list[Callback]:
    """The callbacks in the order of their calls: those that must see what the others have done come last."""
    return sorted(fit.callbacks, key=lambda callback: callback.last)


def _next_wake(trainer: Trainer, callback: Callback) -> int:
    """The epoch after which a callback is to be called next."""
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
    trainer.go_on_from(outcome.safe if diverged else outcome.state)
    if diverged:
        history.cut(trainer.epoch)
        divergence = explain(_with_images(trainer, task, before.epoch), outcome.state, outcome.safe, progress.beginning)
        trainer.divergence, history.diverged, history.stopped = divergence, divergence.epoch, str(divergence)
        raise DivergenceError(history.stopped)


def _end(trainer: Trainer, fit: Fit) -> None:
    """Tell the callbacks that `fit` ends, and the network what it has become."""
    try:
        for callback in _in_order(fit):
            trainer.network.training = advanced(fit.summary, trainer)
            callback.on_fit_end(trainer)
    finally:
        trainer.network.training = advanced(fit.summary, trainer)
