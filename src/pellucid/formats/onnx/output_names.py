"""What a graph answers: labels, probabilities, numbers, named as scikit-learn's users expect them of ONNX.

After training on classes `label` (rows,) and `probabilities` (rows, K); for several independent yes-or-no outputs both
(rows, outputs); after a hinge loss `label` and `scores`, which are no probabilities; for numbers `variable`
(rows, outputs).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pellucid.ensemble import Ensemble, mean
from pellucid.formats.onnx.graph import Graph
from pellucid.losses import Quantile
from pellucid.network import Network
from pellucid.typing import Array, Floats

LABEL, PROBABILITIES, SCORES, VARIABLE = "label", "probabilities", "scores", "variable"


class GraphOutputs(NamedTuple):
    """What networks say of some rows, under the names of the graph's outputs."""

    values: Floats
    """Probabilities, scores or numbers, (n, columns)."""
    labels: Array | None
    """The place of each row's class, (n,), or yes and no (n, outputs); None for numbers."""


def values_name(link: str) -> str:
    """The name of the output that holds numbers."""
    return {"softmax": PROBABILITIES, "sigmoid": PROBABILITIES, "argmax": SCORES, "sign": SCORES}.get(link, VARIABLE)


def answers_of(model: Ensemble, x: Array) -> GraphOutputs:
    """What the networks themselves say of rows x (n, d)."""
    if model.link in ("softmax", "sigmoid"):
        return GraphOutputs(model.predict_proba(x), model.predict(x))
    if model.link in ("argmax", "sign"):
        return GraphOutputs(mean([network.scores(x) for network in model.networks]), model.predict(x))
    with np.errstate(over="ignore"):  # exp of scores
        return GraphOutputs(model.predict(x).reshape(len(x), -1), None)


def labels_of(model: Ensemble) -> Array | None:
    """What the classes 0, 1, … are called in the file: whole numbers (K,) where all names are such, else strings.

    None where the classes have no names, or there are several independent outputs.
    """
    several = model.link in ("sigmoid", "sign") and model.outputs > 1
    if model.classes is None or several or values_name(model.link) == VARIABLE:
        return None
    model.networks[0].check_names()
    try:
        numbers = [int(name) for name in model.classes]
    except ValueError:
        numbers = []
    if [str(number) for number in numbers] == list(model.classes) and all(-(2**63) <= n < 2**63 for n in numbers):
        return np.array(numbers, dtype=np.int64)
    return np.array(model.classes, dtype=object)


def add_answers(graph: Graph, scores: Sequence[str], model: Ensemble) -> None:
    """Put the outputs behind the scores (rows, outputs) of each network."""
    if values_name(model.link) == VARIABLE:
        _add_numbers(graph, scores, model)
        return
    common, border = _common(graph, scores, model.link)
    _add_labels(graph, common, border, model)
    _add_values(graph, common, model.link, model.outputs, shares=len(scores) > 1)


def _common(graph: Graph, scores: Sequence[str], link: str) -> tuple[str, float]:
    """What classes are decided by, (rows, outputs), and above what it is a yes: the scores of a single network; of
    several their mean, or that of the probabilities where there are some.
    """
    if len(scores) == 1:
        return scores[0], 0.0
    if link == "softmax":
        scores = [graph.node("Softmax", each, axis=-1) for each in scores]
    elif link == "sigmoid":
        scores = [graph.node("Sigmoid", each) for each in scores]
    return graph.node("Mean", *scores), 0.5 if link == "sigmoid" else 0.0


def _add_labels(graph: Graph, common: str, border: float, model: Ensemble) -> None:
    columns, names = model.outputs, labels_of(model)
    if model.link in ("softmax", "argmax"):
        place = graph.node("ArgMax", common, axis=1, keepdims=0)  # ties: the lowest
    else:
        yes = graph.node("Greater", common, graph.constant(border, "half" if border else "zero"))
        place = graph.cast(yes, np.int64)  # (rows, outputs)
        if columns == 1:
            place = graph.node("Reshape", place, graph.constant(np.array([-1]), "flat"))  # (rows,)
    if names is None or names.tolist() == list(range(len(names))):
        graph.node("Identity", place, output=LABEL)
    else:
        graph.node("Gather", graph.constant(names, "classes"), place, output=LABEL)
    dtype = np.int64 if names is None else names.dtype
    graph.output(LABEL, dtype, columns if columns > 1 and model.link in ("sigmoid", "sign") else None)


def _add_numbers(graph: Graph, scores: Sequence[str], model: Ensemble) -> None:
    """The numbers of each network in its own unit, their mean, and quantiles in order."""
    columns, places = model.outputs, model.loss.places if isinstance(model.loss, Quantile) else ()
    numbers = [_numbers(graph, each, network) for each, network in zip(scores, model.networks, strict=True)]
    common = graph.node("Mean", *numbers) if len(numbers) > 1 else numbers[0]
    graph.node("Identity", _in_order(graph, common, places) if places else common, output=VARIABLE)
    graph.output(VARIABLE, np.float32, columns)


def _in_order(graph: Graph, quantiles: str, places: tuple[int, ...]) -> str:
    """The numbers of each row, dealt out by size to the places of the levels."""
    count = graph.constant(np.array([len(places)]), "levels")
    ascending = graph.node("TopK", quantiles, count, unused=1, axis=-1, largest=0, sorted=1)
    if places == tuple(range(len(places))):
        return ascending
    return graph.node("Gather", ascending, graph.constant(np.array(places), "places"), axis=1)


def _numbers(graph: Graph, scores: str, network: Network) -> str:
    """The scores (rows, outputs) as predicted numbers in the unit of the target.

    Exp(score)·scale is written as exp(score + log scale): so the graph ends as any that predicts exponentials.
    """
    unit = network.target
    mean, scale, low, high = (
        None if unit is None else unit.column(part, network.outputs) for part in ("mean", "scale", "low", "high")
    )

    def then(operator: str, numbers: Floats | None, part: str) -> None:
        nonlocal scores
        if numbers is not None:
            scores = graph.node(operator, scores, graph.constant(numbers.astype(np.float32), f"target.{part}"))

    if network.link == "exponential":
        then("Add", None if scale is None else np.log(scale), "log_scale")
        scores = graph.node("Exp", scores)
    else:
        then("Mul", scale, "scale")
        then("Add", mean, "mean")
    then("Max", low, "low")
    then("Min", high, "high")
    return scores


def _add_values(graph: Graph, common: str, link: str, columns: int, *, shares: bool) -> None:
    """The probabilities, or the scores where there are none; `shares`: what is common are probabilities already."""
    name = values_name(link)
    if link == "sigmoid" and columns == 1:
        yes = common if shares else graph.node("Sigmoid", common)
        no = graph.node("Sub", graph.constant(1.0, "one"), yes)
        graph.node("Concat", no, yes, axis=1, output=name)
        columns = 2
    elif link == "softmax" and not shares:
        graph.node("Softmax", common, axis=-1, output=name)
    else:
        graph.node("Sigmoid" if link == "sigmoid" and not shares else "Identity", common, output=name)
    graph.output(name, np.float32, columns)
