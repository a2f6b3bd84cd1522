"""Symptoms of rates and batches. They are told by trying: the same training once more, for some steps, otherwise."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from pellucid.engines.engine import TrainingState
from pellucid.inspection.doctor.advice import HIGHER, best_scale, layers_of, lower_scales, other_rate, stated_rate
from pellucid.inspection.doctor.catalogue import worse
from pellucid.inspection.doctor.evidence import Evidence, Run, counted
from pellucid.inspection.doctor.finding import Finding, Remedy
from pellucid.layers import BatchNormalization, LayerNormalization
from pellucid.schedules import Cosine
from pellucid.typing import Floats

BETTER = 0.8
"""Some steps at another rate must end with a loss below this part of where the whole training ended: the difference
between two good rates is smaller, and a whole training is longer than some steps."""

CLOSED = 0.5
"""How much of the way from the network's error to the yardstick's a higher rate must come: a network that is too small
learns faster with one, and no better."""

FEWER_ERRORS = 0.9
"""A plateau is worth a warning where held-out rows gain from leaving it."""

FALLS = 0.9
"""A rate works if the loss falls below this part of the first one."""

FEW_ROWS, MANY_ROWS, USUAL_ROWS = 8, 256, 32
"""Batches so small are noisy, batches so large make few steps, and this is what is tried instead."""

FEW_STEPS = 400
"""A training of more steps than this does not end early for want of steps."""

TRIED_ROWS = 2048

TINY = 8
"""Below this many rows the variance of a batch is off by half of itself more often than not: its relative spread is
√(2/(b − 1))."""

WELL_ON = 0.2
"""A training whose loss fell below this part of the first one has got somewhere at its rate."""

LONG_ENOUGH = 12
"""Epochs, of which the last third is looked at for progress."""

NO_PROGRESS = 0.1
"""The middle loss of the last third of the epochs is less than this part below that of the third in front of it."""


def learning_rate_too_high(evidence: Evidence) -> list[Finding]:
    """Some steps at a lower rate get further than the whole training."""
    run = evidence.run
    if run is None:
        return _by_the_curve(evidence)
    if run.steps == 0 and run.divergence is None:
        return []
    if run.outcome == "fine":
        return []
    scale = best_scale(run, lower_scales(run))
    trial, ended, loss = run.after(scale), run.ended.loss, run.after(scale).loss
    if scale == 1.0 or not trial.beats(run.ended, BETTER) or not loss < FALLS * run.first_loss:
        return []
    if run.outcome == "poor" and ended < WELL_ON * run.first_loss and stands_still(evidence.column("loss")):
        return []  # the rate worked until it was too high for what was left: a plateau
    rate, settings = other_rate(run, scale)
    now = stated_rate(run)
    came = "diverged" if run.divergence is not None else f"came to a loss of {ended:.4g}"
    message = (
        f"At a rate of {now:g} training {came}; {counted(run.rehearsed_steps, 'step')} from the same first weights at "
        f"{rate:g} reach one of {loss:.4g} (it began at {run.first_loss:.4g}).{_jumps(evidence)}"
    )
    numbers = {"learning_rate": now, "better_rate": rate, "ended": ended, "loss_at_better_rate": loss}
    severity = "error" if run.outcome == "failed" else "warning"
    advice = f"Lower the learning rate from {now:g} to {rate:g}."
    return [
        Finding("learning_rate_too_high", severity, message, numbers, None, max(1, run.last.epoch), advice,
                Remedy(settings=settings))
    ]  # fmt: skip


def learning_rate_too_low(evidence: Evidence) -> list[Finding]:
    """Some steps at a higher rate get further than the whole training."""
    run = evidence.run
    if run is None or run.steps == 0 or run.divergence is not None or run.outcome == "fine":
        return []
    scale = best_scale(run, HIGHER)
    trial, ended, loss = run.after(scale), run.ended.loss, run.after(scale).loss
    if scale == 1.0 or not trial.beats(run.ended, BETTER):
        return []
    rate, settings = other_rate(run, scale)
    now = stated_rate(run)
    step = max((layer.update_ratio for layer in run.end.trained), default=0.0)
    message = (
        f"{counted(run.steps, 'step')} at a rate of {now:g} brought the loss from {run.first_loss:.4g} to {ended:.4g}; "
        f"{counted(run.rehearsed_steps, 'step')} at {rate:g} bring it to {loss:.4g}. A step moves the weights by "
        f"{step:.1g} of their length."
    )
    numbers = {"learning_rate": now, "better_rate": rate, "ended": ended, "loss_at_better_rate": loss, "update": step}
    closes = trial.error <= run.ended.error - CLOSED * (run.ended.error - run.yardstick.unexplained)
    severity = "warning" if run.outcome == "unknown" else run.severity if closes else "hint"
    advice = f"Raise the learning rate from {now:g} to {rate:g}."
    remedy = Remedy(settings=settings)
    return [Finding("learning_rate_too_low", severity, message, numbers, None, run.last.epoch, advice, remedy)]


def batch_size_mismatch(evidence: Evidence) -> list[Finding]:
    """The same rows in batches of another size, at the same rate, get much further."""
    run = evidence.run
    if run is None or run.outcome in ("fine", "unknown") or run.rows < 2 * USUAL_ROWS:
        return []
    small, large = run.batch_size <= FEW_ROWS, run.batch_size >= MANY_ROWS or run.batch_size == run.rows
    if not small and not (large and 0 < run.steps <= FEW_STEPS):
        return []
    ended = run.ended.loss
    trial = run.tried(("batch", USUAL_ROWS), lambda: _in_batches(run, USUAL_ROWS, small))
    own = run.tried(("batch", run.batch_size), lambda: _in_batches(run, run.batch_size, small))
    loss = trial.loss
    if not trial.beats(run.ended, BETTER) or not trial.beats(own, BETTER) or not loss < FALLS * run.first_loss:
        return []
    now = stated_rate(run)
    ending = f"came to a loss of {ended:.4g}" if math.isfinite(ended) else "diverged"
    message = (
        f"With {counted(run.batch_size, 'row')} a step at a rate of {now:g}, training {ending} after "
        f"{counted(run.steps, 'step')}; the same in batches of {USUAL_ROWS} comes to {loss:.4g}."
    )
    numbers = {"batch_size": run.batch_size, "learning_rate": now, "ended": ended, "loss_in_other_batches": loss}
    advice = f"Take batches of {USUAL_ROWS} rows at this rate."
    remedy = Remedy(settings={"batch_size": USUAL_ROWS})
    return [Finding("batch_size_mismatch", run.severity, message, numbers, None, None, advice, remedy)]


def _in_batches(run: Run, size: int, once: bool) -> TrainingState | None:
    """The state after learning the sample in batches of that size: once through, or as often as training did."""
    sample = run.rehearsal.on(slice(0, TRIED_ROWS))
    rows = len(sample.task.x)
    sample = sample.changed(batch_size=min(size, rows))
    epochs = 1 if once and run.divergence is not None else max(1, min(run.last.epoch, 20))
    steps = min(epochs * -(-rows // sample.task.batch_size), TRIED_ROWS if once else FEW_STEPS)
    return sample.train(run.first, steps)


def tiny_batches(evidence: Evidence) -> list[Finding]:
    """Batch normalization over a handful of rows."""
    run = evidence.run
    if run is None or run.batch_size >= TINY:
        return []
    found = [each for each in run.rehearsal.task.program.instructions if isinstance(each.layer, BatchNormalization)]
    if not found:
        return []
    spread = math.sqrt(2 / (run.batch_size - 1)) if run.batch_size > 1 else math.inf
    wrong = "there is no variance in one row" if run.batch_size == 1 else f"their variance is off by {spread:.0%}"
    message = f"Batches have {counted(run.batch_size, 'row')}: {wrong}."
    numbers = {"batch_size": run.batch_size, "relative_spread_of_the_variance": spread}
    severity = worse(run.severity, "warning")
    size = min(USUAL_ROWS, run.rows)
    if size >= TINY:
        advice = f"Take batches of {size} rows, or LayerNormalization, which looks at each row alone."
        remedy = Remedy(settings={"batch_size": size})
    else:  # there are no more
        layers = [LayerNormalization() if isinstance(each, BatchNormalization) else each for each in layers_of(run)]
        advice, remedy = "Use LayerNormalization, which looks at each row alone.", Remedy(layers=tuple(layers))
    return [Finding("tiny_batches", severity, message, numbers, found[0].index, None, advice, remedy)]


def plateau(evidence: Evidence) -> list[Finding]:
    """No progress in the last third of the epochs, though a lower rate would make some."""
    run, losses = evidence.run, evidence.column("loss")
    if run is None or run.divergence is not None or not stands_still(losses):
        return []
    scale = min((0.1, 0.01), key=lambda each: run.further(each).loss)
    loss, ended = run.further(scale).loss, run.last_loss
    trial, now_at = run.further(scale), run.trial_of(run.last)
    if not trial.beats(now_at, BETTER):
        return []
    matters = run.judged and trial.error < FEWER_ERRORS * now_at.error - run.margin(now_at.error)
    severity = worse(run.severity, "warning") if matters else run.severity
    now = run.rehearsal.task.rate_at(run.last)
    third = len(losses) // 3
    message = (
        f"In the last {third} epochs the loss stood at about {np.nanmean(losses[-third:]):.4g}; {run.some_steps:,} "
        f"further steps at a rate of {now * scale:.2g} instead of {now:.2g} bring that of a sample from {ended:.4g} to "
        f"{loss:.4g}."
    )
    numbers = {"epochs": third, "learning_rate": now, "ended": ended, "loss_at_lower_rate": loss}
    advice, settings = _lowered(run, scale)
    return [Finding("plateau", severity, message, numbers, None, run.last.epoch, advice, Remedy(settings=settings))]


def _lowered(run: Run, scale: float) -> tuple[str, dict[str, Any]]:
    """A schedule that ends low; where the rate falls already, a lower one."""
    optimizer = run.rehearsal.task.optimizer
    if callable(optimizer.learning_rate):
        now, (rate, settings) = stated_rate(run), other_rate(run, scale)
        return f"Lower the rate that the schedule begins with from {now:g} to {rate:g}.", settings
    cosine = Cosine(stated_rate(run), steps=max(run.steps, 1))
    advice = f"Lower the rate as training goes on: Cosine({cosine.learning_rate:g}, steps={cosine.steps})"
    advice += "." if run.reduces_rate else ", or ReduceOnPlateau()."
    return advice, {"optimizer": dataclasses.replace(optimizer, learning_rate=cosine)}


def stands_still(losses: Floats) -> bool:
    """Whether the loss made no progress in the last third of the epochs."""
    if len(losses) < LONG_ENOUGH or not np.isfinite(losses).all():
        return False
    third = len(losses) // 3
    middle, last = np.median(losses[-2 * third : -third]), np.median(losses[-third:])
    return bool(last > (1 - NO_PROGRESS) * middle)


def rises(losses: Floats) -> float:
    """The share of epochs after which the loss was higher than before by a tenth or more."""
    with np.errstate(all="ignore"):
        return float((losses[1:] > 1.1 * losses[:-1]).mean()) if len(losses) > 1 else 0.0


def _jumps(evidence: Evidence) -> str:
    losses = evidence.column("loss")
    share = rises(losses)
    return f" The loss rose by a tenth or more in {share:.0%} of the epochs." if len(losses) > 3 and share > 0.1 else ""


def _by_the_curve(evidence: Evidence) -> list[Finding]:
    """From a history alone: a loss that keeps rising by much, and ends no lower than it began."""
    losses = evidence.column("loss")
    losses = losses[np.isfinite(losses)]
    if len(losses) < 5 or rises(losses) < 0.2 or losses[-1] < 0.8 * losses[0]:
        return []
    message = (
        f"The loss rose by a tenth or more in {rises(losses):.0%} of {len(losses)} epochs, and is {losses[-1]:.4g} "
        f"after {losses[0]:.4g} in the first."
    )
    numbers = {"rises": rises(losses), "first": float(losses[0]), "last": float(losses[-1])}
    advice = "Lower the learning rate to a tenth; pellucid.range_test finds one that suits."
    return [Finding("learning_rate_too_high", "warning", message, numbers, None, len(losses), advice)]


SYMPTOMS = (learning_rate_too_high, learning_rate_too_low, batch_size_mismatch, tiny_batches, plateau)
