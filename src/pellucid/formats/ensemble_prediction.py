"""What exports have to know of several networks of an ensemble: the steps of each, and what they share.

Contract: `predictions_of(model)` returns the `Prediction` of each network, of one alone a tuple of one. What they take
and predict is the same for all; steps, precision and the unit of the predicted numbers are each one's own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.ensemble import Model, members
from pellucid.formats.prediction import Prediction, prediction_of
from pellucid.losses import TargetScaling
from pellucid.numerics import logistic, softmax
from pellucid.typing import Floats

UNIT = {"scale": 1.0, "mean": 0.0, "low": -np.inf, "high": np.inf}
"""The parts of a unit, and what they are where nothing is said: score·scale + mean, from low to high."""

_UNIT = "\npredictions: "  # what stands in a summary before the unit of the predicted numbers


def predictions_of(model: Model) -> tuple[Prediction, ...]:
    """The steps by which each network of a model predicts.

    Raises
    ------
    ValueError
        As for `prediction_of`.
    """
    return tuple(prediction_of(network) for network in members(model).networks)


def summary_of(summaries: Sequence[str]) -> str:
    """The table of a network's layers; of several networks one for all where they are the same, and each unit."""
    if len(summaries) == 1:
        return summaries[0]
    parted = [summary.partition(_UNIT) for summary in summaries]
    head, tables = f"{len(summaries)} networks of an ensemble", {table for table, _, _ in parted}
    if len(tables) > 1:
        return "\n\n".join([f"{head}:", *summaries])
    units = [f"predictions of network {number}: {unit}" for number, (_, _, unit) in enumerate(parted, start=1) if unit]
    return "\n".join([f"{head}, each of them:", "", *tables, *units])


def units_of(parts: Sequence[Prediction]) -> dict[str, Floats] | None:
    """The parts of each network's unit, (networks, outputs) each; None where scores are the predicted numbers."""
    if all(part.target is None for part in parts):
        return None
    units = {}
    for name, usual in UNIT.items():
        columns = [(part.target or TargetScaling()).column(name, part.outputs) for part in parts]
        units[name] = np.stack([np.full(parts[0].outputs, usual) if each is None else each for each in columns])
    return units


def deciding(parts: Sequence[Prediction], x: Floats) -> Floats:
    """What the classes of rows x (n, inputs) are decided by, in float64 (n, outputs): the highest, or what is above 0.

    Of one network its scores; of several their mean, or that of the probabilities, of yes less ½, where there are some.
    """
    scores = [part.scores(x) for part in parts]
    if len(parts) > 1 and parts[0].link == "softmax":
        scores = [softmax(each) for each in scores]
    elif len(parts) > 1 and parts[0].link == "sigmoid":
        scores = [logistic(each) - 0.5 for each in scores]
    answer: Floats = np.mean(scores, axis=0)
    return answer
