"""Rows for exports: to compare on, to calibrate with, to put into self-tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.formats.steps import Affine, Lookup, Prediction
from pellucid.streams import Purpose, Stream
from pellucid.typing import Array, Floats
from pellucid.validation import check_inputs

_RANDOM = 64
_MOST = 2048


def sample_rows(prediction: Prediction, rows: Any) -> Array:
    """The given rows, checked; without any, random ones of the size that the network's scaling was measured on."""
    if rows is not None:
        return check_inputs(rows, "rows", (prediction.inputs,))
    x: Floats = Stream(0, Purpose.DATA).normal((_RANDOM, prediction.inputs))  # (n, inputs)
    first = prediction.scaling[0] if prediction.scaling else None
    if isinstance(first, Affine):
        x = first.centre + x / np.where(first.scale == 0, 1.0, first.scale)
    for step in prediction.steps:
        if isinstance(step, Lookup):
            put_codes(x, step.cardinalities)
    return x


def put_codes(x: Floats, cardinalities: Sequence[int]) -> None:
    """Make the last columns of x (n, d) codes of categories: 0, 1, … and again from 0 on, in every column."""
    counts = np.array(cardinalities)
    x[:, -len(counts) :] = (np.arange(len(x))[:, None] + np.arange(len(counts))) % counts


def spread(x: Array) -> Array:
    """Up to 2,048 rows, evenly spread over x: enough to measure ranges on."""
    return x[:: -(-len(x) // _MOST)]
