"""Symptoms of curves: what the history shows, and how well the network fits beside what can be reached."""

from __future__ import annotations

import dataclasses

import numpy as np

from pellucid.engines.engine import TrainingState
from pellucid.inspection.doctor.advice import default_start
from pellucid.inspection.doctor.evidence import Evidence, Run, counted
from pellucid.inspection.doctor.finding import Finding, Remedy
from pellucid.inspection.overfitting import quiet, without_regularization
from pellucid.layers import Dense, Dropout, GaussianNoise, Layer, ReLU
from pellucid.metrics import higher_is_better, is_known
from pellucid.training import EarlyStopping

RISEN = 1.2
"""A validation loss that ends a fifth above its lowest is no noise."""

APART = 0.7
"""The training loss at the end beside the validation loss: memorized."""

WAITED = 3
"""Epochs after the best one before anything is said."""

FREED = 0.7
"""How far the loss must fall without regularization."""

GAP = 0.7
"""Training rows that are predicted so much better than others: not underfitting."""

WIDE = 64


def overfitting(evidence: Evidence) -> list[Finding]:
    """The validation loss has risen from its lowest while the training loss fell on."""
    history, run = evidence.history, evidence.run
    losses, of_training = evidence.column("validation_loss"), evidence.column("loss")
    if len(losses) <= WAITED or not np.isfinite(losses).all() or not np.isfinite(of_training).all():
        return []
    best = int(np.argmin(losses))
    if len(losses) - 1 - best < WAITED or _best_is_back(evidence):
        return []
    noise = 3 * float(np.abs(np.diff(losses[best:])).mean())
    risen = losses[-1] > RISEN * losses[best] and (losses[-1] - losses[best] > noise or losses[-1] > 2 * losses[best])
    apart = of_training[-1] < APART * losses[-1] and of_training[-1] < of_training[best]
    if not risen or not apart:
        return []
    epochs = evidence.column("epoch") if "epoch" in history else 1.0 + np.arange(len(losses))  # a history may have gaps
    lowest, last = int(epochs[best]), int(epochs[-1])
    message = (
        f"The validation loss was lowest in epoch {lowest}, {losses[best]:.4g}, and is {losses[-1]:.4g} after epoch "
        f"{last}, while the training loss fell from {of_training[best]:.4g} to {of_training[-1]:.4g}."
    )
    numbers = {"best_epoch": lowest, "lowest": losses[best], "last": losses[-1], "training_loss": of_training[-1]}
    patience = max(5, last // 10)
    remedy = Remedy(settings={"callbacks": [EarlyStopping(patience)]}) if run is not None else None
    stronger = "A stronger one of" if run is not None and _regularization(run) else "A"
    advice = (
        f"Stop at the lowest validation loss: EarlyStopping({patience}). {stronger} penalty or dropout may do more."
    )
    return [Finding("overfitting", "warning", message, numbers, None, lowest, advice, remedy)]


def _best_is_back(evidence: Evidence) -> bool:
    """Whether the network has the weights of an epoch that was the best on validation rows, in any of their columns."""
    history = evidence.history
    if "epoch" not in history or history.best_epoch not in history["epoch"]:
        return False
    place = history["epoch"].index(history.best_epoch)
    for name in history.columns:
        if not (name.startswith("validation_") and is_known(name)):
            continue
        column = evidence.column(name)
        others = column[np.isfinite(column)]
        best = others.max(initial=-np.inf) if higher_is_better(name) else others.min(initial=np.inf)
        if column[place] == best:
            return True
    return False


def idle_early_stopping(evidence: Evidence) -> list[Finding]:
    """Early stopping that watches the training loss, or waits longer than training lasts."""
    run = evidence.run
    stopping = run.early_stopping if run else None
    if run is None or stopping is None or evidence.history.stopped:
        return []
    losses = evidence.column("validation_loss")
    column = stopping.monitor or ("validation_loss" if losses.size else "loss")
    numbers = (
        {"epochs": run.epochs} if stopping.patience is None else {"patience": stopping.patience, "epochs": run.epochs}
    )
    if column in ("loss", "accuracy"):
        message = f"EarlyStopping watches the training {column}, which goes on improving when other rows get worse."
        if losses.size:
            advice = "Let it watch the validation loss: omit its monitor."
            remedy = Remedy(settings={"callbacks": [EarlyStopping(stopping.patience)]})
        else:
            advice = "Give fit a validation set, validation=0.2."
            remedy = Remedy(fit={"validation": 0.2})
        return [Finding("idle_early_stopping", "warning", message, numbers, None, None, advice, remedy)]
    if stopping.patience is None or stopping.patience < run.epochs:
        return []
    message = f"EarlyStopping waits for {counted(stopping.patience, 'epoch')}, and training has {run.epochs:,}."
    patience = run.epochs // 5
    advice = f"Train for more than {counted(stopping.patience, 'epoch')}."
    if patience:
        advice = f"Take a patience well below the number of epochs, {patience}, or train for longer."
    shorter = Remedy(settings={"callbacks": [EarlyStopping(patience)]}) if patience else None
    return [Finding("idle_early_stopping", "hint", message, numbers, None, None, advice, shorter)]


def underfitting(evidence: Evidence) -> list[Finding]:
    """Training rows are predicted as badly as others, and an independent model does better."""
    run = evidence.run
    if run is None or run.outcome not in ("poor", "failed") or run.divergence is not None or run.steps == 0:
        return []
    if run.training_error < GAP * run.held_out_error:
        return []
    yard = run.yardstick
    message = (
        f"The network has {run.quality(run.held_out_error)} on held-out rows and {run.quality(run.training_error)} on "
        f"training rows; a ridge regression on random features has {run.quality(yard.unexplained)}."
    )
    numbers = {
        run.measure: 1 - run.held_out_error,
        f"training_{run.measure}": 1 - run.training_error,
        f"yardstick_{run.measure}": 1 - yard.unexplained,
    }
    usual = default_start(run)
    layers, epoch = wider(usual), run.shown.epoch
    if layers == usual:
        advice = "Give the network a hidden layer: it has no Dense that could be made wider."
        return [Finding("underfitting", run.severity, message, numbers, None, epoch, advice)]
    units = [layer.units for layer in layers if isinstance(layer, Dense)][:-1]
    advice = f"Give the network more hidden units: {', '.join(map(str, units))}."
    return [Finding("underfitting", run.severity, message, numbers, None, epoch, advice, Remedy(layers=layers))]


def wider(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Hidden layers of more units; where there is none, one."""
    dense = [place for place, layer in enumerate(layers) if isinstance(layer, Dense)]
    if not dense:
        return layers
    last = dense[-1]
    if len(dense) == 1:
        return (*layers[:last], Dense(WIDE), ReLU(), *layers[last:])
    return tuple(
        dataclasses.replace(layer, units=max(WIDE, 4 * layer.units))
        if isinstance(layer, Dense) and place != last
        else layer
        for place, layer in enumerate(layers)
    )


def over_regularized(evidence: Evidence) -> list[Finding]:
    """The loss falls far in some steps without penalty, decay and dropout, from where training ended."""
    run = evidence.run
    if run is None or run.outcome not in ("poor", "failed") or run.divergence is not None or run.steps == 0:
        return []
    what = _regularization(run)
    if not what or run.training_error < GAP * run.held_out_error:
        return []
    ended = run.last_loss
    tried = [
        run.tried("last, free", lambda: _freed(run, run.last)),
        run.tried("first, free", lambda: _freed(run, run.first)),
    ]  # what is dead does not come back
    trial = min(tried, key=lambda each: each.loss)
    loss, same = trial.loss, run.further(1.0).loss
    if not trial.beats(run.trial_of(run.last), FREED) or not trial.beats(run.further(1.0), FREED):
        return []
    message = (
        f"{counted(run.some_steps, 'step')} without {' and '.join(what)} end at a loss of {loss:.4g}; training with it "
        f"ended at {ended:.4g}, and goes to {same:.4g} in as many more."
    )
    advice = f"Lower the strength of {' and '.join(what)} to a hundredth, or omit it."
    numbers = {"ended": ended, "loss_without": loss, "loss_with": same}
    return [Finding("over_regularized", run.severity, message, numbers, None, run.last.epoch, advice, _less(run))]


def _regularization(run: Run) -> list[str]:
    task = run.rehearsal.task
    what = [str(task.penalty)] if task.penalty is not None and task.penalty.strength else []
    if task.optimizer.weight_decay:
        decay = task.optimizer.weight_decay
        what.append(f"a weight decay of {decay if callable(decay) else f'{decay:g}'}")
    if task.constraint is not None:
        what.append(str(task.constraint))
    noisy = {str(each.layer) for each in task.program.instructions if isinstance(each.layer, Dropout | GaussianNoise)}
    return what + sorted(noisy)


def _freed(run: Run, start: TrainingState) -> TrainingState | None:
    return without_regularization(run.rehearsal).train(start, run.some_steps)


def _less(run: Run) -> Remedy:
    task = run.rehearsal.task
    settings: dict[str, object] = {}
    if task.penalty is not None:
        settings["penalty"] = dataclasses.replace(task.penalty, strength=task.penalty.strength / 100)
    if task.optimizer.weight_decay:
        decay = task.optimizer.weight_decay
        less = task.optimizer.decay_at(run.first.step) if callable(decay) else decay
        settings["optimizer"] = dataclasses.replace(task.optimizer, weight_decay=less / 100)
    if task.constraint is not None:
        settings["constraint"] = None
    layers = tuple(each.layer for each in task.program.instructions)
    silent = tuple(quiet(layer) for layer in layers)
    return Remedy(layers=silent if silent != layers else None, settings=settings)


SYMPTOMS = (over_regularized, idle_early_stopping, overfitting, underfitting)
