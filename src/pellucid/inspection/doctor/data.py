"""Symptoms of data: scales, leaks, targets that are not what they should be."""

from __future__ import annotations

import math

import numpy as np

from pellucid.engines.engine import Model
from pellucid.inspection.data_checks import leaking_columns, neighbourhood_purity, repeated_outlier, scales_of
from pellucid.inspection.doctor.advice import layers_of
from pellucid.inspection.doctor.catalogue import worse
from pellucid.inspection.doctor.evidence import Evidence, Run, counted
from pellucid.inspection.doctor.finding import Finding, Remedy
from pellucid.inspection.instrumented import walk_forward
from pellucid.inspection.ridge_baseline import RidgeBaseline
from pellucid.layers import BatchNormalization, CategoryEmbedding, LayerNormalization, Standardize
from pellucid.training import EarlyStopping
from pellucid.typing import Array, Floats

LARGE = 10.0
"""The root of the mean square of the inputs of the first weights. Weights begin for inputs of size 1; digits from 0 to
16, at about 8, still train, and bytes from 0 to 255 do badly."""

UNEVEN = 1000.0
"""The largest column beside the smallest."""

SMALL = 0.02

SIGNAL = 0.02
"""The share of the targets' variance that a ridge regression explains on held-out rows. Below this there is none."""

FEWEST_ROWS = 60
"""With fewer rows nothing is said about what cannot be predicted."""

LEAKED = 0.05
"""The share of validation rows that were trained on, beyond twice the share of twins in the training rows themselves:
a table of few columns has twins by nature."""

RARE = 0.3
"""The share of a class's rows beside the even share, 1/K."""

MISSED = 0.35
"""How many of its rows are found, beside what a balanced ridge regression finds."""

FINDABLE = 0.5

PURE = 0.86
"""How much of the ten nearest neighbours' labels agree around the purest half of the rows. Where labels are right this
is above 0.95; with a fifth of them wrong it is below 0.86."""

BY_HEART = 0.6
"""Contradicting labels do harm once they are learnt: when training rows have so much smaller an error than others."""

FAR_TARGETS, WIDE_TARGETS = 5.0, 30.0


def constant_inputs(evidence: Evidence) -> list[Finding]:
    """Rows that are all the same."""
    run = evidence.run
    if run is None or len(run.rehearsal.task.x) < 2:
        return []
    scales = scales_of(run.rehearsal.task.x)
    size = np.maximum(np.abs(scales.mean), 1e-30)
    if not (scales.deviation <= 1e-6 * size).all():
        return []
    message = f"In all {scales.mean.size} columns the rows of a sample of {len(run.rehearsal.task.x):,} are the same."
    return [Finding("constant_inputs", "error", message, {"columns": scales.mean.size})]


def unscaled_inputs(evidence: Evidence) -> list[Finding]:
    """The size of what meets the first weights."""
    run = evidence.run
    if run is None:
        return []
    task = run.rehearsal.task
    weighing = (each for each in task.program.instructions if each.parameters)
    dense = next(
        (each for each in weighing if not isinstance(each.layer, CategoryEmbedding)), None
    )  # codes have no size
    if dense is None or isinstance(dense.layer, BatchNormalization | LayerNormalization):
        return []
    model = Model(task.program, run.first.parameters, run.first.statistics)
    with np.errstate(all="ignore"):
        try:
            visits = walk_forward(model, task.x[run.some_rows])
        except ValueError:
            return []
    scales = scales_of(visits[dense.index].input)
    varied = scales.deviation > 0
    if not varied.any():
        return []
    size = float(np.sqrt((scales.mean**2 + scales.deviation**2).mean()))
    ratio = float(scales.deviation[varied].max() / np.percentile(scales.deviation[varied], 5))
    uneven = ratio > UNEVEN and float(scales.deviation.max()) > 3.0
    if not size > LARGE and not size < SMALL and not uneven:
        return []
    worst = int(np.argmax(np.abs(scales.mean) + scales.deviation))
    name = run.column_name(worst) if dense.index <= task.program.leading_scalings else f"column {worst}"
    message = (
        f"What meets the first weights has a root mean square of {size:.3g} (about 1 is right); {name} has the mean "
        f"{scales.mean[worst]:.3g} and the standard deviation {scales.deviation[worst]:.3g}, and the widest column is "
        f"{ratio:.3g} times as wide as the narrowest."
    )
    numbers = {"root_mean_square": size, "widest_over_narrowest": ratio, "column": worst}
    layers, place, advice = layers_of(run), dense.index, ""
    if any(isinstance(each, Standardize) for each in layers[:place]):
        advice = f"Put Standardize() directly in front of layer {place}: what stands before it changes the scale again."
    scaled = (*layers[:place], Standardize(), *layers[place:])
    if place and isinstance(layers[place - 1], Standardize):
        advice, scaled = "Let Standardize() measure these rows, with a new trainer: it was measured on others.", layers
    following = task.program.instructions[dense.index + 1 : dense.index + 2]
    softened = bool(following) and isinstance(following[0].layer, BatchNormalization)
    severity = "hint" if softened and run.outcome == "fine" else run.severity
    if run.divergence is not None:
        severity = "error"
    return [Finding("unscaled_inputs", severity, message, numbers, place, 0, advice, Remedy(layers=scaled))]


