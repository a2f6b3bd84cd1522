"""A trained network as what a language writes down: its operations, and how scores become predictions.

Contract: `prediction_of(network)` returns a `Prediction`. A language (C, NumPy, JavaScript) knows the operations of
`pellucid.program.operations`, and no layer. All numbers are float64 here, and are rounded where they are written.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pellucid.losses import Quantile, TargetScaling
from pellucid.network import Network
from pellucid.program.operations import Graph
from pellucid.program.simplification import simplified
from pellucid.program.symbols import operations_of
from pellucid.tables.encoder import TableEncoder
from pellucid.typing import Floats


class Prediction(NamedTuple):
    """All that a language has to write down."""

    graph: Graph
    """The operations from a row to its scores, in `dtype` from `to_dtype` on; what stands before works on the data's
    own numbers."""
    inputs: int
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
        """The scores (n, outputs) of rows (n, inputs) in float64."""
        return self.graph.run(x)


def prediction_of(network: Network) -> Prediction:
    """The operations by which a network predicts.

    Raises
    ------
    ValueError
        If the network has no parameters yet, one of its numbers is not finite, it takes other inputs than rows of
        numbers, or a custom layer's `forward` cannot be read.
    """
    program = network.program
    if len(program.input_shape) != 1:
        raise ValueError(
            f"The network takes examples of the shape {program.input_shape}, but only rows of numbers can be exported "
            f"as source: train it on x.reshape(len(x), -1)."
        )
    for name, values in {**network.named_parameters(), **network.named_statistics()}.items():
        if not np.isfinite(values).all():
            raise ValueError(f"{name} holds numbers that are not finite: such a network cannot be exported.")
    return Prediction(
        simplified(operations_of(program, network.parameters, network.statistics)),
        program.input_shape[0],
        program.outputs,
        network.dtype,
        network.link,
        network.target,
        network.classes,
        network.summary(),
        network.preprocessing,
        network.loss.places if isinstance(network.loss, Quantile) else (),
        tuple(count for each in program.coded for count in getattr(each.layer, "cardinalities", ())),
    )
