"""Rows for exports: to compare on, to calibrate with, to put into self-tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.formats.steps import Affine, Prediction
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
    return x


def spread(x: Array) -> Array:
    """Up to 2,048 rows, evenly spread over x: enough to measure ranges on."""
    return x[:: -(-len(x) // _MOST)]
