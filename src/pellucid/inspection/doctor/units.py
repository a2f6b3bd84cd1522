"""Symptoms of units: dead, saturated, frozen, or equal to each other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pellucid.inspection.doctor.advice import layers_of, lower_rate, other_start, with_leaky_relu, with_relu
from pellucid.inspection.doctor.catalogue import worse
from pellucid.inspection.doctor.evidence import Evidence, Run, counted
from pellucid.inspection.doctor.finding import Finding, Remedy
from pellucid.inspection.doctor.probe import MANY, LayerProbe
from pellucid.typing import Floats

FROZEN = 0.25
"""The share of a layer's units that did not move. One in four is more than rows that never reach a unit explain."""

MOVING_STEPS = 50
"""After fewer steps units may stand still because no row of the few batches has reached them yet."""

FEW_STEPS = 3
"""Before training, this many are tried out: units that begin alike may part at the first step."""

SAME = 1e-6
"""Weights that differ by less, beside their size, are equal: about ten times the rounding of float32."""


def dead_relu(evidence: Evidence) -> list[Finding]:
    """ReLUs that are 0 for every row, at the end of training."""
    run = evidence.run
    layer = _worst(run, "dead") if run else None
    if run is None or layer is None:
        return []
    before = run.initial.layers[layer.place].dead if run.initial.layers else 0.0
    from_start = before > MANY
    message = (
        f"{layer.dead:.0%} of the units of layer {layer.place}, {layer.layer}, are 0 for every one of "
        f"{len(run.some_rows)} rows ({before:.0%} were so before training)."
    )
    usual = other_start(run)
    if from_start and usual is not None:
        advice = "Let the weights and biases in front of it begin as usual: omit their initializers."
        remedy = Remedy(layers=usual)
    else:
        lower = None if from_start else lower_rate(run)
        advice = "Use LeakyReLU, whose units can come back."
        if lower is not None:
            advice = f"Lower the learning rate to {lower[0]:g}, and use LeakyReLU, whose units can come back."
        remedy = Remedy(layers=with_leaky_relu(usual or layers_of(run)), settings=lower[1] if lower else {})
    numbers = {"dead": layer.dead, "dead_before_training": before}
    return [Finding("dead_relu", run.severity, message, numbers, layer.place, run.last.epoch, advice, remedy)]


def saturated_units(evidence: Evidence) -> list[Finding]:
    """Hidden sigmoids and their like that are at their ends for nearly every row, before or after training."""
    run = evidence.run
    if run is None or not run.end.layers:
        return []
    last = run.end.layers[-1].place
    at_start = [layer for layer in run.initial.layers if layer.saturated >= MANY and layer.place != last]
    at_end = [layer for layer in run.end.layers if layer.saturated >= MANY and layer.place != last]
    found = at_start or at_end
    if not found:
        return []
    layer = max(found, key=lambda each: each.saturated)
    after = run.end.layers[layer.place].saturated
    severity = run.severity if at_start else "hint"  # what trained units do has other causes
    epoch = 0 if at_start else run.last.epoch
    message = (
        f"{layer.saturated:.0%} of the units of layer {layer.place}, {layer.layer}, are at one of their ends for nine "
        f"rows in ten {'before the first step' if at_start else 'at the end'}."
    )
    numbers = {"saturated": layer.saturated, "saturated_at_the_end": after}
    usual, lower = other_start(run), None if at_start else lower_rate(run)
    if at_start and usual is not None:
        advice = "Let the weights in front of it begin at their usual size: omit their weight_initializer."
        remedy = Remedy(layers=usual)
    elif lower is not None:
        advice, remedy = f"Lower the learning rate to {lower[0]:g}.", Remedy(settings=lower[1])
    else:
        advice = "Use ReLU in its place, which has one end, and look at the size of what it is given."
        remedy = Remedy(layers=with_relu(layers_of(run)))
    return [Finding("saturated_units", severity, message, numbers, layer.place, epoch, advice, remedy)]


