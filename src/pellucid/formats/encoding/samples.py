"""Rows such as an encoder knows them, with cells missing and values that are new: what exports are tried on."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.encoding.encoded import BooleanColumn, CategoryColumn, DateColumn, NumberColumn
from pellucid.encoding.encoder import TableEncoder
from pellucid.typing import Array

_MISSING = 0.15
_NEW = "something new"
_LARGEST = np.finfo(np.float64).max


def sample_columns(encoder: TableEncoder, rows: int = 64, seed: int = 0) -> dict[str, Array]:
    """Columns of this many rows each; None, NaN and NaT where a cell is missing."""
    random = np.random.default_rng(seed)
    columns: dict[str, Array] = {}
    for column in encoder.columns:
        absent = random.random(rows) < _MISSING
        values: Any
        if isinstance(column, NumberColumn):
            spread = 1.0 / column.factor if column.factor else 1.0
            with np.errstate(over="ignore"):  # a sum beyond the largest number
                drawn = column.median + 3 * spread * random.normal(size=rows)
            values = np.where(absent, np.nan, np.clip(drawn, -_LARGEST, _LARGEST))
        elif isinstance(column, DateColumn):
            seconds = column.first + (random.normal(size=rows) * 1e8).astype(np.int64)
            values = seconds.astype("datetime64[s]")
            values[absent] = np.datetime64("NaT", "s")
        else:
            known = ["true", "false"] if isinstance(column, BooleanColumn) else [*column.values, _NEW]
            values = np.array(known, dtype=object)[random.integers(len(known), size=rows)]
            if isinstance(column, CategoryColumn):
                values[: len(column.values)] = column.values[:rows]
            values[absent] = None
        columns[column.name] = values
    return columns
