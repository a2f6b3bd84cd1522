"""Symptoms of gradients: vanishing, exploding, wrong, or not finite."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial

import numpy as np

from pellucid.engines.engine import Model
from pellucid.inspection.doctor.advice import layers_of, other_start, with_normalization, with_relu
from pellucid.inspection.doctor.evidence import Evidence, Run
from pellucid.inspection.doctor.finding import Finding, Remedy
from pellucid.inspection.doctor.probe import MANY, Probe
from pellucid.inspection.gradient_check import layer_gradient_check, loss_gradient_check
from pellucid.inspection.instrumented import walk_forward
from pellucid.inspection.verdict import GradientCheck
from pellucid.layers import LAYERS
from pellucid.losses import LOSSES

VANISHED = 1e-3
"""The first layer's gradient beside the last one's. A network of two or three hidden layers stays above a tenth."""

EXPLODED = 30.0
"""The same in the other direction; a network whose weights begin at their usual size stays below ten."""

CHECKED_ROWS = 8


def vanishing_gradients(evidence: Evidence) -> list[Finding]:
    """The gradient shrinks on the way back, before training."""
    return _ratio(evidence, "vanishing_gradients")


def exploding_gradients(evidence: Evidence) -> list[Finding]:
    """The gradient grows on the way back, before training."""
    return _ratio(evidence, "exploding_gradients")


def _ratio(evidence: Evidence, name: str) -> list[Finding]:
    run = evidence.run
    if run is None:
        return []
    ratio = gradient_ratio(run.initial)
    if ratio is None or (ratio >= VANISHED if name == "vanishing_gradients" else ratio <= EXPLODED):
        return []
    if any(layer.dead >= MANY for layer in run.initial.layers):
        return []  # nothing comes back through dead units: that is another finding
    trained = run.initial.trained
    first, last = trained[0], trained[-1]
    message = (
        f"Before training the gradient behind layer {first.place}, {first.layer}, is {ratio:.2g} times that behind "
        f"layer {last.place}, {last.layer} (root mean squares of {first.gradient_rms:.2g} and {last.gradient_rms:.2g})."
    )
    numbers = {"ratio": ratio, "first": first.gradient_rms, "last": last.gradient_rms}
    advice, remedy = _passing_on(run, name == "vanishing_gradients")
    return [Finding(name, run.severity, message, numbers, first.place, 0, advice, remedy)]


def _passing_on(run: Run, vanishing: bool) -> tuple[str, Remedy | None]:
    """What lets gradients through, the first of it that is not done yet; "" for the advice of the catalogue."""
    layers, usual, optimizer = layers_of(run), other_start(run), run.rehearsal.task.optimizer
    with_relus = with_relu(usual or layers)
    if vanishing and with_relus != (usual or layers):
        return "", Remedy(layers=with_relus)
    if usual is not None:
        return "Let the weights begin at their usual size: omit weight_initializer.", Remedy(layers=usual)
    if not vanishing and optimizer.clip_norm is None:
        clipped = dataclasses.replace(optimizer, clip_norm=1.0)
        return "Clip the gradient: clip_norm=1.0.", Remedy(settings={"optimizer": clipped})
    normalized = with_normalization(layers)
    if normalized is not None:
        return "Put BatchNormalization behind each Dense.", Remedy(layers=normalized)
    return "Use fewer layers.", None


def gradient_ratio(probe: Probe) -> float | None:
    """The gradient behind the first layer with weights, beside that behind the last one; None where there is none."""
    trained = probe.trained
    if len(trained) < 2 or not trained[-1].gradient_rms > 0 or not np.isfinite(trained[0].gradient_rms):
        return None
    return trained[0].gradient_rms / trained[-1].gradient_rms


def wrong_gradient(evidence: Evidence) -> list[Finding]:
    """The gradient of a loss or a layer that is not the library's own."""
    run = evidence.run
    if run is None:
        return []
    task = run.rehearsal.task
    told = []
    rows = np.arange(min(CHECKED_ROWS, len(task.x)))
    if type(task.loss) not in LOSSES.values():
        scores = run.rehearsal.scores(run.first, task.x[rows]).astype(np.float64)
        told += _checked(None, lambda: loss_gradient_check(task.loss, scores, task.targets[rows]))
    own = [each for each in task.program.instructions if type(each.layer) not in LAYERS.values()]
    if not own or run.initial.trouble:
        return told
    visits = walk_forward(Model(task.program, run.first.parameters, run.first.statistics), task.x[rows])
    for instruction in own:
        given = visits[instruction.index].input.astype(np.float64)
        check = partial(layer_gradient_check, instruction.layer, instruction.input_shape, x=given)
        told += _checked(instruction.index, check)
    return told


def _checked(layer: int | None, check: Callable[[], GradientCheck]) -> list[Finding]:
    """What a gradient check has against a part; nothing where its value is not finite, which is another finding."""
    try:
        made = check()
    except ValueError:
        return []
    return [] if made.passed or made.worst is None else [_wrong(made.verdict, made.worst.error, layer)]


def _wrong(verdict: str, error: float, layer: int | None) -> Finding:
    return Finding("wrong_gradient", "error", verdict, {"relative_difference": error}, layer)


def non_finite(evidence: Evidence) -> list[Finding]:
    """A training that ended in NaN or infinity: where it began."""
    history, run = evidence.history, evidence.run
    if run is None or (run.divergence is None and np.isfinite(run.last.parameters).all()):
        if history.diverged is None:
            return []
        return [Finding("non_finite", "error", history.stopped, epoch=history.diverged)]
    divergence = run.divergence
    if divergence is None:
        return [Finding("non_finite", "error", "The network's parameters are not finite.", epoch=run.last.epoch)]
    growth = _growth(run)
    message = f"{divergence.event} {divergence.when}: {divergence.place}.{growth}"
    numbers = {"step": divergence.step, "learning_rate": divergence.learning_rate}
    return [Finding("non_finite", "error", message, numbers, divergence.layer, divergence.epoch)]


def _growth(run: Run) -> str:
    """How the steps in front of it looked: whether the weights leapt, or it came out of nothing."""
    last = next((probe for probe in reversed(run.probes) if probe.finite), None)
    if last is None or not last.trained:
        return ""
    layer = max(last.trained, key=lambda each: each.update_ratio)
    return (
        f" The last step before it that was looked at, {last.step:,}, moved the weights of layer {layer.place} by "
        f"{layer.update_ratio:.2g} of their length."
    )


SYMPTOMS = (wrong_gradient, non_finite, exploding_gradients, vanishing_gradients)