def symmetric_weights(evidence: Evidence) -> list[Finding]:
    """Units of a layer that begin with the same weights as another, and keep them."""
    run = evidence.run
    if run is None:
        return []
    told = []
    state = run.last if run.steps and run.divergence is None else run.rehearsal.train(run.first, FEW_STEPS)
    if state is None:
        return []
    begun = dict(_unit_columns(run, run.first.parameters))
    for index, columns in _unit_columns(run, state.parameters):
        if columns.shape[1] < 2 or index == _last_weighted(run) or twins(begun[index]) < MANY:
            continue  # weights that a penalty has brought to 0 are equal, too, but did not begin so
        share = twins(columns)
        if share < MANY:
            continue
        message = (
            f"{share:.0%} of the {columns.shape[1]} units of layer {index}, "
            f"{run.rehearsal.task.program.instructions[index].layer}, have the same weights as another unit after "
            f"{counted(run.steps or FEW_STEPS, 'step')}."
        )
        usual, severity = other_start(run), worse(run.severity, "warning")
        advice = "" if usual else "Draw the weights anew: a new trainer, or network.build again, makes random ones."
        remedy = Remedy(layers=usual or layers_of(run))
        told.append(
            Finding("symmetric_weights", severity, message, {"twins": share}, index, run.last.epoch, advice, remedy)
        )
    return told[:1]


def frozen_units(evidence: Evidence) -> list[Finding]:
    """Units whose weights and bias are the same after training as before, in some layers and not in all."""
    run = evidence.run
    if run is None or run.steps == 0 or run.divergence is not None:
        return []
    before, after = dict(_unit_columns(run, run.first.parameters)), dict(_unit_columns(run, run.last.parameters))
    still = {index: float((before[index] == after[index]).all(axis=0).mean()) for index in before}
    if not still or min(still.values()) == 1.0:
        return []  # nothing moved at all: the rate is the matter
    index = max(still, key=lambda each: still[each])
    if still[index] < FROZEN:
        return []
    factors = run.rehearsal.task.rate_factors
    ranges = [view.range for view in run.rehearsal.task.program.instructions[index].parameters]
    by_factor = factors is not None and all(not factors[part].any() for part in ranges)
    if not by_factor and run.steps < MOVING_STEPS:
        return []
    message = (
        f"{still[index]:.0%} of the units of layer {index}, {run.rehearsal.task.program.instructions[index].layer}, "
        f"have the very weights they began with after {counted(run.steps, 'step')}"
        + (": its learning-rate factor is 0." if by_factor else ".")
    )
    advice = "Omit its learning_rate_factors, unless it is meant to stay as it is." if by_factor else ""
    remedy = Remedy(settings={"learning_rate_factors": None}) if by_factor else None
    severity = worse(run.severity, "warning") if still[index] == 1.0 else run.severity
    return [Finding("frozen_units", severity, message, {"still": still[index]}, index, run.last.epoch, advice, remedy)]


def twins(columns: Floats) -> float:
    """The share of columns (d, units) that equal another one: in direction, and in length."""
    lengths = np.sqrt(np.square(columns, dtype=np.float64).sum(axis=0))  # (units,)
    whole = np.where(lengths > 0, lengths, 1.0)
    told = np.vstack([columns / whole, np.log(whole)])  # (d + 1, units)
    _, inverse, counts = np.unique(np.round(told / SAME), axis=1, return_inverse=True, return_counts=True)
    return float((counts[inverse.reshape(-1)] > 1).mean())


def _worst(run: Run, what: str) -> LayerProbe | None:
    """The layer with the largest share of such units at the end, if it is large."""
    found = [layer for layer in run.end.layers if getattr(layer, what) > MANY]
    return max(found, key=lambda layer: getattr(layer, what), default=None)


def _unit_columns(run: Run, parameters: Floats) -> Iterator[tuple[int, Floats]]:
    """Each layer with a weight (d_in, units): everything that belongs to a unit, a column each."""
    for instruction in run.rehearsal.task.program.instructions:
        arrays = [view.of(parameters) for view in instruction.parameters]
        if not arrays or arrays[0].ndim < 2:
            continue
        units = arrays[0].shape[-1]
        own = [array.reshape(-1, units) for array in arrays if array.shape[-1] == units]
        yield instruction.index, np.concatenate(own)


def _last_weighted(run: Run) -> int:
    return max((index for index, _ in _unit_columns(run, run.last.parameters)), default=-1)


SYMPTOMS = (dead_relu, saturated_units, symmetric_weights, frozen_units)
