"""Rows for exports: to compare on, to calibrate with, to put into self-tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.formats.prediction import Prediction
from pellucid.layers.layer import as_rows
from pellucid.program.operations import Graph
from pellucid.streams import Purpose, Stream
from pellucid.typing import Array, Floats
from pellucid.validation import check_inputs

_RANDOM = 64
_MOST = 2048


def sample_rows(prediction: Prediction, rows: Any) -> Array:
    """The given rows, checked; without any, random ones of the size that the network's scaling was measured on."""
    if rows is not None:
        return check_inputs(rows, "rows", prediction.input_shape)
    x: Floats = Stream(0, Purpose.DATA).normal((_RANDOM, *prediction.input_shape))  # (n, *input_shape)
    x = _unscaled(x, prediction.graph)
    if prediction.codes:
        put_codes(x, prediction.codes)
    return x


def _unscaled(x: Floats, graph: Graph) -> Floats:
    """What the scaling at the front of a network, (x − centre)·scale, would make x of."""
    centre, scale = np.zeros(1), np.ones(1)
    for node in graph:
        if node.inputs[:1] == (graph.input,) and node.operation == "subtract" and node.inputs[1].value is not None:
            centre = node.inputs[1].value
            scaled = [each for each in graph if each.operation == "multiply" and node in each.inputs]
            factors = [i.value for each in scaled for i in each.inputs if i.value is not None]
            scale = factors[0] if factors else scale
    return centre + x / np.where(scale == 0, 1.0, scale)


def put_codes(x: Floats, cardinalities: Sequence[int]) -> None:
    """Make the last columns of x (n, …, d) codes of categories: 0, 1, … and again from 0 on, in every column."""
    counts = np.array(cardinalities)
    rows = as_rows(x)  # (n·, d), a view
    rows[:, -len(counts) :] = (np.arange(len(rows))[:, None] + np.arange(len(counts))) % counts


def spread(x: Array) -> Array:
    """Up to 2,048 rows, evenly spread over x: enough to measure ranges on."""
    return x[:: -(-len(x) // _MOST)]
