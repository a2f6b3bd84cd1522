"""What a graph answers: labels, probabilities, numbers, named as scikit-learn's users expect them of ONNX.

After training on classes `label` (rows,) and `probabilities` (rows, K); for several independent yes-or-no outputs both
(rows, outputs); after a hinge loss `label` and `scores`, which are no probabilities; for numbers `variable`
(rows, outputs).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pellucid.formats.onnx.graph import Graph
from pellucid.network import Network
from pellucid.typing import Array, Floats

LABEL, PROBABILITIES, SCORES, VARIABLE = "label", "probabilities", "scores", "variable"


class Answers(NamedTuple):
    """What a network says of some rows, under the names of the graph's outputs."""

    values: Floats
    """Probabilities, scores or numbers, (n, columns)."""
    labels: Array | None
    """The place of each row's class, (n,), or yes and no (n, outputs); None for numbers."""


def values_name(link: str) -> str:
    """The name of the output that holds numbers."""
    return {"softmax": PROBABILITIES, "sigmoid": PROBABILITIES, "argmax": SCORES, "sign": SCORES}.get(link, VARIABLE)


def answers_of(network: Network, x: Array) -> Answers:
    """What the network itself says of rows x (n, d)."""
    if network.link in ("softmax", "sigmoid"):
        return Answers(network.predict_proba(x), network.predict(x))
    if network.link in ("argmax", "sign"):
        return Answers(network.scores(x), network.predict(x))
    with np.errstate(over="ignore"):  # exp of scores
        return Answers(network.predict(x).reshape(len(x), -1), None)


def labels_of(network: Network) -> Array | None:
    """What the classes 0, 1, … are called in the file: whole numbers (K,) where all names are such, else strings.

    None where the classes have no names, or there are several independent outputs.
    """
    several = network.link in ("sigmoid", "sign") and network.outputs > 1
    if network.classes is None or several or values_name(network.link) == VARIABLE:
        return None
    network.check_names()
    try:
        numbers = [int(name) for name in network.classes]
    except ValueError:
        numbers = []
    if [str(number) for number in numbers] == list(network.classes) and all(-(2**63) <= n < 2**63 for n in numbers):
        return np.array(numbers, dtype=np.int64)
    return np.array(network.classes, dtype=object)


def add_answers(graph: Graph, scores: str, network: Network) -> None:
    """Put the outputs behind the scores (rows, outputs)."""
    columns = network.outputs
    name = values_name(network.link)
    if name == VARIABLE:
        graph.node("Identity", _numbers(graph, scores, network), output=name)
        graph.output(name, np.float32, columns)
        return
    names = labels_of(network)
    if network.link in ("softmax", "argmax"):
        place = graph.node("ArgMax", scores, axis=1, keepdims=0)  # ties: the lowest
    else:
        yes = graph.node("Greater", scores, graph.constant(0.0, "zero"))
        place = graph.cast(yes, np.int64)  # (rows, outputs)
        if columns == 1:
            place = graph.node("Reshape", place, graph.constant(np.array([-1]), "flat"))  # (rows,)
    if names is None or names.tolist() == list(range(len(names))):
        graph.node("Identity", place, output=LABEL)
    else:
        graph.node("Gather", graph.constant(names, "classes"), place, output=LABEL)
    dtype = np.int64 if names is None else names.dtype
    graph.output(LABEL, dtype, columns if columns > 1 and network.link in ("sigmoid", "sign") else None)
    _add_values(graph, scores, network.link, columns)


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


def _add_values(graph: Graph, scores: str, link: str, columns: int) -> None:
    name = values_name(link)
    if link == "softmax":
        graph.node("Softmax", scores, axis=-1, output=name)
    elif link == "sigmoid" and columns == 1:
        yes = graph.node("Sigmoid", scores)
        no = graph.node("Sub", graph.constant(1.0, "one"), yes)
        graph.node("Concat", no, yes, axis=1, output=name)
        columns = 2
    else:
        graph.node("Sigmoid" if link == "sigmoid" else "Identity", scores, output=name)
    graph.output(name, np.float32, columns)
