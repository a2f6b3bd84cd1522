"""An encoder as an ONNX graph: one input (rows, 1) for each column, and out of it the rows of numbers.

A number is float64, NaN where it is missing; a date the seconds from 1970 on as float64; yes and no 1 and 0, NaN where
it is missing; a category a string, any other than the known ones where it is missing or new. Strings are looked up by
the operator LabelEncoder, which belongs to ONNX's own operators for machine learning.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.encoding.encoded import BooleanColumn, CategoryColumn, DateColumn, NumberColumn
from pellucid.encoding.encoder import TableEncoder
from pellucid.formats.onnx.graph import Graph
from pellucid.typing import Array

_LARGEST = 1e150  # whose square is finite


def encode(graph: Graph, encoder: TableEncoder) -> str:
    """Put an encoder into a graph; the name of the encoded rows (rows, width), float32."""
    before, graph.dtype = graph.dtype, np.dtype(np.float64)
    groups: dict[str, list[str]] = {"numbers": [], "signs": [], "missing": [], "one_hot": [], "codes": []}
    for place, column in enumerate(encoder.columns):
        graph.prefix = f"column_{place}."
        if isinstance(column, CategoryColumn):
            _category(graph, column, graph.column(column.name, object), groups)
            continue
        cell = graph.column(column.name, np.float64)
        if isinstance(column, BooleanColumn):
            groups["signs"].append(_sign(graph, cell))
            continue
        absent = graph.node("IsNaN", cell)
        if isinstance(column, NumberColumn):
            groups["numbers"].append(_scaled(graph, cell, absent, column.median, column.factor, column.clip))
        else:
            _date(graph, column, cell, absent, groups)
        if column.missing:
            groups["missing"].append(graph.cast(absent, np.float32))
    graph.prefix, graph.dtype = "", before
    parts = [name for group in groups.values() for name in group]
    return graph.node("Concat", *parts, axis=1) if len(parts) > 1 else parts[0]


def feeds_of(encoder: TableEncoder, columns: dict[str, Array]) -> dict[str, Array]:
    """Columns of cells as what the graph is given: (rows, 1) each."""
    feeds: dict[str, Any] = {}
    for column in encoder.columns:
        cells = columns[column.name]
        if isinstance(column, CategoryColumn):
            values = np.array(["" if cell is None else cell for cell in cells.tolist()], dtype=object)
        elif isinstance(column, DateColumn):
            values = np.where(np.isnat(cells), np.nan, cells.astype("datetime64[s]").astype(np.int64))
        elif isinstance(column, BooleanColumn):
            truths = {"true": 1.0, "false": 0.0, None: np.nan}
            values = np.array([truths[cell] for cell in cells.tolist()], dtype=np.float64)
        else:
            values = cells
        feeds[column.name] = values[:, None]
    return feeds


def _scaled(graph: Graph, x: str, absent: str, median: float, factor: float, clip: float) -> str:
    """(x − median)·factor, clipped smoothly; 0 where x is missing."""
    z = graph.node("Mul", _minus(graph, x, median), graph.constant(factor, "factor"))
    z = graph.node("Where", absent, graph.constant(0.0, "median_itself"), z)
    z = graph.node("Min", graph.node("Max", z, graph.constant(-_LARGEST, "least")), graph.constant(_LARGEST, "most"))
    ratio = graph.node("Div", z, graph.constant(clip, "clip"))
    root = graph.node("Sqrt", graph.node("Add", graph.node("Mul", ratio, ratio), graph.constant(1.0, "one")))
    return graph.cast(graph.node("Div", z, root), np.float32)


def _minus(graph: Graph, x: str, value: float) -> str:
    return graph.node("Sub", x, graph.constant(value, "shift"))


def _sign(graph: Graph, x: str) -> str:
    """+1 for yes, −1 for no, 0 where x is missing: 2·|sign x| − 1 where it is known."""
    known = graph.node("Sub", graph.constant(1.0, "one"), graph.cast(graph.node("IsNaN", x), np.float64))
    yes = graph.node(
        "Abs", graph.node("Sign", graph.node("Where", graph.node("IsNaN", x), graph.constant(0.0, "no"), x))
    )
    signs = graph.node("Sub", graph.node("Mul", yes, graph.constant(2.0, "two")), known)
    return graph.cast(signs, np.float32)


def _category(graph: Graph, column: CategoryColumn, cell: str, groups: dict[str, list[str]]) -> None:
    """A name as a sign, a code, or one number a value."""
    count = len(column.values)
    codes = [-1.0, 1.0] if column.form == "sign" else [float(code) for code in range(1, count + 1)]
    options: dict[str, Any] = {"keys_strings": list(column.values), "values_floats": codes, "default_float": 0.0}
    code = graph.node("LabelEncoder", cell, domain="ai.onnx.ml", **options)
    if column.form == "one_hot":
        graph.dtype = np.dtype(np.float32)
        places = graph.constant(np.arange(1, count + 1, dtype=np.float32)[None], "places")  # (1, values)
        graph.dtype = np.dtype(np.float64)
        groups["one_hot"].append(graph.cast(graph.node("Equal", code, places), np.float32))
    else:
        groups["signs" if column.form == "sign" else "codes"].append(code)


def _date(graph: Graph, column: DateColumn, seconds: str, absent: str, groups: dict[str, list[str]]) -> None:
    """The parts of a moment. A year begins in March here, so that the day that some have more comes last in it."""

    def times(x: str, factor: float) -> str:
        return graph.node("Mul", x, graph.constant(factor, "factor"))

    def by(x: str, divisor: float) -> str:
        return graph.node("Floor", graph.node("Div", x, graph.constant(divisor, "divisor")))

    def plus(*values: str) -> str:
        total = values[0]
        for value in values[1:]:
            total = graph.node("Add", total, value)
        return total

    def number(value: float) -> str:
        return graph.constant(value, "number")

    whole = graph.node("Floor", graph.node("Where", absent, number(0.0), seconds))
    day = by(whole, 86400.0)
    shifted = plus(day, number(719468.0))  # days from the first of March of the year 0 on
    era = by(shifted, 146097.0)  # of 400 years
    rest = plus(shifted, times(era, -146097.0))
    leaps = plus(times(by(rest, 1460.0), -1.0), by(rest, 36524.0), times(by(rest, 146096.0), -1.0))
    year = by(plus(rest, leaps), 365.0)
    of_year = plus(rest, times(year, -365.0), times(by(year, 4.0), -1.0), by(year, 100.0))
    month = by(plus(times(of_year, 5.0), number(2.0)), 153.0)  # 0: March
    late = by(month, 10.0)  # 1 in January and February
    parts = {
        "year": plus(year, times(era, 400.0), late),
        "month": plus(month, number(3.0), times(late, -12.0)),
        "day": plus(of_year, times(by(plus(times(month, 153.0), number(2.0)), 5.0), -1.0), number(1.0)),
        "weekday": plus(day, number(3.0), times(by(plus(day, number(3.0)), 7.0), -7.0)),
        "hour": by(plus(whole, times(day, -86400.0)), 3600.0),
        "days": graph.node("Div", _minus(graph, whole, float(column.first)), number(86400.0)),
    }
    for part, median, factor in zip(column.parts, column.medians, column.factors, strict=True):
        groups["numbers"].append(_scaled(graph, parts[part], absent, median, factor, column.clip))