def unscaled_targets(evidence: Evidence) -> list[Finding]:
    """Numbers to be predicted that are far from 0, or very wide or narrow."""
    run = evidence.run
    if run is None or run.of_classes or run.rehearsal.task.link != "identity":
        return []
    scales = scales_of(run.rehearsal.task.targets)
    deviation, mean = float(scales.deviation.max()), float(np.abs(scales.mean).max())
    if deviation <= 0:
        return []
    if 1 / WIDE_TARGETS <= deviation <= WIDE_TARGETS and mean <= FAR_TARGETS * deviation:
        return []
    message = (
        f"The targets have the mean {mean:.4g} and the standard deviation {deviation:.4g}; about 0 and 1 are right."
    )
    numbers, advice = {"mean": mean, "standard_deviation": deviation}, ""
    unit = run.network.target
    if unit is not None and (unit.mean, unit.scale) != (0.0, 1.0):
        message = f"In the network's own unit {message[0].lower()}{message[1:]}"
        advice = "Measure the unit of the targets anew, on these rows: a new trainer with standardize_target=True."
    remedy = Remedy(settings={"standardize_target": True})
    return [Finding("unscaled_targets", run.severity, message, numbers, advice=advice, remedy=remedy)]


def broken_target(evidence: Evidence) -> list[Finding]:
    """A number among the targets that many rows share, far from all others."""
    run = evidence.run
    if run is None or run.of_classes:
        return []
    found = repeated_outlier(run.targets)
    if found is None:
        return []
    message = (
        f"{found.rows:,} of {len(run.rehearsal.task.targets):,} sampled rows have the target {found.value:g}, and all "
        f"others lie between {found.low:g} and {found.high:g}: these rows make up {found.variance:.0%} of the variance."
    )
    numbers = {"value": found.value, "rows": found.rows, "share_of_variance": found.variance}
    advice = f"Leave the rows with the target {found.value:g} out, or repair them."
    return [Finding("broken_target", "error", message, numbers, advice=advice)]


def shuffled_labels(evidence: Evidence) -> list[Finding]:
    """Neither the network nor an independent model can tell the targets from the inputs."""
    run = evidence.run
    if run is None or len(run.rehearsal.task.x) < FEWEST_ROWS or not run.judged:
        return []
    yard = run.yardstick
    if yard.signal > SIGNAL or yard.chance == 0:
        return []
    if run.validation_error is not None and run.validation_error < 0.95 * yard.chance:
        return []
    message = f"On held-out rows a ridge regression explains {max(yard.signal, 0):.1%} of the targets' variance"
    if run.validation_error is None:
        message += "."
    else:
        message += (
            f"; the network has {run.quality(run.validation_error)}, the best constant {run.quality(yard.chance)}."
        )
    severity = "error" if run.validation_error is not None else "warning"
    return [Finding("shuffled_labels", severity, message, {"explained": yard.signal, "chance": yard.chance})]


def label_noise(evidence: Evidence) -> list[Finding]:
    """Labels that differ from those around them, everywhere and not at the borders alone."""
    run = evidence.run
    if run is None or not run.of_classes or len(run.rehearsal.task.x) < 4 * FEWEST_ROWS:
        return []
    if any(isinstance(each, CategoryEmbedding) for each in layers_of(run)):
        return []  # codes of categories are names: rows whose codes lie close together are no neighbours
    yard = run.yardstick
    if yard.signal <= 2 * SIGNAL or yard.chance == 0:
        return []
    labels = class_numbers(run.rehearsal.task.targets)
    if labels is None:
        return []
    purity = neighbourhood_purity(run.rehearsal.task.x, labels)
    guess = 1 - yard.chance
    if not guess + 0.1 < purity.core < PURE:
        return []
    held_out = math.inf if run.validation_error is None else run.validation_error
    if 1 - min(held_out, yard.unexplained) > purity.core:
        return []  # what can be predicted so well is no noise: the columns that decide it are few among many
    message = (
        f"Around the purest half of the rows {purity.core:.0%} of the ten nearest neighbours have the same label "
        f"(of all rows, {purity.all:.0%}): a part of the labels is wrong, or the inputs do not decide them."
    )
    numbers = {"purest_half": purity.core, "all": purity.all}
    advice, remedy = "Correct the labels.", None
    if run.early_stopping is None:
        advice = "Correct the labels; until then stop early: EarlyStopping(5) with a validation set."
        if run.validation is not None:
            remedy = Remedy(settings={"callbacks": [EarlyStopping(5)]})
    by_heart = run.steps > 0 and run.training_error < BY_HEART * run.held_out_error
    return [Finding("label_noise", "warning" if by_heart else "hint", message, numbers, advice=advice, remedy=remedy)]


