"""The training loop: the epochs of one `fit`, and the callbacks between them.

Contract: `train(trainer, fit)` continues from `trainer.progress` up to the fit's last epoch, in as few calls of the
engine as callbacks and validation allow: a call a step where a callback has an `on_batch_end`. After each call
progress, history and network are those of the moment, then the callbacks are called whose time it is. Whatever ends
it, callbacks are called, and the network's summary has how far it came.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from pellucid.description import TrainingSummary
from pellucid.engines.engine import Engine, Outcome, TrainingState, TrainingTask
from pellucid.training.callbacks import Callback, wants_batches
from pellucid.training.divergence import DivergenceError, explain, is_lost
from pellucid.training.examples import Examples
from pellucid.training.interrupts import interrupts_deferred
from pellucid.training.recording import Wanted, measure_training, not_finite, record, validate
from pellucid.training.repeating import RepeatableTrainer
from pellucid.training.summaries import advanced


@dataclass(frozen=True)
class Fit:
    """One call of `fit`.

    Parameters
    ----------
    engine : Engine
        What computes.
    task : TrainingTask
        What is trained on what.
    held_out : Examples or None
        The validation rows, which are measured after each epoch.
    epochs, last : int
        How many epochs were asked for, and the number of the last one.
    summary : TrainingSummary
        What the network will say of its training, but for what grows with the epochs.
    metrics : mapping
        What is measured of training and validation rows after each epoch, by name.
    callbacks : sequence of Callback
        The trainer's, and the fit's own.
    resources : ExitStack
        What callbacks hold until it ends.
    """

    engine: Engine
    task: TrainingTask
    held_out: Examples | None
    epochs: int
    last: int
    summary: TrainingSummary
    metrics: Wanted
    callbacks: Sequence[Callback]
    resources: ExitStack = field(default_factory=ExitStack)


def train(trainer: RepeatableTrainer, fit: Fit) -> None:
    """Train to the end of a fit; callbacks are told of its beginning and its end.

    Raises
    ------
    DivergenceError
        If the loss is NaN or infinite, also that of the state after the last step, or the validation loss is NaN.
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


def _run(trainer: RepeatableTrainer, fit: Fit) -> None:
    """The loop."""
    callbacks = _in_order(fit)
    per_batch = [callback for callback in callbacks if wants_batches(callback)]
    wake = [_next_wake(trainer, callback) for callback in callbacks]
    while trainer.epoch < fit.last and not trainer.stopped:
        every_epoch = fit.held_out or trainer.augmentation or fit.metrics or per_batch
        alone = every_epoch or trainer.epoch == 0  # some weights of the first epoch are kept
        until = min([fit.last, *wake, *([trainer.epoch + 1] if alone else [])])
        task, began = _with_images(trainer, fit.task, trainer.epoch), time.perf_counter()
        outcome = _steps(trainer, fit.engine, task, per_batch) if per_batch else None
        if outcome is None:
            outcome = fit.engine.train(task, trainer.state, trainer.progress.safe, until - trainer.epoch)
            if per_batch and outcome.logs:
                outcome.logs.seconds[0] = time.perf_counter() - began
        with interrupts_deferred():  # what belongs to the end of an epoch is done whole
            _take(trainer, fit, outcome)
            if outcome.stopped and (trainer.state.batch or not outcome.logs):
                raise KeyboardInterrupt
            trainer.repetition.epoch_ends(trainer)
            if fit.held_out is not None:
                _validate(trainer, fit, fit.held_out)
            if fit.metrics:
                present = [name for name, value in trainer.history.row(-1).items() if value is not None]
                trainer.history.set_last(measure_training(trainer.network, fit.task, fit.metrics, present))
            if any(trainer.epoch >= epoch for epoch in wake):
                trainer.network.training = advanced(fit.summary, trainer, fit.last)
            for number, callback in enumerate(callbacks):
                if trainer.epoch >= wake[number]:
                    callback.on_epoch_end(trainer)
                    wake[number] = _next_wake(trainer, callback)
            if outcome.stopped:
                raise KeyboardInterrupt
    if trainer.stopped and trainer.epoch < fit.last and is_lost(fit.task, trainer.state, last=True):
        _turn_back(trainer, fit.task, trainer.state, after=True)
    trainer.history.stopped = trainer.stopped


def _steps(trainer: RepeatableTrainer, engine: Engine, task: TrainingTask, callbacks: list[Callback]) -> Outcome | None:
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
            trainer.progress.state = outcome.state
            trainer.show(outcome.state)
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


def _next_wake(trainer: RepeatableTrainer, callback: Callback) -> int:
    """The epoch after which a callback is to be called next."""
    return trainer.epoch + max(1, callback.interval(trainer))


def _with_images(trainer: RepeatableTrainer, task: TrainingTask, epoch: int) -> TrainingTask:
    """The task with the images of an epoch, where they change: then each epoch has a call of the engine of its own."""
    if trainer.augmentation is None:
        return task
    return replace(task, x=trainer.augmentation.apply(task.x, trainer.seed, epoch))


def _take(trainer: RepeatableTrainer, fit: Fit, outcome: Outcome) -> None:
    """Be where the engine came to; the history and the network follow. Turn back if it diverged."""
    task, progress, history = fit.task, trainer.progress, trainer.history
    before, state = progress.state, outcome.state
    after = not outcome.stopped and is_lost(task, state, last=state.epoch >= fit.last)
    progress.safe = outcome.safe
    record(history, task, before, outcome)
    if after:
        _turn_back(trainer, task, state, after=True)
    if outcome.stopped == "not_finite":
        _turn_back(trainer, _with_images(trainer, task, before.epoch), state)
    progress.state = state
    trainer.show(state)


def _validate(trainer: RepeatableTrainer, fit: Fit, held_out: Examples) -> None:
    """Measure the validation rows. Turn back if their loss is NaN."""
    network, loss = trainer.network, trainer.loss
    measured = validate(network, loss, held_out, fit.metrics)
    trainer.history.set_last(measured)
    if math.isnan(measured["validation_loss"]):
        shown = replace(trainer.state, parameters=network.parameters)
        _turn_back(trainer, fit.task, shown, validation=not_finite(network, loss, held_out))


def _turn_back(trainer: RepeatableTrainer, task: TrainingTask, failed: TrainingState, **found: Any) -> NoReturn:
    """Go back to the last state whose loss was finite, and say what happened."""
    progress, history = trainer.progress, trainer.history
    progress.state = progress.safe
    trainer.show(progress.state)
    history.cut(trainer.epoch)
    divergence = explain(task, failed, progress.safe, progress.initial, **found)
    trainer.divergence, history.diverged, history.stopped = divergence, divergence.epoch, str(divergence)
    raise DivergenceError(history.stopped)


def _end(trainer: RepeatableTrainer, fit: Fit) -> None:
    """Tell the callbacks that `fit` ends, and the network what it has become."""
    try:
        for callback in _in_order(fit):
            trainer.network.training = advanced(fit.summary, trainer, fit.last)
            callback.on_fit_end(trainer)
    finally:
        trainer.repetition.fit_ends(trainer)
        trainer.network.training = advanced(fit.summary, trainer, fit.last)
