"""A trained network as what a language writes down: its operations, and how scores become predictions.

Contract: `prediction_of(network)` returns a `Prediction`. A language (C, NumPy, JavaScript) knows the operations of
`pellucid.program.operations`, and no layer. All numbers are float64 here, and are rounded where they are written.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from pellucid.encoding.encoder import TableEncoder
from pellucid.losses import Quantile, TargetScaling
from pellucid.network import Network
from pellucid.program.operations import Graph
from pellucid.program.simplification import simplified
from pellucid.program.symbols import OperationError, operations_of
from pellucid.typing import Floats, Shape


class Prediction(NamedTuple):
    """All that a language has to write down."""

    graph: Graph
    """The operations from an example to its scores, in `dtype` from `to_dtype` on; what stands before works on the
    data's own numbers."""
    input_shape: Shape
    """Of one example."""
    outputs: int
    dtype: np.dtype[Any]
    link: str
    """How scores become predictions, one of `LINKS`."""
    target: TargetScaling | None
    """The unit of the predicted numbers, where scores are in another."""
    classes: tuple[str, ...] | None
    summary: str
    """The table of the layers."""
    encoder: TableEncoder | None = None
    """How the columns of a table become the inputs."""
    places: tuple[int, ...] = ()
    """Of quantiles: which of the predicted numbers, sorted, each output returns; () where they are as they come."""
    codes: tuple[int, ...] = ()
    """How many codes each of the last inputs may hold, 0 … count − 1; () where all inputs are numbers."""

    @property
    def inputs(self) -> int:
        """How many numbers an example has."""
        return math.prod(self.input_shape)

    @property
    def batch_shape(self) -> str:
        """The shape of several examples, for people: "(n, 28, 28)"."""
        return f"({', '.join(map(str, ('n', *self.input_shape)))})"

    @property
    def class_count(self) -> int:
        """The number of classes of `predict`; 0 where it returns numbers, or several of yes and no."""
        if self.link in ("softmax", "argmax"):
            return self.outputs
        return 2 if self.link in ("sigmoid", "sign") and self.outputs == 1 else 0

    @property
    def probability_count(self) -> int:
        """The number of probabilities of one row; 0 where there are none."""
        if self.link not in ("softmax", "sigmoid"):
            return 0
        return self.class_count or self.outputs

    def scores(self, x: Floats) -> Floats:
        """The scores (n, outputs) of examples (n, *input_shape) in float64."""
        return self.graph.run(x)


def graph_of(network: Network) -> Graph:
    """The operations from examples (n, *input_shape) to scores (n, outputs), as few as possible.

    Raises
    ------
    OperationError
        If the network has scores at each position of an example, or a custom layer's `forward` cannot be read.
    """
    program = network.program
    if len(program.output_shape) != 1:
        raise OperationError(
            f"The network has an output of the shape {program.output_shape} for each example, but an export predicts "
            f"from one row of scores: end the network with one, such as Flatten() and Dense({program.outputs})."
        )
    return simplified(operations_of(program, network.parameters, network.statistics))


def prediction_of(network: Network) -> Prediction:
    """The operations by which a network predicts.

    Raises
    ------
    ValueError
        If the network has no parameters yet, one of its numbers is not finite, or `graph_of` refuses it.
    """
    program = network.program
    for name, values in {**network.named_parameters(), **network.named_statistics()}.items():
        if not np.isfinite(values).all():
            raise ValueError(f"{name} holds numbers that are not finite: such a network cannot be exported.")
    return Prediction(
        graph_of(network),
        program.input_shape,
        program.outputs,
        network.dtype,
        network.link,
        network.target,
        network.classes,
        network.summary(),
        network.preprocessing,
        network.loss.places if isinstance(network.loss, Quantile) else (),
        codes_of(network),
    )


def codes_of(network: Network) -> tuple[int, ...]:
    """How many codes each of the last columns of the input may hold; () where all are numbers."""
    return tuple(count for each in network.program.coded for count in getattr(each.layer, "cardinalities", ()))