def validation_leak(evidence: Evidence) -> list[Finding]:
    """Validation rows that stand in the training rows."""
    run = evidence.run
    if run is None or run.shared_share <= LEAKED + 2 * run.twins_share:
        return []
    rows = run.shared_rows if run.shared_rows is not None else np.empty(0, dtype=np.int64)
    message = (
        f"{run.shared_share:.0%} of the validation rows stand in the training rows, to the last bit "
        f"({counted(len(rows), 'training row')})."
    )
    numbers = {"share_of_validation": run.shared_share, "training_rows": len(rows)}
    return [Finding("validation_leak", "error", message, numbers, remedy=Remedy(leave_out=rows))]


def class_imbalance(evidence: Evidence) -> list[Finding]:
    """A rare class that is not found, though it can be."""
    run = evidence.run
    if run is None or not run.of_classes or not run.steps or run.divergence is not None:
        return []
    if run.rehearsal.task.sample_weight is not None:
        return []
    task = run.rehearsal.task
    labels = class_numbers(task.targets)
    if labels is None:
        return []
    counts = np.bincount(labels)
    present = np.flatnonzero(counts)
    rare = int(present[np.argmin(counts[present])]) if present.size > 1 else -1
    if rare < 0 or counts[rare] > RARE / present.size * len(labels) or counts[rare] < 10:
        return []
    x, truth = (task.x, labels) if run.validation is None else (run.validation[0], class_numbers(run.validation[1]))
    if truth is None or not (truth == rare).any():
        return []
    found = _predicted_classes(run, x)[truth == rare] == rare
    recall = float(found.mean())
    reachable = _balanced_recall(task.x, labels, x, truth, rare)
    if reachable < FINDABLE or recall >= 0.5 * reachable:
        return []
    severity = "hint" if recall >= MISSED * reachable else worse(run.severity, "warning")
    message = (
        f"Class {run.class_name(rare)} has {counts[rare] / len(labels):.1%} of the rows, and {recall:.0%} of them are "
        f"found; a balanced ridge regression finds {reachable:.0%}."
    )
    numbers = {"class": rare, "share": counts[rare] / len(labels), "found": recall, "findable": reachable}
    remedy = Remedy(fit={"class_weight": "balanced"})
    return [Finding("class_imbalance", severity, message, numbers, remedy=remedy)]


def _balanced_recall(x: Array, labels: Array, other_x: Array, truth: Array, rare: int) -> float:
    """How many rows of the rare class a ridge regression finds that saw as many of it as of the others."""
    own, others = np.flatnonzero(labels == rare), np.flatnonzero(labels != rare)
    rows = np.concatenate([others, np.resize(own, len(others))])
    model = RidgeBaseline.fit(x[rows], (labels[rows] == rare).astype(np.float64)[:, None])
    yes = model.predict(other_x)[:, 0] > 0.5
    if yes[truth != rare].mean() > 0.5:
        return 0.0  # it says yes to nearly everything
    return float(yes[truth == rare].mean())


def class_numbers(targets: Array) -> Array | None:
    """Classes (n,) of targets; None for several independent yes-or-no answers."""
    if targets.ndim == 1:
        return targets
    if targets.shape[1] == 1:
        return (targets[:, 0] > 0.5).astype(np.int64)
    rows_of_one: Floats = targets.sum(axis=1)
    return targets.argmax(axis=1) if np.allclose(rows_of_one, 1.0) else None


def _predicted_classes(run: Run, x: Array) -> Array:
    scores = run.rehearsal.scores(run.shown, x)
    return (scores[:, 0] > 0).astype(np.int64) if scores.shape[1] == 1 else scores.argmax(axis=1)


def leaking_column(evidence: Evidence) -> list[Finding]:
    """A single column that tells the target."""
    run = evidence.run
    if run is None:
        return []
    told = []
    for each in leaking_columns(run.rehearsal.task.x, run.columns(run.rehearsal.task.targets)):
        name = run.column_name(each.column)
        message = (
            f"{name[0].upper()}{name[1:]} alone explains {each.explained:.2%} of the target's variance; the next best, "
            f"{each.next_best:.0%}."
        )
        numbers = {"column": each.column, "explained": each.explained}
        told.append(Finding("leaking_column", "warning", message, numbers))
    return told


SYMPTOMS = (
    constant_inputs,
    broken_target,
    shuffled_labels,
    validation_leak,
    unscaled_inputs,
    unscaled_targets,
    class_imbalance,
    label_noise,
    leaking_column,
)
