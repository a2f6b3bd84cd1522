"""Symptoms of outputs: a last layer that does not fit the loss, a first loss that is off, one answer for all."""

from __future__ import annotations

import numpy as np

from pellucid.inspection.doctor.advice import other_start
from pellucid.inspection.doctor.catalogue import worse
from pellucid.inspection.doctor.evidence import Evidence, Run
from pellucid.inspection.doctor.finding import Finding, Remedy
from pellucid.layers import ACTIVATIONS, HardTanh, Identity, Layer, ReLU, Sigmoid, Softmax, Softplus, Softsign, Tanh
from pellucid.losses import (
    AbsoluteError,
    Hinge,
    Huber,
    Poisson,
    Quantile,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SquaredError,
)

RANGES: dict[type[Layer], tuple[float, float]] = {
    Sigmoid: (0.0, 1.0),
    Softmax: (0.0, 1.0),
    Tanh: (-1.0, 1.0),
    HardTanh: (-1.0, 1.0),
    Softsign: (-1.0, 1.0),
    ReLU: (0.0, np.inf),
    Softplus: (0.0, np.inf),
}
"""What an activation can answer."""

NEEDS_SCORES = (SoftmaxCrossEntropy, SigmoidCrossEntropy, Hinge, Poisson)
"""Losses that take plain scores of any size and sign."""

OUTSIDE = 0.02
"""The share of targets that an output can never reach."""

OFF_FOR_CLASSES, OFF_FOR_NUMBERS = 3.0, 10.0
"""How many times the loss of a network that knows nothing the first loss may be. Weights that begin as usual stay below
one and a half times log K, and below five times ½ Var(y)."""

SAME = 1e-4
"""The spread of scores over the rows beside their size: below it all rows are one to the network."""


def output_loss_mismatch(evidence: Evidence) -> list[Finding]:
    """An activation in front of a loss that has no use for it, or that cannot reach the targets."""
    run = evidence.run
    if run is None:
        return []
    instructions = run.rehearsal.task.program.instructions
    last, loss = instructions[-1].layer, run.rehearsal.task.loss
    name, kind = type(last).__name__, type(loss).__name__
    layers = tuple(each.layer for each in instructions[:-1])
    remedy, numbers = Remedy(layers=layers), dict[str, float]()
    if isinstance(loss, NEEDS_SCORES) and type(last) in ACTIVATIONS.values() and not isinstance(last, Identity):
        if type(last) not in RANGES:
            return []
        why = f"which contains its own {loss.contains}" if loss.contains else "which takes scores of any size and sign"
        message = f"{name}() stands in front of {kind}, {why}: the scores can only lie in {_interval(last)}."
    elif isinstance(last, Softmax) and isinstance(loss, SquaredError | AbsoluteError | Huber) and run.of_classes:
        message = f"{name}() stands in front of {kind}: where it is wrong and sure, its gradient is nearly 0."
        remedy = Remedy(layers=layers, settings={"loss": "softmax_cross_entropy"})
        advice = "Take the Softmax away and train with SoftmaxCrossEntropy, which contains it."
        return [_mismatch(run, message, numbers, remedy, advice)]
    elif isinstance(loss, SquaredError | AbsoluteError | Huber | Quantile) and type(last) in RANGES:
        if run.of_classes:
            return []
        low, high = RANGES[type(last)]
        targets = run.rehearsal.task.targets
        outside = float(((targets < low) | (targets > high)).mean())
        if outside < OUTSIDE:
            return []
        message = f"{outside:.0%} of the targets lie outside {_interval(last)}, beyond all that {name}() can answer."
        numbers = {"outside": outside}
    else:
        return []
    return [_mismatch(run, message, numbers, remedy, "")]


def _mismatch(run: Run, message: str, numbers: dict[str, float], remedy: Remedy, advice: str) -> Finding:
    place = len(run.rehearsal.task.program.instructions) - 1
    severity = worse(run.severity, "warning")
    return Finding("output_loss_mismatch", severity, message, numbers, place, None, advice, remedy)


def _interval(layer: Layer) -> str:
    low, high = RANGES[type(layer)]
    return f"[{low:g}, ∞)" if np.isinf(high) else f"[{low:g}, {high:g}]"


def initial_loss(evidence: Evidence) -> list[Finding]:
    """The loss of the first weights beside that of a network that knows nothing."""
    run = evidence.run
    if run is None or not run.judged:
        return []
    expected, first = run.baseline_loss, run.first_loss
    cross_entropy = isinstance(run.rehearsal.task.loss, SoftmaxCrossEntropy | SigmoidCrossEntropy)
    times = OFF_FOR_CLASSES if cross_entropy else OFF_FOR_NUMBERS
    if not expected > 0 or not np.isfinite(first) or first <= times * expected:
        return []
    message = f"Before the first step the loss is {first:.4g}; a network that knows nothing has {expected:.4g}."
    usual = other_start(run)
    advice = "" if usual else "Draw the first weights anew, and look at the scale of inputs and targets."
    remedy = None if usual is None else Remedy(layers=usual)
    numbers = {"first_loss": first, "expected": expected}
    return [Finding("initial_loss", run.severity, message, numbers, None, 0, advice, remedy)]


def constant_predictions(evidence: Evidence) -> list[Finding]:
    """Scores that are the same for every row."""
    run = evidence.run
    if run is None or run.steps == 0 or len(run.rehearsal.task.x) < 2:
        return []
    scores = run.rehearsal.scores(run.shown, run.rehearsal.task.x[run.some_rows]).astype(np.float64)  # (n, outputs)
    if not np.isfinite(scores).all():
        return []
    size = float(np.sqrt(np.square(scores).mean()))
    spread = float(scores.std(axis=0).max())
    if size > 0 and spread > SAME * size:
        return []
    layer = next((each for each in run.end.layers if each.output_spread < SAME), None)
    where = f" Behind layer {layer.place}, {layer.layer}, nothing differs any more." if layer else ""
    apart = f"differ by {spread:.1g} (their largest standard deviation)" if spread else "are equal to the last bit"
    message = f"The scores of {len(scores):,} rows {apart}, beside a root mean square of {size:.3g}.{where}"
    numbers = {"spread": spread, "size": size}
    index = layer.place if layer else None
    advice = f"Look at layer {layer.place}: what it makes of different rows is the same." if layer else ""
    return [Finding("constant_predictions", "error", message, numbers, index, run.shown.epoch, advice)]


SYMPTOMS = (output_loss_mismatch, initial_loss, constant_predictions)
